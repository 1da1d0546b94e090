//! Records with the fields that AWS documents, and no others.
//!
//! Sources: IAM User Guide, "Logging IAM and AWS STS API calls with AWS CloudTrail" (AssumeRole in both accounts, role chaining,
//! AssumeRoleWithSAML, AssumeRoleWithWebIdentity; that of a denied cross-account call only the caller's account has a record);
//! AWS CloudTrail User Guide, "CloudTrail userIdentity element" and "CloudTrail record contents"; Amazon EventBridge User Guide,
//! "Events" (the envelope).

mod denied;
mod telling;

use crossrole_api::Mfa;
use serde_json::{Value, json};

use super::principal::PrincipalKind;
use super::record::{Change, Happening, Outcome, Unreadable, Use, read};

const ROLE: &str = "arn:aws:iam::222222222222:role/crossrole/Audit";

/// What EventBridge puts around a record.
fn event(record: Value) -> String {
    json!({
        "version": "0", "id": "7bf73129-1428-4cd3-a780-95db273d1602", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.sts", "account": "222222222222", "time": "2026-11-27T05:49:07Z", "region": "eu-central-1",
        "resources": [], "detail": record,
    })
    .to_string()
}

/// The record of an AssumeRole by a user of another account, as the trusted account has it.
fn named(shared: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAQRSTUVWXYZEXAMPLE", "arn": "arn:aws:iam::111111111111:user/anna",
            "accountId": "111111111111", "accessKeyId": "AKIAQRSTUVWXYZEXAMPLE", "userName": "anna",
        },
        "eventTime": "2026-11-27T05:49:07Z", "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole",
        "awsRegion": "eu-central-1", "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2.15",
        "requestParameters": {
            "roleArn": ROLE, "roleSessionName": "anna-audit", "sourceIdentity": "anna",
            "serialNumber": "arn:aws:iam::111111111111:mfa/anna",
        },
        "responseElements": {
            "credentials": {"sessionToken": "…", "accessKeyId": "ASIAQRSTUVWXYZEXAMPLE", "expiration": "Nov 27, 2026 6:49:07 AM"},
            "assumedRoleUser": {"assumedRoleId": "AROAQRSTUVWXYZEXAMPLE:anna-audit", "arn": "arn:aws:sts::222222222222:assumed-role/Audit/anna-audit"},
            "sourceIdentity": "anna",
        },
        "resources": [{"ARN": ROLE, "accountId": "222222222222", "type": "AWS::IAM::Role"}],
        "requestID": "4e2a0d2c-0e8d-11e4-96e4-e55c0example", "sharedEventID": shared,
        "eventID": "dexample-ac7f-466c-a608-4ac8dexample", "eventType": "AwsApiCall", "recipientAccountId": "111111111111",
    })
}

/// The same, as the role's account has it. AWS's own example gives both the same `eventID`.
fn nameless(shared: &str) -> Value {
    let mut record = named(shared);
    record["userIdentity"] =
        json!({"type": "AWSAccount", "principalId": "AIDAQRSTUVWXYZEXAMPLE", "accountId": "111111111111"});
    record["recipientAccountId"] = json!("222222222222");
    record
}

fn with(mut record: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let parent = record.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if value.is_null() {
            parent.remove(member);
        } else {
            parent.insert(member.to_owned(), value.clone());
        }
    }
    record
}

fn used(record: Value) -> Use {
    match read(&event(record)).unwrap() {
        Happening::Use(used) => *used,
        other => panic!("{other:?}"),
    }
}

fn changed(record: Value) -> Change {
    match read(&event(record)).unwrap() {
        Happening::Change(change) => *change,
        other => panic!("{other:?}"),
    }
}

/// The record of a change of a role by hand.
fn change(action: &str) -> Value {
    json!({
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAIN5ATK5U7KEXAMPLE:mallory",
            "arn": "arn:aws:sts::222222222222:assumed-role/Admin/mallory", "accountId": "222222222222",
            "accessKeyId": "ASIAI44QH8DHBEXAMPLE",
            "sessionContext": {
                "attributes": {"mfaAuthenticated": "false", "creationDate": "2026-11-27T05:00:00Z"},
                "sessionIssuer": {
                    "type": "Role", "principalId": "AROAIN5ATK5U7KEXAMPLE", "arn": "arn:aws:iam::222222222222:role/Admin",
                    "accountId": "222222222222", "userName": "Admin",
                },
            },
        },
        "eventTime": "2026-11-27T05:49:07Z", "eventSource": "iam.amazonaws.com", "eventName": action,
        "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.9", "userAgent": "console.amazonaws.com",
        "requestParameters": {"roleName": "Audit", "policyDocument": "{}"}, "responseElements": null,
        "requestID": "9d47b1a0-0c68-11e4-a24e-d5e16example", "eventID": "c0ffee00-127e-4632-980d-505a4example",
        "readOnly": false, "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "222222222222",
        "eventCategory": "Management",
    })
}

