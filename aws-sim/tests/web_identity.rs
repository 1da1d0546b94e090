//! `AssumeRoleWithWebIdentity`: whom a role lets in by a token of an OIDC provider.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, policy, trust_for};

const TARGET: &str = "222222222222";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const CLUSTER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
const ROLE: &str = "arn:aws:iam::222222222222:role/x/target";
const ALONE: &[&str] = &["sts:AssumeRoleWithWebIdentity"];

/// An account that knows an issuer.
fn world(issuer: &str, audience: &str) -> Aws {
    let aws = Aws::start();
    aws.account(TARGET);
    let order = json!({"url": issuer, "audiences": [audience], "rejectedSubjects": ["gone"]});
    let made = aws.post("/accounts/222222222222/oidc-providers", &order);
    let host = issuer.strip_prefix("https://").unwrap();
    assert_eq!(made["arn"], format!("arn:aws:iam::222222222222:oidc-provider/{host}"));
    aws
}

fn provider(issuer: &str) -> Value {
    let host = issuer.strip_prefix("https://").unwrap();
    json!({"Federated": format!("arn:aws:iam::222222222222:oidc-provider/{host}")})
}

fn set_trust(aws: &Aws, document: &Value) {
    aws.try_json("DELETE", "/accounts/222222222222/roles/target", None);
    let order = json!({"name": "target", "path": "/x/", "trust": document, "maxSessionDuration": 7200});
    aws.post("/accounts/222222222222/roles", &order);
}

fn token(aws: &Aws, issuer: &str, subject: &str, claims: &Value) -> String {
    let order = json!({"issuer": issuer, "audience": "sts.amazonaws.com", "subject": subject, "claims": claims});
    let made = aws.post("/sessions/web-identity-token", &order);
    made["token"].as_str().unwrap().to_owned()
}

fn sign_in(aws: &Aws, token: &str, more: &[(&str, &str)]) -> Answer {
    let mut parameters = vec![
        ("RoleArn", ROLE),
        ("RoleSessionName", "run-7"),
        ("WebIdentityToken", token),
    ];
    parameters.extend_from_slice(more);
    aws.unsigned("AssumeRoleWithWebIdentity", &parameters)
}

#[test]
fn conditions_on_the_claims_decide() {
    let aws = world(GITHUB, "sts.amazonaws.com");
    let subject = "repo:acme/app:ref:refs/heads/main";
    let claims = json!({"repository": "acme/app", "repository_id": "42", "actor": "ada", "ref": "refs/heads/main",
        "environment": "prod", "workflow": "deploy", "amr": ["pwd", "mfa"], "run_number": "9", "email": "a@acme.test"});
    let token = token(&aws, GITHUB, subject, &claims);
    let key = |claim: &str| format!("token.actions.githubusercontent.com:{claim}");
    for (operator, claim, value, expected) in [
        ("StringEquals", "aud", json!("sts.amazonaws.com"), true),
        ("StringEquals", "aud", json!("https://acme.test"), false),
        ("StringEquals", "sub", json!(subject), true),
        ("StringLike", "sub", json!("repo:acme/*"), true),
        ("StringLike", "sub", json!("repo:evil/*"), false),
        (
            "StringLike",
            "sub",
            json!("repo:acme/app:ref:refs/heads/release-*"),
            false,
        ),
        ("StringEquals", "repository_id", json!("42"), true),
        ("StringEquals", "repository", json!(["acme/other", "acme/app"]), true),
        ("StringEquals", "actor", json!("eve"), false),
        ("StringEquals", "ref", json!("refs/heads/main"), true),
        ("StringEquals", "environment", json!("prod"), true),
        ("StringEquals", "workflow", json!("deploy"), true),
        ("StringEquals", "email", json!("a@acme.test"), true),
        ("ForAnyValue:StringEquals", "amr", json!("mfa"), true),
        ("ForAllValues:StringEquals", "amr", json!("mfa"), false),
        // AWS makes no key of this claim.
        ("StringEquals", "run_number", json!("9"), false),
        ("StringEquals", "job_workflow_ref", json!("x"), false),
        ("Null", "oaud", json!("true"), true),
    ] {
        let condition = json!({operator: {key(claim): value}});
        set_trust(&aws, &trust_for(ALONE, provider(GITHUB), condition.clone()));
        let answer = sign_in(&aws, &token, &[]);
        assert_eq!(answer.status == 200, expected, "{condition}: {}", answer.body);
        if !expected {
            let refused = answer.refused("AccessDenied");
            assert_eq!(refused.status, 403);
            assert_eq!(
                refused.text("Message"),
                "Not authorized to perform sts:AssumeRoleWithWebIdentity"
            );
        }
    }
}

