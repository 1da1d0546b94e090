//! Who may assume a role: the trust policy, the caller's own policies, MFA, external ids, sessions.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Aws, Keys, policy, trust};

const HOME: &str = "111111111111";
const TARGET: &str = "222222222222";

fn may_assume() -> Value {
    json!({"assume": policy("Allow", &["sts:AssumeRole"], "arn:aws:iam::222222222222:role/*")})
}

/// Two accounts and a user `ada` in the first who may assume everything in the second.
fn world() -> (Aws, Keys) {
    let aws = Aws::start();
    aws.account(HOME);
    aws.account(TARGET);
    let ada = aws.user(HOME, "ada", may_assume());
    (aws, ada)
}

/// Makes the role anew and gives its ARN.
fn role(aws: &Aws, account: &str, document: Value) -> String {
    let path = format!("/accounts/{account}/roles");
    let (status, _) = aws.try_json("GET", &format!("{path}/target"), None);
    if status == 200 {
        aws.json("PUT", &format!("{path}/target"), Some(&json!({"trust": document})));
    } else {
        aws.post(
            &path,
            &json!({"name": "target", "path": "/x/", "trust": document, "maxSessionDuration": 7200}),
        );
    }
    format!("arn:aws:iam::{account}:role/x/target")
}

#[test]
fn both_accounts_must_say_yes() {
    let (aws, ada) = world();
    let bob = aws.user(HOME, "bob", json!({}));
    let arn = role(&aws, TARGET, trust(json!({"AWS": HOME}), Value::Null));
    let session = aws.assume(&ada, &arn, &[]).ok();
    assert_eq!(
        session.text("Arn"),
        "arn:aws:sts::222222222222:assumed-role/target/test"
    );
    let identity = aws.sts(&session.keys(), "GetCallerIdentity", &[]).ok();
    assert_eq!(
        (identity.text("Account"), identity.text("Arn")),
        (TARGET.to_owned(), session.text("Arn"))
    );
    assert_eq!(identity.text("UserId"), session.text("AssumedRoleId"));

    let refused = aws.assume(&bob, &arn, &[]).refused("AccessDenied");
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.text("Message"),
        "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::222222222222:role/x/target"
    );
    role(
        &aws,
        TARGET,
        trust(json!({"AWS": "arn:aws:iam::111111111111:user/bob"}), Value::Null),
    );
    aws.assume(&ada, &arn, &[]).refused("AccessDenied");
    aws.assume(&bob, &arn, &[]).refused("AccessDenied");
    aws.assume(&ada, "arn:aws:iam::222222222222:role/x/missing", &[])
        .refused("AccessDenied");
    aws.assume(&ada, "arn:aws:iam::333333333333:role/x/missing", &[])
        .refused("AccessDenied");
    aws.assume(&ada, "nothing-valid-in-here", &[])
        .refused("ValidationError");
    aws.assume(&aws.root(HOME), &arn, &[]).refused("AccessDenied");
}

#[test]
fn within_an_account_a_named_principal_needs_no_policy_of_its_own() {
    let (aws, _) = world();
    let bob = aws.user(TARGET, "bob", json!({}));
    let arn = role(&aws, TARGET, trust(json!({"AWS": TARGET}), Value::Null));
    aws.assume(&bob, &arn, &[]).refused("AccessDenied");
    role(
        &aws,
        TARGET,
        trust(json!({"AWS": "arn:aws:iam::222222222222:user/bob"}), Value::Null),
    );
    aws.assume(&bob, &arn, &[]).ok();
    let denied = json!({"no": policy("Deny", &["sts:*"], "*")});
    let eve = aws.user(TARGET, "eve", denied);
    role(
        &aws,
        TARGET,
        trust(json!({"AWS": "arn:aws:iam::222222222222:user/eve"}), Value::Null),
    );
    let message = aws.assume(&eve, &arn, &[]).refused("AccessDenied").text("Message");
    assert!(
        message.ends_with("with an explicit deny in an identity-based policy"),
        "{message}"
    );
}

#[test]
fn conditions_decide_who_gets_in() {
    let (aws, ada) = world();
    aws.post("/accounts", &json!({"id": HOME, "organization": "o-a1b2c3d4e5"}));
    let everyone = json!({"AWS": "*"});
    for (condition, more, expected) in [
        (
            json!({"StringEquals": {"sts:ExternalId": ["abc", "def"]}}),
            vec![("ExternalId", "def")],
            true,
        ),
        (json!({"StringEquals": {"sts:ExternalId": "abc"}}), vec![], false),
        (
            json!({"StringEquals": {"sts:ExternalId": "abc"}}),
            vec![("ExternalId", "ABC")],
            false,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
            vec![],
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-other"}}),
            vec![],
            false,
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}}),
            vec![],
            true,
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}),
            vec![],
            false,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalAccount": "111111111111"}}),
            vec![],
            true,
        ),
        (json!({"StringEquals": {"aws:username": "ada"}}), vec![], true),
        (json!({"StringEquals": {"aws:PrincipalType": "User"}}), vec![], true),
        (
            json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}),
            vec![],
            false,
        ),
        (json!({"StringLike": {"sts:RoleSessionName": "te*"}}), vec![], true),
        (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), vec![], true),
        (json!({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), vec![], false),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
            vec![],
            false,
        ),
        (
            json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
            vec![],
            true,
        ),
        (
            json!({"NumericGreaterThan": {"aws:EpochTime": "1500000000"}}),
            vec![],
            true,
        ),
        (json!({"Null": {"aws:MultiFactorAuthAge": "true"}}), vec![], true),
        (
            json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
            vec![],
            true,
        ),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), vec![], false),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), vec![], false),
    ] {
        let arn = role(&aws, TARGET, trust(everyone.clone(), condition.clone()));
        let answer = aws.assume(&ada, &arn, &more);
        assert_eq!(answer.status == 200, expected, "{condition} {more:?}: {}", answer.body);
    }
}