#[test]
fn an_assume_role_says_who_it_was_and_from_where_and_with_which_factor() {
    let found = used(named("b0b-1"));
    assert_eq!(
        (found.id.as_str(), found.outcome, found.mfa),
        ("b0b-1", Outcome::Granted, Mfa::Yes)
    );
    assert_eq!(
        (found.role.to_string().as_str(), found.account.as_str()),
        (ROLE, "222222222222")
    );
    let principal = &found.principal;
    assert_eq!(
        (principal.kind, principal.name.as_str()),
        (PrincipalKind::IAMUser, "arn:aws:iam::111111111111:user/anna")
    );
    assert_eq!(
        (principal.short(), found.is_nameless),
        ("111111111111:user/anna", false)
    );
    let data = json!({
        "eventName": "AssumeRole", "principal": "arn:aws:iam::111111111111:user/anna", "principalType": "IAMUser",
        "principalAccount": "111111111111", "mfa": "Yes", "sourceIp": "203.0.113.7", "region": "eu-central-1",
        "userAgent": "aws-cli/2.15", "sessionName": "anna-audit", "sourceIdentity": "anna",
    });
    assert_eq!(Value::Object(found.details.data(principal, Some(found.mfa))), data);
}

#[test]
fn the_copy_in_the_account_of_the_role_has_no_name_and_the_same_key() {
    let (one, other) = (used(named("b0b-1")), used(nameless("b0b-1")));
    assert!(other.is_nameless);
    assert_eq!((&one.id, &one.principal.key), (&other.id, &other.principal.key));
    assert_eq!(other.principal.name, "AIDAQRSTUVWXYZEXAMPLE of account 111111111111");
    assert_eq!(other.mfa, Mfa::Yes, "the device is named in both");
    let session = |record: Value, id: &str| with(record, &[("/userIdentity/principalId", json!(id))]);
    let by_role = |id: &str| used(session(nameless("b0b-2"), id)).principal.key;
    assert_eq!(
        by_role("AROAQRSTUVWXYZEXAMPLE:run-1"),
        by_role("AROAQRSTUVWXYZEXAMPLE:run-2"),
        "sessions of one role"
    );
    let (alice, bob) = (
        "AROAQRSTUVWXYZEXAMPLE:alice@example.com",
        "AROAQRSTUVWXYZEXAMPLE:bob@example.com",
    );
    assert_ne!(by_role(alice), by_role(bob), "people who have the same role");
    let names = (0..20_000).map(|name| by_role(&format!("AROAQRSTUVWXYZEXAMPLE:{name}@example.com")));
    let keys = names.collect::<std::collections::HashSet<_>>().len();
    assert!(
        (3_900..=4_096).contains(&keys),
        "{keys}: a caller chooses its session's name"
    );
}

#[test]
fn whether_a_second_factor_was_there_is_said_only_where_aws_says_it() {
    let no_device = |record: Value| with(record, &[("/requestParameters/serialNumber", Value::Null)]);
    let session = |record: Value, mfa: &str| {
        let attributes = json!({"attributes": {"mfaAuthenticated": mfa, "creationDate": "2026-11-27T05:00:00Z"}});
        with(record, &[("/userIdentity/sessionContext", attributes)])
    };
    let of = |kind: &str, record: Value| with(record, &[("/userIdentity/type", json!(kind))]);
    for (record, mfa) in [
        (no_device(named("a")), Mfa::No),
        (session(no_device(named("a")), "true"), Mfa::Yes),
        (session(no_device(named("a")), "false"), Mfa::No),
        (session(of("AssumedRole", no_device(named("a"))), "false"), Mfa::No),
        (of("AssumedRole", no_device(named("a"))), Mfa::Unknown),
        (no_device(nameless("a")), Mfa::Unknown),
        // The code was wrong, or nobody knows whether it was asked for.
        (with(named("a"), &[("/errorCode", json!("AccessDenied"))]), Mfa::No),
    ] {
        assert_eq!(used(record.clone()).mfa, mfa, "{record:#}");
    }
}

