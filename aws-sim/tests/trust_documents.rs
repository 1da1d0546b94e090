//! Trust policies as documents: what IAM takes, what it makes of them, and what becomes of the principals in them.

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
fn trust_policies_are_kept_in_a_form_of_their_own() {
    let (aws, _) = world();
    let root = aws.root(TARGET);
    let sent = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": [HOME]}, "Action": ["sts:AssumeRole"],
        "Condition": {"StringEquals": {"sts:ExternalId": ["x"]}}}]});
    let text = sent.to_string();
    let created = aws
        .iam(
            &root,
            "CreateRole",
            &[("RoleName", "r"), ("AssumeRolePolicyDocument", &text)],
        )
        .ok();
    assert_eq!(created.document("AssumeRolePolicyDocument"), sent);
    let read = aws
        .iam(&root, "GetRole", &[("RoleName", "r")])
        .ok()
        .document("AssumeRolePolicyDocument");
    let statement = &read["Statement"][0];
    assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
    assert_eq!(statement["Action"], "sts:AssumeRole");
    assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], "x");
}

#[test]
fn everybody_is_kept_as_a_principal_of_aws() {
    let (aws, _) = world();
    role(&aws, TARGET, trust(json!("*"), Value::Null));
    let kept = aws.get("/accounts/222222222222/roles/target")["trust"].clone();
    assert_eq!(kept["Statement"][0]["Principal"], json!({"AWS": "*"}));
}

#[test]
fn a_principal_that_dies_becomes_its_unique_id_and_does_not_come_back() {
    let (aws, ada) = world();
    let user = "arn:aws:iam::111111111111:user/ada";
    let arn = role(&aws, TARGET, trust(json!({"AWS": [user, "333333333333"]}), Value::Null));
    aws.assume(&ada, &arn, &[]).ok();
    aws.json("DELETE", "/accounts/111111111111/users/ada", None);
    let named =
        || aws.get("/accounts/222222222222/roles/target")["trust"]["Statement"][0]["Principal"]["AWS"][0].clone();
    let id = named().as_str().unwrap().to_owned();
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    let reborn = aws.user(HOME, "ada", may_assume());
    assert_eq!(named(), json!(id));
    aws.assume(&reborn, &arn, &[]).refused("AccessDenied");
    aws.sts(&ada, "GetCallerIdentity", &[]).refused("InvalidClientTokenId");
    let text = trust(json!({"AWS": id}), Value::Null).to_string();
    let update = [("RoleName", "target"), ("PolicyDocument", text.as_str())];
    aws.iam(&aws.root(TARGET), "UpdateAssumeRolePolicy", &update)
        .refused("MalformedPolicyDocument");
    role(&aws, TARGET, trust(json!({"AWS": user}), Value::Null));
    aws.assume(&reborn, &arn, &[]).ok();
}

#[test]
fn bad_trust_policies_are_refused_in_the_words_of_iam() {
    let (aws, _) = world();
    let root = aws.root(TARGET);
    let allow = |principal: Value| trust(principal, Value::Null).to_string();
    for (document, message) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        (
            allow(json!({"AWS": "arn:aws:iam::111111111111:user/nobody"})),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/nobody\"",
        ),
        (
            allow(json!({"AWS": "arn:aws:iam::111111111111:role/nobody"})),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:role/nobody\"",
        ),
        (
            allow(json!({"AWS": "1234"})),
            "Invalid principal in policy: \"AWS\":\"1234\"",
        ),
        (
            allow(json!({"AWS": "arn:aws:iam::111111111111:user/*"})),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/*\"",
        ),
        (
            allow(json!({"Service": "ec2"})),
            "Invalid principal in policy: \"SERVICE\":\"ec2\"",
        ),
        (
            policy("Allow", &["sts:AssumeRole"], "*").to_string(),
            "Has prohibited field Resource",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}).to_string(),
            "Missing required field Principal",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*"}})
                .to_string(),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            trust(json!("*"), json!({"StringMatches": {"a": "b"}})).to_string(),
            "Syntax errors in policy.",
        ),
        (
            json!({"Version": "2010-01-01", "Statement": []}).to_string(),
            "The policy must contain a valid version string",
        ),
        (
            json!({"Version": "2012-10-17", "Statement": []}).to_string(),
            "Could not parse the policy: Statement is empty!",
        ),
        (allow(json!({})), "Missing required field Principal cannot be empty!"),
        (allow(json!("ec2.amazonaws.com")), "Principal must be a JSON object."),
        (
            json!({"Statement": {"Principal": "*", "Action": "sts:AssumeRole"}}).to_string(),
            "Missing required field Effect",
        ),
        (
            json!({"Statement": {"Effect": "allow", "Principal": "*", "Action": "sts:AssumeRole"}}).to_string(),
            "Invalid effect: allow",
        ),
        (
            json!({"Statement": {"Effect": "Allow", "NotPrincipal": {"AWS": "*"}, "Action": "sts:AssumeRole"}})
                .to_string(),
            "Allow with NotPrincipal is not allowed.",
        ),
        (
            json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "NotResource": "*"}})
                .to_string(),
            "AssumeRole policy must not contain resources.",
        ),
        (
            json!({"Statement": {"Effect": "Allow", "Principal": "*"}}).to_string(),
            "Missing required field Action",
        ),
        (
            json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*"}}).to_string(),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            json!({"Statement": [{"Sid": "A", "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
                {"Sid": "A", "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]})
            .to_string(),
            "The Statement Ids in the policy are not unique",
        ),
        (
            json!({"Statement": {"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                "Action": "sts:AssumeRoleWithWebIdentity"}})
            .to_string(),
            "A condition block must be present for the Cognito provider",
        ),
    ] {
        let refused = aws.iam(
            &root,
            "CreateRole",
            &[("RoleName", "r"), ("AssumeRolePolicyDocument", document.as_str())],
        );
        assert_eq!(refused.refused("MalformedPolicyDocument").text("Message"), message);
    }
    let but_one = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": [HOME]},
        "Action": "sts:AssumeRole"}});
    role(&aws, TARGET, but_one);
    let kept = aws.get("/accounts/222222222222/roles/target")["trust"].clone();
    assert_eq!(
        kept["Statement"]["NotPrincipal"],
        json!({"AWS": "arn:aws:iam::111111111111:root"})
    );
    let unknown = allow(json!({"AWS": "arn:aws:iam::999999999999:user/anyone"}));
    aws.iam(
        &root,
        "CreateRole",
        &[("RoleName", "r"), ("AssumeRolePolicyDocument", unknown.as_str())],
    )
    .ok();
}