#[test]
fn the_answer_says_who_it_was_and_the_session_works() {
    let aws = world(CLUSTER, "sts.amazonaws.com");
    let host = CLUSTER.strip_prefix("https://").unwrap();
    let condition = json!({"StringEquals": {format!("{host}:sub"): "system:serviceaccount:security:crossrole",
        format!("{host}:aud"): "sts.amazonaws.com"}});
    set_trust(&aws, &trust_for(ALONE, provider(CLUSTER), condition));
    let inline = json!({"inline": {"own": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": "iam:GetRole", "Resource": "*", "Condition": {
            "StringEquals": {format!("{host}:sub"): "system:serviceaccount:security:crossrole"},
            "ArnEquals": {"aws:FederatedProvider": provider(CLUSTER)["Federated"]}}}]}}});
    aws.json("PUT", "/accounts/222222222222/roles/target", Some(&inline));
    let subject = "system:serviceaccount:security:crossrole";
    let session = sign_in(&aws, &token(&aws, CLUSTER, subject, &json!({})), &[]).ok();
    assert_eq!(session.text("SubjectFromWebIdentityToken"), subject);
    assert_eq!(session.text("Audience"), "sts.amazonaws.com");
    assert_eq!(session.text("Provider"), provider(CLUSTER)["Federated"]);
    assert_eq!(
        session.text("Arn"),
        "arn:aws:sts::222222222222:assumed-role/target/run-7"
    );
    aws.iam(&session.keys(), "GetRole", &[("RoleName", "target")]).ok();
    let other = token(&aws, CLUSTER, "system:serviceaccount:default:crossrole", &json!({}));
    sign_in(&aws, &other, &[]).refused("AccessDenied");
    let call = aws.get("/calls?since=0")["calls"][0].clone();
    assert_eq!(
        (&call["caller"], &call["account"]),
        (&json!("anonymous"), &json!(TARGET))
    );
    assert_eq!(call["params"]["WebIdentityToken"], "…");
}

#[test]
fn tokens_that_are_no_good_are_refused_in_the_words_of_sts() {
    let aws = world(GITHUB, "sts.amazonaws.com");
    set_trust(&aws, &trust_for(ALONE, provider(GITHUB), Value::Null));
    let good = token(&aws, GITHUB, "a", &json!({}));
    sign_in(&aws, &good, &[]).ok();
    let now = aws.post("/clock", &json!({"advanceSeconds": 0}))["now"].clone();
    assert!(now.as_str().unwrap().ends_with('Z'));
    for (text, code, message) in [
        (
            "opaque".to_owned(),
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ),
        (
            token(&aws, "https://other.test", "a", &json!({})),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://other.test",
        ),
        (
            token(&aws, GITHUB, "a", &json!({"aud": "elsewhere"})),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            token(&aws, GITHUB, "a", &json!({"aud": ["sts.amazonaws.com", "b"]})),
            "InvalidIdentityToken",
            "Incorrect token audience",
        ),
        (
            token(&aws, GITHUB, "gone", &json!({})),
            "IDPRejectedClaim",
            "The identity provider (IdP) reported that authentication failed.",
        ),
    ] {
        assert_eq!(sign_in(&aws, &text, &[]).refused(code).text("Message"), message);
    }
    aws.post("/clock", &json!({"advanceSeconds": 300}));
    let expired = sign_in(&aws, &good, &[]).refused("ExpiredTokenException");
    assert_eq!(expired.status, 400);
    assert!(expired.text("Message").starts_with("Token expired: current date/time "));
    aws.json(
        "DELETE",
        "/accounts/222222222222/oidc-providers/token.actions.githubusercontent.com",
        None,
    );
    sign_in(&aws, &token(&aws, GITHUB, "a", &json!({})), &[]).refused("InvalidIdentityToken");
}