#[test]
fn federated_users_services_and_chained_roles_are_told_apart() {
    let saml = with(
        named("a"),
        &[
            ("/eventName", json!("AssumeRoleWithSAML")),
            ("/sharedEventID", Value::Null),
            (
                "/userIdentity",
                json!({
                    "type": "SAMLUser", "principalId": "SampleUkh1i4+ExamplexL/jEvs=:SamlExample", "userName": "SamlExample",
                    "identityProvider": "bdGOnTesti4+ExamplexL/jEvs=",
                }),
            ),
            (
                "/requestParameters",
                json!({
                    "sAMLAssertionID": "_c0046cEXAMPLEb9d4b8eEXAMPLE2619aEXAMPLE", "roleSessionName": "MyAssignedRoleSessionName",
                    "durationSeconds": 3600, "roleArn": ROLE, "principalArn": "arn:aws:iam::222222222222:saml-provider/Shibboleth",
                }),
            ),
        ],
    );
    let web = with(
        named("a"),
        &[
            ("/eventName", json!("AssumeRoleWithWebIdentity")),
            ("/sharedEventID", Value::Null),
            (
                "/userIdentity",
                json!({
                    "type": "WebIdentityUser", "userName": "repo:acme/site:ref:refs/heads/main",
                    "principalId": "token.actions.githubusercontent.com:sts.amazonaws.com:repo:acme/site:ref:refs/heads/main",
                    "identityProvider": "token.actions.githubusercontent.com",
                }),
            ),
            (
                "/requestParameters",
                json!({"durationSeconds": 3600, "roleArn": ROLE, "roleSessionName": "site"}),
            ),
        ],
    );
    let service = with(
        named("a"),
        &[
            (
                "/userIdentity",
                json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}),
            ),
            (
                "/requestParameters",
                json!({"roleArn": ROLE, "roleSessionName": "i-0123456789abcdef0"}),
            ),
        ],
    );
    let chained = with(
        change("AssumeRole"),
        &[
            ("/eventSource", json!("sts.amazonaws.com")),
            (
                "/requestParameters",
                json!({"roleArn": ROLE, "roleSessionName": "Role2WithTags", "durationSeconds": 3600}),
            ),
        ],
    );
    for (record, kind, name, short, mfa) in [
        (
            saml,
            PrincipalKind::SAMLUser,
            "bdGOnTesti4+ExamplexL/jEvs=:SamlExample",
            "bdGOnTesti4+ExamplexL/jEvs=:SamlExample",
            Mfa::Unknown,
        ),
        (
            web,
            PrincipalKind::WebIdentityUser,
            "token.actions.githubusercontent.com:repo:acme/site:ref:refs/heads/main",
            "token.actions.githubusercontent.com:repo:acme/site:ref:refs/heads/main",
            Mfa::Unknown,
        ),
        (
            service,
            PrincipalKind::AWSService,
            "ec2.amazonaws.com",
            "ec2.amazonaws.com",
            Mfa::Unknown,
        ),
        (
            chained,
            PrincipalKind::AssumedRole,
            "arn:aws:sts::222222222222:assumed-role/Admin/mallory",
            "222222222222:assumed-role/Admin/mallory",
            Mfa::No,
        ),
    ] {
        let found = used(record);
        let principal = &found.principal;
        assert_eq!(
            (principal.kind, principal.name.as_str(), principal.short()),
            (kind, name, short)
        );
        assert_eq!(
            (found.mfa, found.outcome, found.is_nameless),
            (mfa, Outcome::Granted, false)
        );
    }
}

