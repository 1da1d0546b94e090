use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};

const FILES: &str = "
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: c}, spec: {bootstrapRole: {name: door}, guardrails: {permissionsBoundary: None, trust: {accounts: ['111111111111', '222222222222']}}, adoption: {roles: ['/legacy/audit-?*']}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: d}, spec: {bootstrapRole: {name: door}, guardrails: {permissionsBoundary: None, rolePath: '/teams/${namespace}/', trust: {organizations: [o-a1b2c3d4e5]}}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AccountClass, metadata: {name: empty}, spec: {bootstrapRole: {name: door}, guardrails: {permissionsBoundary: None, rolePath: /empty/}}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: prod}, spec: {accountId: '222222222222', class: c}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: stage}, spec: {accountId: '333333333333', class: d}}
---
{apiVersion: crossrole.dev/v1alpha1, kind: AWSAccount, metadata: {name: old}, spec: {accountId: '444444444444', class: c, state: Abandoned}}
";

fn flags(more: &[&str]) -> Result<BootstrapFlags, clap::Error> {
    let all = "crossrole bootstrap --events --format cloudformation -f all.yaml --output-dir out --operator-role \
               arn:aws:iam::111111111111:role/crossrole-operator";
    match Cli::try_parse_from(all.split_whitespace().chain(more.iter().copied()))?.command {
        Command::Bootstrap(flags) => Ok(flags),
        other => panic!("{other:?}"),
    }
}

fn feed_of(more: &[&str]) -> Result<Feed, Box<dyn Error>> {
    let mut manifests = Manifests::default();
    manifests.add(FILES, "all.yaml", "default").unwrap();
    feed(
        &flags(&[more, &["--region", "eu-central-1"][..]].concat()).unwrap(),
        &manifests,
    )
}

fn texts(format: Format, more: &[&str]) -> Vec<(String, String)> {
    let feed = feed_of(more).unwrap();
    let regions = regions(&feed, &["eu-west-1".into(), "us-east-1".into(), "eu-central-1".into()]);
    let files = files(format, &feed, &regions).unwrap();
    files.into_iter().map(|file| (file.name, file.text)).collect()
}

#[test]
fn the_feed_is_of_all_classes_and_of_whom_they_trust() {
    let feed = feed_of(&[]).unwrap();
    let targets: Vec<&str> = feed.targets.values().map(String::as_str).collect();
    assert_eq!(targets, ["prod", "stage"]);
    let trusted: Vec<&str> = feed.trusted.iter().map(|id| id.as_str()).collect();
    assert_eq!(
        trusted,
        ["111111111111"],
        "one that holds roles sees all that is to be seen"
    );
    assert_eq!(feed.bus(), "arn:aws:events:us-east-1:111111111111:event-bus/crossrole");
    let uses = feed.uses().to_string();
    for role in ["role/crossrole/*", "role/teams/*/*", "role/legacy/audit-*"] {
        assert!(uses.contains(&format!("\"arn:aws:iam::*:{role}\"")), "{role}: {uses}");
    }
    assert!(!uses.contains("**") && !uses.contains("empty"), "{uses}");
    let one = feed_of(&["--class", "d"]).unwrap();
    assert_eq!((one.targets.len(), one.trusted.len()), (1, 0));
    let one = feed_of(&["--account", "stage"]).unwrap();
    assert_eq!(one.targets.len(), 1);
    for (more, expected) in [
        (&["--class", "gold"][..], "there is no AccountClass gold"),
        (&["--class", "empty"][..], "there is no AWSAccount of class empty"),
        (&["--account", "old"][..], "AWSAccount old is not in these files"),
    ] {
        let error = feed_of(more).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn regions_and_a_folder_must_be_said_and_the_region_of_iam_is_always_among_them() {
    assert!(flags(&[]).is_err_and(|error| error.to_string().contains("--region")));
    for wrong in ["Europe", "eu-central", "eu_central_1", "eu--1"] {
        assert!(flags(&["--region", wrong]).is_err(), "{wrong}");
    }
    let without_folder = "crossrole bootstrap --events --region eu-central-1 --format terraform -f all.yaml --operator-role \
                          arn:aws:iam::111111111111:role/o";
    assert!(Cli::try_parse_from(without_folder.split_whitespace()).is_err());
    let feed = feed_of(&[]).unwrap();
    assert_eq!(regions(&feed, &[]), ["us-east-1"]);
    let enabled = ["us-west-2", "eu-central-1", "us-east-1", "us-west-2"].map(String::from);
    assert_eq!(regions(&feed, &enabled), ["us-east-1", "eu-central-1", "us-west-2"]);
}

#[test]
fn each_format_has_its_files_and_says_where_they_go() {
    for (format, expected) in [
        (Format::Cloudformation, ["events-central.yaml", "events-account.yaml"]),
        (Format::Stackset, ["events-central.yaml", "events-stackset.yaml"]),
        (Format::Terraform, ["events-central/main.tf", "events-account/main.tf"]),
    ] {
        let files = texts(format, &[]);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [&expected[..], &["events-operator-permissions.json"]].concat());
        let (central, accounts) = (&files[0].1, &files[1].1);
        let queue = "https://sqs.us-east-1.amazonaws.com/111111111111/crossrole-events";
        for part in [queue, "us-east-1", "111111111111"] {
            assert!(central.contains(part), "{part} is not in\n{central}");
        }
        let bus = "arn:aws:events:us-east-1:111111111111:event-bus/crossrole";
        for part in [
            "222222222222  prod",
            "333333333333  stage",
            "  o-a1b2c3d4e5",
            "eu-central-1",
            bus,
        ] {
            assert!(accounts.contains(part), "{part} is not in\n{accounts}");
        }
        assert!(!central.contains("HERE") && !accounts.contains("HERE"), "{accounts}");
    }
    let feed = feed_of(&[]).unwrap();
    for format in [Format::Cli, Format::Files] {
        let error = files(format, &feed, &[]).unwrap_err().to_string();
        assert!(error.contains("cloudformation, stackset or terraform"), "{error}");
    }
}

#[test]
fn the_queue_lets_an_operator_of_another_account_read_it() {
    let own = texts(Format::Cloudformation, &[]).remove(0).1;
    assert!(!own.contains("\"Operator\""), "{own}");
    let other = ["--events-account", "999999999999", "--events-region", "eu-central-1"];
    let files = texts(Format::Cloudformation, &other);
    assert!(files[0].1.contains("\"Operator\""), "{}", files[0].1);
    assert!(
        files[2]
            .1
            .contains("arn:aws:sqs:eu-central-1:999999999999:crossrole-events")
    );
}

#[test]
fn a_message_is_kept_from_others_for_longer_than_it_takes_to_handle() {
    for (format, expected) in [
        (Format::Cloudformation, "VisibilityTimeout: 120"),
        (Format::Terraform, "visibility_timeout_seconds = 120"),
    ] {
        let central = texts(format, &[]).remove(0).1;
        assert!(central.contains(expected), "{central}");
    }
}