#[test]
fn a_deny_in_the_trust_policy_wins() {
    let (aws, ada) = world();
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"},
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:*",
         "Condition": {"StringEquals": {"aws:username": "ada"}}}]});
    let (status, text) = aws.try_json(
        "POST",
        "/accounts/222222222222/roles",
        Some(&json!({"name": "a", "trust": document})),
    );
    assert_eq!(status, 200, "{text}");
    aws.assume(&ada, "arn:aws:iam::222222222222:role/a", &[])
        .refused("AccessDenied");
    let bob = aws.user(HOME, "bob", may_assume());
    aws.assume(&bob, "arn:aws:iam::222222222222:role/a", &[]).ok();
}

#[test]
fn mfa_and_its_age_are_known_only_of_sessions_that_had_it() {
    let (aws, ada) = world();
    let condition = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}});
    let arn = role(&aws, TARGET, trust(json!({"AWS": HOME}), condition));
    aws.assume(&ada, &arn, &[]).refused("AccessDenied");
    let serial = "arn:aws:iam::111111111111:mfa/ada";
    let code = || {
        aws.post("/mfa-code", &json!({"serial": serial}))["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    let first = code();
    let with_code = [("SerialNumber", serial), ("TokenCode", first.as_str())];
    aws.assume(&ada, &arn, &with_code).ok();
    let again = aws
        .assume(&ada, &arn, &with_code)
        .refused("AccessDenied")
        .text("Message");
    assert_eq!(
        again,
        "MultiFactorAuthentication failed with invalid MFA one time pass code."
    );
    aws.assume(&ada, &arn, &with_code[..1]).refused("AccessDenied");
    aws.assume(
        &ada,
        &arn,
        &[
            ("SerialNumber", "arn:aws:iam::111111111111:mfa/eve"),
            ("TokenCode", "1"),
        ],
    )
    .refused("AccessDenied");

    let second = code();
    let session = aws
        .sts(
            &ada,
            "GetSessionToken",
            &[("SerialNumber", serial), ("TokenCode", &second)],
        )
        .ok()
        .keys();
    aws.assume(&session, &arn, &[]).ok();
    let plain = aws.sts(&ada, "GetSessionToken", &[]).ok().keys();
    aws.assume(&plain, &arn, &[]).refused("AccessDenied");
    aws.iam(&plain, "GetUser", &[]).refused("InvalidClientTokenId");
    for (age, expected) in [(3599, "OK"), (3600, "AccessDenied")] {
        let order = json!({"user": "arn:aws:iam::111111111111:user/ada", "ageSeconds": age});
        let keys = Keys::of(&aws.post("/sessions/mfa", &order));
        aws.assume(&keys, &arn, &[]).refused_or_ok(expected);
    }
    aws.post("/clock", &json!({"advanceSeconds": 4000}));
    aws.assume(&session, &arn, &[]).refused("AccessDenied");
}

#[test]
fn sessions_are_limited_by_the_role_and_by_chaining() {
    let (aws, ada) = world();
    let arn = role(&aws, TARGET, trust(json!({"AWS": HOME}), Value::Null));
    let too_long = aws
        .assume(&ada, &arn, &[("DurationSeconds", "7201")])
        .refused("ValidationError");
    assert_eq!(
        too_long.text("Message"),
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    aws.assume(&ada, &arn, &[("DurationSeconds", "899")])
        .refused("ValidationError");
    let session = aws.assume(&ada, &arn, &[("DurationSeconds", "7200")]).ok().keys();

    let inner = trust(json!({"AWS": arn}), Value::Null);
    aws.post(
        "/accounts/222222222222/roles",
        &json!({"name": "inner", "trust": inner, "maxSessionDuration": 43200}),
    );
    let inner = "arn:aws:iam::222222222222:role/inner";
    aws.assume(&session, inner, &[]).ok();
    let chained = aws
        .assume(&session, inner, &[("DurationSeconds", "3601")])
        .refused("ValidationError");
    assert!(
        chained
            .text("Message")
            .ends_with("1 hour session limit for roles assumed by role chaining.")
    );

    aws.post("/clock", &json!({"advanceSeconds": 7200}));
    assert_eq!(aws.assume(&session, inner, &[]).refused("ExpiredToken").status, 403);
    aws.json("DELETE", "/accounts/222222222222/roles/target", None);
    aws.iam(&session, "ListRoles", &[]).refused("ExpiredToken");
}

#[test]
fn session_tags_and_source_identity_need_their_own_words() {
    let (aws, _) = world();
    let ada = aws.user(HOME, "tagger", json!({"sts": policy("Allow", &["sts:*"], "*")}));
    let arn = role(&aws, TARGET, trust(json!({"AWS": HOME}), Value::Null));
    let tags = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "red")];
    let message = aws.assume(&ada, &arn, &tags).refused("AccessDenied").text("Message");
    assert!(message.contains("sts:TagSession"), "{message}");
    aws.assume(&ada, &arn, &[("SourceIdentity", "ada")])
        .refused("AccessDenied");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:TagSession",
         "Condition": {"StringEquals": {"aws:RequestTag/team": "red"},
                       "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}]});
    role(&aws, TARGET, document);
    aws.assume(&ada, &arn, &tags).ok();
    aws.assume(
        &ada,
        &arn,
        &[("Tags.member.1.Key", "other"), ("Tags.member.1.Value", "red")],
    )
    .refused("AccessDenied");
}
