//! `AssumeRoleWithSAML`: whom a role lets in by an assertion of a SAML provider.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, trust_for};

const ROLE: &str = "arn:aws:iam::222222222222:role/target";
const PROVIDER: &str = "arn:aws:iam::222222222222:saml-provider/okta";
const ADDRESS: &str = "https://signin.aws.amazon.com/saml";
const ALONE: &[&str] = &["sts:AssumeRoleWithSAML"];

fn world() -> Aws {
    let aws = Aws::start();
    aws.account("222222222222");
    let order = json!({"name": "okta", "issuer": "https://okta.acme.test"});
    assert_eq!(
        aws.post("/accounts/222222222222/saml-providers", &order)["arn"],
        PROVIDER
    );
    let trust = trust_for(
        ALONE,
        json!({"Federated": PROVIDER}),
        json!({"StringEquals": {"SAML:aud": ADDRESS}}),
    );
    aws.post(
        "/accounts/222222222222/roles",
        &json!({"name": "target", "trust": trust}),
    );
    aws
}

/// An assertion for `ada`, with some of the order's members replaced.
fn assertion(aws: &Aws, changes: &Value) -> String {
    let mut order = json!({"provider": PROVIDER, "roles": [ROLE], "sessionName": "ada", "subject": "ada@acme.test"});
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    aws.post("/sessions/saml-assertion", &order)["assertion"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn sign_in(aws: &Aws, assertion: &str) -> Answer {
    let parameters = [
        ("RoleArn", ROLE),
        ("PrincipalArn", PROVIDER),
        ("SAMLAssertion", assertion),
    ];
    aws.unsigned("AssumeRoleWithSAML", &parameters)
}

fn set_condition(aws: &Aws, actions: &[&str], condition: Value) {
    let trust = trust_for(actions, json!({"Federated": PROVIDER}), condition);
    aws.json(
        "PUT",
        "/accounts/222222222222/roles/target",
        Some(&json!({"trust": trust})),
    );
}

#[test]
fn an_assertion_gives_a_session_and_the_answer_says_whose() {
    let aws = world();
    let session = sign_in(&aws, &assertion(&aws, &json!({}))).ok();
    assert_eq!(session.text("Subject"), "ada@acme.test");
    assert_eq!(session.text("SubjectType"), "persistent");
    assert_eq!(session.text("Issuer"), "https://okta.acme.test");
    assert_eq!(session.text("Audience"), ADDRESS);
    let identity = aws.sts(&session.keys(), "GetCallerIdentity", &[]).ok();
    assert_eq!(
        identity.text("Arn"),
        "arn:aws:sts::222222222222:assumed-role/target/ada"
    );
}

#[test]
fn conditions_on_the_assertion_decide() {
    let aws = world();
    let attributes = json!({"urn:oid:1.3.6.1.4.1.5923.1.1.1.1": ["staff", "member"], "urn:oid:2.5.4.3": ["Ada"]});
    let assertion = assertion(&aws, &json!({"attributes": attributes}));
    for (condition, expected) in [
        (json!({"StringEquals": {"SAML:aud": ADDRESS}}), "OK"),
        (
            json!({"StringEquals": {"saml:aud": "https://signin.amazonaws.cn/saml"}}),
            "AccessDenied",
        ),
        (json!({"StringEquals": {"SAML:iss": "https://okta.acme.test"}}), "OK"),
        (
            json!({"StringEquals": {"SAML:sub": "ada@acme.test", "SAML:sub_type": "persistent"}}),
            "OK",
        ),
        (json!({"StringEquals": {"SAML:sub_type": "transient"}}), "AccessDenied"),
        (json!({"StringEquals": {"SAML:doc": "222222222222/okta"}}), "OK"),
        (
            json!({"ForAnyValue:StringEquals": {"SAML:eduPersonAffiliation": "staff"}}),
            "OK",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"SAML:eduPersonAffiliation": "student"}}),
            "AccessDenied",
        ),
        (json!({"StringEquals": {"SAML:cn": "Ada"}}), "OK"),
    ] {
        set_condition(&aws, ALONE, condition.clone());
        let answer = sign_in(&aws, &assertion);
        assert_eq!(answer.code(), expected, "{condition}: {}", answer.body);
    }
}

#[test]
fn tags_and_a_source_identity_need_their_own_words() {
    let aws = world();
    let tagged = assertion(&aws, &json!({"tags": {"team": "red"}, "transitive": ["team"]}));
    let named = assertion(&aws, &json!({"sourceIdentity": "ada"}));
    sign_in(&aws, &tagged).refused("AccessDenied");
    sign_in(&aws, &named).refused("AccessDenied");
    let all = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"];
    set_condition(
        &aws,
        &all,
        json!({"StringEqualsIfExists": {"aws:RequestTag/team": "red"}}),
    );
    sign_in(&aws, &tagged).ok();
    assert_eq!(sign_in(&aws, &named).ok().text("SourceIdentity"), "ada");
}

#[test]
fn assertions_that_are_no_good_are_refused_in_the_words_of_sts() {
    let aws = world();
    let invalid = "InvalidIdentityToken";
    for (changes, code, message) in [
        (
            json!({"audience": "https://acme.test"}),
            invalid,
            "Response does not contain the required audience",
        ),
        (
            json!({"sessionName": "a b"}),
            invalid,
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ),
        (
            json!({"sourceIdentity": "aws:x"}),
            invalid,
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
        ),
        (
            json!({"roles": ["arn:aws:iam::222222222222:role/other"]}),
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithSAML",
        ),
        (
            json!({"expiresInSeconds": 0}),
            "ExpiredTokenException",
            "Token must be redeemed within 5 minutes of issuance",
        ),
    ] {
        let refused = sign_in(&aws, &assertion(&aws, &changes)).refused(code);
        assert_eq!(refused.text("Message"), message);
    }
    let good = assertion(&aws, &json!({}));
    aws.post(
        "/accounts/222222222222/saml-providers",
        &json!({"name": "okta", "issuer": "https://new.test"}),
    );
    let refused = sign_in(&aws, &good).refused(invalid);
    assert_eq!(refused.text("Message"), "Issuer not present in specified provider");
    aws.json("DELETE", "/accounts/222222222222/saml-providers/okta", None);
    assert_eq!(
        sign_in(&aws, &good).refused(invalid).text("Message"),
        "Specified provider doesn't exist"
    );
    assert_eq!(
        sign_in(&aws, "*").refused(invalid).text("Message"),
        "Invalid base64 SAMLResponse"
    );
    sign_in(&aws, "PGE+Yjwvbj4=").refused(invalid);
}