#[test]
fn a_change_says_which_role_and_who_and_whether_it_was_our_own() {
    for action in [
        "UpdateAssumeRolePolicy",
        "PutRolePolicy",
        "AttachRolePolicy",
        "TagRole",
        "DeleteRole",
        "CreateRole",
    ] {
        let found = changed(change(action));
        assert_eq!(
            (found.action, found.role.as_str(), found.account.as_str()),
            (action, "Audit", "222222222222")
        );
        assert_eq!(
            found.principal.name,
            "arn:aws:sts::222222222222:assumed-role/Admin/mallory"
        );
    }
    let is_own = |issuer: &str, session: &str| {
        let record = with(
            change("PutRolePolicy"),
            &[
                (
                    "/userIdentity/principalId",
                    json!(format!("AROAIN5ATK5U7KEXAMPLE:{session}")),
                ),
                ("/userIdentity/sessionContext/sessionIssuer/arn", json!(issuer)),
            ],
        );
        changed(record).is_own("crossrole-east", |role| role.as_str() == "crossrole-bootstrap")
    };
    let bootstrap = "arn:aws:iam::222222222222:role/crossrole-bootstrap";
    assert!(is_own(bootstrap, "crossrole-east"));
    assert!(is_own(
        "arn:aws:iam::222222222222:role/kit/crossrole-bootstrap",
        "crossrole-east"
    ));
    assert!(!is_own(bootstrap, "crossrole-west"), "another operator");
    assert!(!is_own(bootstrap, "mallory"));
    assert!(!is_own("arn:aws:iam::222222222222:role/Admin", "crossrole-east"));
    assert!(
        !is_own("arn:aws:iam::333333333333:role/crossrole-bootstrap", "crossrole-east"),
        "of another account"
    );
    let user = with(
        change("PutRolePolicy"),
        &[(
            "/userIdentity",
            json!({"type": "Root", "principalId": "222222222222",
        "arn": "arn:aws:iam::222222222222:root", "accountId": "222222222222"}),
        )],
    );
    assert!(!changed(user).is_own("crossrole-east", |_| true));
}

#[test]
fn what_changes_nothing_of_a_role_is_nothing_to_us() {
    for record in [
        change("GetRole"),
        change("CreateUser"),
        with(change("PutRolePolicy"), &[("/errorCode", json!("AccessDenied"))]),
        with(change("PutRolePolicy"), &[("/eventSource", json!("s3.amazonaws.com"))]),
        with(named("a"), &[("/eventName", json!("GetCallerIdentity"))]),
        with(
            named("a"),
            &[(
                "/requestParameters/roleArn",
                json!("arn:aws:iam::222222222222:user/anna"),
            )],
        ),
    ] {
        assert_eq!(read(&event(record.clone())), Ok(Happening::Other), "{record:#}");
    }
    let sign_in = json!({"detail-type": "AWS Console Sign In via CloudTrail", "detail": {"eventName": "ConsoleLogin"}});
    assert_eq!(read(&sign_in.to_string()), Ok(Happening::Other));
}

#[test]
fn what_cannot_be_read_is_told_apart_and_says_nothing_of_what_it_holds() {
    let lacking = |pointer: &str| read(&event(with(named("a"), &[(pointer, Value::Null)])));
    assert_eq!(read(""), Err(Unreadable::NotJson));
    assert_eq!(read("{\"a\":"), Err(Unreadable::NotJson));
    for text in [
        "5",
        "[]",
        "{}",
        r#"{"detail-type": "AWS API Call via CloudTrail", "detail": "text"}"#,
    ] {
        assert_eq!(read(text), Err(Unreadable::NotAnEvent), "{text}");
    }
    assert_eq!(lacking("/eventTime"), Err(Unreadable::Lacks("eventTime")));
    assert_eq!(lacking("/userIdentity"), Err(Unreadable::Lacks("userIdentity")));
    assert_eq!(lacking("/eventName"), Err(Unreadable::Lacks("eventName")));
    let neither = with(
        named("a"),
        &[("/eventID", Value::Null), ("/sharedEventID", Value::Null)],
    );
    assert_eq!(read(&event(neither)), Err(Unreadable::Lacks("eventID")));
    let version = |version: &str| read(&event(with(named("a"), &[("/eventVersion", json!(version))])));
    assert_eq!(version("2.0"), Err(Unreadable::Version));
    assert!(version("1.99").is_ok(), "a later minor version only adds fields");
    let nobody = with(change("PutRolePolicy"), &[("/requestParameters/roleName", Value::Null)]);
    assert_eq!(read(&event(nobody)), Err(Unreadable::Lacks("role")));
}

#[test]
fn what_a_record_says_of_somebody_is_cut_and_stays_on_one_line() {
    let name = format!("{}\n\u{1b}[31m", "x".repeat(400));
    let found = used(with(
        named("a"),
        &[
            ("/userIdentity/arn", json!(name)),
            ("/userAgent", json!("a\nb\u{202e}c\u{2028}")),
        ],
    ));
    assert_eq!(found.principal.name.len(), 256);
    assert_eq!(found.details.user_agent.as_deref(), Some("a\u{fffd}b\u{fffd}c\u{fffd}"));
}
