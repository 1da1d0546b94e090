use std::collections::BTreeMap;

use super::*;
use crate::testing::{self, check_table};

const RESOURCE: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "TEXT"}]}"#;
const CONDITION: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"OPERATOR": {"aws:PrincipalTag/team": ["TEXT"]}}}}"#;

fn account(parameters: &[(&str, &str)]) -> Account {
    Account {
        parameters: parameters
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect::<BTreeMap<_, _>>(),
        ..testing::account()
    }
}

/// The resource or condition value that a text becomes, or the refusal.
fn filled(document: &str, account: &Account) -> String {
    let template = match Template::parse(document) {
        Ok(template) => template,
        Err(error) => return format!("parse: {error}"),
    };
    match template.in_account(account) {
        Ok(document) => {
            let statement = &document.statements[0];
            match statement.conditions.first() {
                Some(condition) => condition.values.join(" "),
                None => statement.resource.as_ref().unwrap().patterns().join(" "),
            }
        }
        Err(error) => format!("account: {error}"),
    }
}

fn prod() -> Account {
    account(&[
        ("bucket", "acme-prod-logs"),
        ("bucketArn", "arn:aws:s3:::acme"),
        ("region", "eu-central-1"),
        ("net", "203.0.113.0/24"),
        ("days", "30"),
        ("address", "203.0.113.9"),
        ("day", "2026-11-22"),
        ("empty", ""),
        ("star", "acme-*"),
        ("variable", "${aws:username}"),
        ("half", "{aws:username}"),
        ("shift", "eu-central-1:999999999999:log-group"),
        ("folder", "a/b"),
        ("padded", "acme "),
        ("quote", r#"a", "b"#),
    ])
}

#[test]
fn our_variables_become_what_the_account_says() {
    let rows = [
        (
            "the bucket of the account",
            "arn:${AWS::Partition}:s3:::${parameter.bucket}/*",
            "arn:aws:s3:::acme-prod-logs/*",
        ),
        (
            "the account's id and name",
            "arn:aws:sns:*:${AWS::AccountId}:${account.name}-alarms",
            "arn:aws:sns:*:222222222222:prod-alarms",
        ),
        ("a whole ARN", "${parameter.bucketArn}/*", "arn:aws:s3:::acme/*"),
        (
            "a Region",
            "arn:aws:logs:${parameter.region}:${AWS::AccountId}:*",
            "arn:aws:logs:eu-central-1:222222222222:*",
        ),
        (
            "a folder in the resource",
            "arn:aws:s3:::b/${parameter.folder}/*",
            "arn:aws:s3:::b/a/b/*",
        ),
        (
            "the same one twice",
            "arn:aws:s3:::${parameter.bucket}/${parameter.bucket}",
            "arn:aws:s3:::acme-prod-logs/acme-prod-logs",
        ),
        (
            "quotes are text like any other",
            "arn:aws:s3:::b/${parameter.quote}",
            r#"arn:aws:s3:::b/a", "b"#,
        ),
    ];
    check_table(&rows, |text| filled(&RESOURCE.replace("TEXT", text), &prod()));
}

#[test]
fn iams_own_variables_stay_as_they_are() {
    for text in [
        "${aws:username}",
        "${aws:PrincipalTag/cost center}",
        "${aws:PrincipalTag/account.name}",
        "${aws:userid, 'anonymous'}",
        "${*}${?}${$}",
        "${s3:prefix}",
        "${saml:sub}",
        "${cognito-identity.amazonaws.com:sub}",
        "${redshift:DbUser}",
        "${account:TargetRegion}",
        "$notone {nor} $this",
    ] {
        let whole = format!("arn:aws:s3:::b/{text}/${{account.name}}");
        assert_eq!(
            filled(&RESOURCE.replace("TEXT", &whole), &prod()),
            format!("arn:aws:s3:::b/{text}/prod")
        );
        let alone = format!("arn:aws:s3:::b/{text}");
        assert_eq!(filled(&RESOURCE.replace("TEXT", &alone), &prod()), alone);
    }
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_right_one() {
    let rows = [
        (
            "a Region",
            "${AWS::Region}",
            "${AWS::Region} is not known: a role is the same in every Region: write *, the Region itself, or a parameter",
        ),
        (
            "the id under another name",
            "${account.id}",
            "${account.id} is not known: write ${AWS::AccountId}",
        ),
        (
            "the id in lower case",
            "${aws::accountid}",
            "${aws::accountid} is not known: write ${AWS::AccountId}",
        ),
        (
            "the id with one colon",
            "${aws:AccountId}",
            "${aws:AccountId} is not known: write ${AWS::AccountId}",
        ),
        (
            "the partition with one colon",
            "${AWS:Partition}",
            "${AWS:Partition} is not known: write ${AWS::Partition}",
        ),
        (
            "a plural",
            "${parameters.x}",
            "${parameters.x} is not known: write ${parameter.x}",
        ),
        (
            "a capital",
            "${Parameter.logBucket}",
            "${Parameter.logBucket} is not known: write ${parameter.logBucket}",
        ),
        (
            "a parameter with a colon",
            "${parameter:x}",
            "${parameter:x} is not known: write ${parameter.x}",
        ),
        (
            "a parameter without a name",
            "${parameter.}",
            "${parameter.} is not known: write ${parameter.NAME}",
        ),
        (
            "a default",
            "${parameter.x, 'y'}",
            "${parameter.x, 'y'} is not known: write ${parameter.NAME}",
        ),
        (
            "spaces",
            "${ account.name }",
            "${ account.name } is not known: write ${account.name}",
        ),
        (
            "an alias",
            "${account.alias}",
            "${account.alias} is not known: write ${account.name}",
        ),
        (
            "a stack",
            "${AWS::StackName}",
            "${AWS::StackName} is not known: write ${account.name}",
        ),
        (
            "anything else",
            "${bucket}",
            "${bucket} is not known: crossrole has ${AWS::AccountId}, ${AWS::Partition}, ${account.name} and ${parameter.NAME}; IAM's own have a colon, as ${aws:username}",
        ),
    ];
    check_table(&rows, |text| {
        let said = filled(&RESOURCE.replace("TEXT", &format!("arn:aws:s3:::{text}")), &prod());
        said.strip_prefix("parse: Statement[0].Resource: ")
            .unwrap_or(&said)
            .to_string()
    });
}

#[test]
fn a_parameter_means_itself_and_nothing_more() {
    let rows = [
        (
            "one that is missing",
            "arn:aws:s3:::${parameter.buket}",
            r#"AWSAccount prod has no parameter "buket": add it to its spec.parameters"#,
        ),
        (
            "one that is empty",
            "arn:aws:s3:::${parameter.empty}*",
            r#"${parameter.empty}, which is "" in spec.parameters of AWSAccount prod, is empty: what stands around it would mean more than it says"#,
        ),
        (
            "a wildcard",
            "arn:aws:s3:::${parameter.star}",
            r#"${parameter.star}, which is "acme-*" in spec.parameters of AWSAccount prod, holds a wildcard: write wildcards into the document, around the variable"#,
        ),
        (
            "a variable",
            "arn:aws:s3:::b/${parameter.variable}",
            r#"${parameter.variable}, which is "${aws:username}" in spec.parameters of AWSAccount prod, holds $, { or }, which could make a policy variable: write those into the document"#,
        ),
        (
            "half a variable",
            "arn:aws:s3:::b/$${parameter.half}",
            r#"${parameter.half}, which is "{aws:username}" in spec.parameters of AWSAccount prod, holds $, { or }, which could make a policy variable: write those into the document"#,
        ),
        (
            "another account",
            "arn:aws:logs:${parameter.shift}:${AWS::AccountId}:x",
            r#"${parameter.shift}, which is "eu-central-1:999999999999:log-group" in spec.parameters of AWSAccount prod, holds a colon, which would begin another part of the ARN"#,
        ),
        (
            "a slash where none belongs",
            "arn:aws:logs:${parameter.folder}:${AWS::AccountId}:x",
            r#"${parameter.folder}, which is "a/b" in spec.parameters of AWSAccount prod, holds a slash, which this part of the ARN has not"#,
        ),
        (
            "white space",
            "arn:aws:s3:::${parameter.padded}",
            r#"${parameter.padded}, which is "acme " in spec.parameters of AWSAccount prod, begins or ends with white space, or holds a control character"#,
        ),
        (
            "what IAM would refuse",
            "${parameter.bucket}/*",
            r#""acme-prod-logs/*" is neither "*" nor an ARN, which begins with arn:; write arn:partition:service:region:account:resource (with ${parameter.bucket} = "acme-prod-logs")"#,
        ),
    ];
    check_table(&rows, |text| {
        let said = filled(&RESOURCE.replace("TEXT", text), &prod());
        said.strip_prefix("account: Statement[0].Resource: ")
            .unwrap_or(&said)
            .to_string()
    });
}

#[test]
fn condition_values_are_judged_by_their_operator_once_the_value_is_in() {
    let rows = [
        ("a string", ("StringEquals", "${parameter.bucket}"), "acme-prod-logs"),
        ("an address", ("IpAddress", "${parameter.address}/32"), "203.0.113.9/32"),
        (
            "a day",
            ("DateLessThan", "${parameter.day}T00:00:00Z"),
            "2026-11-22T00:00:00Z",
        ),
        ("a number", ("NumericLessThan", "${parameter.days}"), "30"),
        ("a range", ("IpAddress", "${parameter.net}"), "203.0.113.0/24"),
        (
            "a range that is none here",
            ("IpAddress", "${parameter.days}"),
            r#"account: Statement.Condition.IpAddress.aws:PrincipalTag/team[0]: IpAddress cannot compare with "30"; write an address or a range such as "203.0.113.0/24" (with ${parameter.days} = "30")"#,
        ),
        (
            "what no value could make right",
            ("Bool", "${account.name}"),
            r#"parse: Statement.Condition.Bool.aws:PrincipalTag/team[0]: Bool cannot compare with "account"; write "true" or "false" (with ${account.name} = "account")"#,
        ),
        (
            "a resource that no value could make right",
            ("", "arn:aws:S3:::${parameter.bucket}"),
            r#"parse: Statement[0].Resource: "arn:aws:S3:::x" must have its service in lower case (with ${parameter.bucket} = "x")"#,
        ),
    ];
    check_table(&rows, |(operator, text)| match *operator {
        "" => filled(&RESOURCE.replace("TEXT", text), &prod()),
        operator => filled(&CONDITION.replace("OPERATOR", operator).replace("TEXT", text), &prod()),
    });
}

#[test]
fn variables_stand_where_iam_takes_free_text_and_nowhere_else() {
    let document =
        |statement: &str| format!(r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", {statement}}}]}}"#);
    let rows = [
        (
            "an action",
            document(r#""Action": "${parameter.service}:GetObject", "Resource": "*""#),
            "parse: Statement[0].Action: an action is the same in every account: crossrole's variables may stand in resources and condition values only",
        ),
        (
            "one of several actions",
            document(r#""NotAction": ["s3:GetObject", "${account.name}"], "Resource": "*""#),
            "parse: Statement[0].NotAction[1]: an action is the same in every account: crossrole's variables may stand in resources and condition values only",
        ),
        (
            "a Sid",
            document(r#""Sid": "${account.name}", "Action": "s3:GetObject", "Resource": "*""#),
            "parse: Statement[0].Sid: this is the same in every account: crossrole's variables may stand in resources and condition values only",
        ),
        (
            "a condition key",
            document(
                r#""Action": "s3:GetObject", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/${parameter.x}": "y"}}"#,
            ),
            "parse: Statement[0].Condition.StringEquals[\"aws:RequestTag/${parameter.x}\"]: a condition's operator and key are the same in every account: crossrole's variables may stand in resources and condition values only",
        ),
        (
            "a misspelt variable in an action",
            document(r#""Action": "s3:${AWS::Region}", "Resource": "*""#),
            "parse: Statement[0].Action: ${AWS::Region} is not known: a role is the same in every Region: write *, the Region itself, or a parameter",
        ),
        (
            "an unknown member beside a variable",
            document(r#""Action": "s3:GetObject", "Resource": "${parameter.bucketArn}", "Ressource": "x""#),
            "parse: Statement[0].Ressource: is not a member of a statement, which has Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition",
        ),
        (
            "a variable that is not closed",
            document(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::${parameter.bucket""#),
            "parse: Statement[0].Resource: a policy variable in \"arn:aws:s3:::${parameter.bucket\" is not closed; add }",
        ),
    ];
    check_table(&rows, |document| filled(document, &prod()));
}

/// A document around one string, with everything else that a value might want to change.
fn around(text: &str) -> String {
    let statement = serde_json::json!({
        "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": text,
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["a", text]}},
    });
    serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

proptest::proptest! {
    #[test]
    fn no_value_changes_anything_but_its_place(
        value in r#"[a-zA-Z0-9:/*?${}"'\\,.\[\] _=@+-]{0,12}"#,
        before in "arn:aws:s3:::b?/|arn:aws:logs:eu-central-1:|arn:aws:sns:[*]:",
        after in "([*]|/x|:222222222222:log-group:x)?",
    ) {
        let account = account(&[("p", &value)]);
        let Ok(template) = Template::parse(&around(&format!("{before}${{parameter.p}}{after}"))) else {
            return Ok(());
        };
        let Ok(document) = template.in_account(&account) else { return Ok(()) };
        let whole = format!("{before}{value}{after}");
        let plain = Document::parse(&around(&whole), DocumentKind::Permission).unwrap();
        proptest::prop_assert_eq!(&document, &plain);
        for special in ["*", "?", "$", ":"] {
            let written = before.matches(special).count() + after.matches(special).count();
            proptest::prop_assert_eq!(whole.matches(special).count(), written, "{}", special);
        }
        proptest::prop_assert!(!value.is_empty());
    }
}

#[test]
fn twice_as_many_strings_are_twice_as_much_work() {
    // Dates take one of the last specimens, so that many are tried for each string.
    let work = |strings: usize| {
        let statements: Vec<String> = (0..strings)
            .map(|index| {
                format!(r#"{{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Condition": {{"DateLessThan": {{"a:b{index:03}": "${{parameter.b}}"}}}}}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(",")
        );
        work::take();
        Template::parse(&text).unwrap();
        work::take()
    };
    let (few, many) = (work(100), work(200));
    assert!(few > 0 && many <= 2 * few, "{few} characters, then {many}");
}