#[test]
fn the_authorized_party_is_the_audience_where_there_is_one() {
    let aws = world("https://idp.acme.test/realm", "app");
    let key = |claim: &str| format!("idp.acme.test/realm:{claim}");
    let issuer = "https://idp.acme.test/realm";
    let condition = json!({"StringEquals": {key("aud"): "app", key("oaud"): "api"}});
    set_trust(&aws, &trust_for(ALONE, provider(issuer), condition));
    sign_in(
        &aws,
        &token(&aws, issuer, "a", &json!({"aud": "api", "azp": "app"})),
        &[],
    )
    .ok();
    sign_in(
        &aws,
        &token(&aws, issuer, "a", &json!({"aud": ["api", "b"], "azp": "app"})),
        &[],
    )
    .ok();
    sign_in(&aws, &token(&aws, issuer, "a", &json!({"aud": "app"})), &[]).refused("AccessDenied");
    sign_in(&aws, &token(&aws, issuer, "a", &json!({"aud": "app", "azp": "b"})), &[]).refused("InvalidIdentityToken");
}

#[test]
fn tags_and_a_source_identity_in_the_token_need_their_own_words() {
    let aws = world(GITHUB, "sts.amazonaws.com");
    let tagged =
        json!({"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]}});
    let named = json!({"https://aws.amazon.com/source_identity": "ada"});
    set_trust(&aws, &trust_for(ALONE, provider(GITHUB), Value::Null));
    for (claims, action) in [(&tagged, "sts:TagSession"), (&named, "sts:SetSourceIdentity")] {
        let refused = sign_in(&aws, &token(&aws, GITHUB, "a", claims), &[]).refused("AccessDenied");
        assert_eq!(refused.text("Message"), format!("Not authorized to perform {action}"));
    }
    let all = [
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
        "sts:SetSourceIdentity",
    ];
    set_trust(&aws, &trust_for(&all, provider(GITHUB), Value::Null));
    sign_in(&aws, &token(&aws, GITHUB, "a", &tagged), &[]).ok();
    let session = sign_in(&aws, &token(&aws, GITHUB, "a", &named), &[]).ok();
    assert_eq!(session.text("SourceIdentity"), "ada");
}

#[test]
fn only_the_provider_that_is_named_and_the_right_action_let_in() {
    let aws = world(GITHUB, "sts.amazonaws.com");
    let token = token(&aws, GITHUB, "a", &json!({}));
    let elsewhere = json!({"Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"});
    let account = json!({"AWS": TARGET});
    for (principal, actions, expected) in [
        (provider(GITHUB), ALONE, "OK"),
        (provider(GITHUB), &["sts:*"][..], "OK"),
        (provider(GITHUB), &["sts:AssumeRole"][..], "AccessDenied"),
        (elsewhere, ALONE, "AccessDenied"),
        (account, ALONE, "AccessDenied"),
        (json!({"AWS": "*"}), ALONE, "OK"),
    ] {
        set_trust(&aws, &trust_for(actions, principal, Value::Null));
        sign_in(&aws, &token, &[]).refused_or_ok(expected);
    }
    let closed = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": provider(GITHUB), "Action": ALONE},
        {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ALONE}]});
    set_trust(&aws, &closed);
    sign_in(&aws, &token, &[]).refused("AccessDenied");
    set_trust(
        &aws,
        &trust_for(
            ALONE,
            provider(GITHUB),
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        ),
    );
    sign_in(&aws, &token, &[]).refused("AccessDenied");
    let parameters = [
        ("RoleArn", ROLE),
        ("RoleSessionName", "run"),
        ("WebIdentityToken", &token),
    ];
    let answer = aws.send(
        "X-Aws-Sim-Source-Ip: 203.0.113.9\r\n",
        "AssumeRoleWithWebIdentity",
        &parameters,
    );
    answer.unwrap().ok();
    let limit = policy("Allow", &["s3:*"], "*").to_string();
    set_trust(&aws, &trust_for(ALONE, provider(GITHUB), Value::Null));
    sign_in(&aws, &token, &[("Policy", &limit), ("DurationSeconds", "7200")]).ok();
    sign_in(&aws, &token, &[("DurationSeconds", "7201")]).refused("ValidationError");
    aws.unsigned("GetCallerIdentity", &[])
        .refused("MissingAuthenticationToken");
}
