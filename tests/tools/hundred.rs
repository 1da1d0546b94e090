//! A hundred roles of every kind, as somebody may have made them.

use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE};
use crossrole_testkit::{Scene, eventually};
use serde_json::{Value, json};

use super::support::PROD;

/// Where they live.
pub const PATH: &str = "/crossrole/generated/";

const COUNT: usize = 100;

/// What the class has to allow for them.
pub fn trust_of_class() -> Value {
    json!({
        "accounts": [IDENTITY_ACCOUNT],
        "thirdParties": ["444444444444"],
        "services": ["ec2.amazonaws.com", "lambda.amazonaws.com"],
        "federation": [
            {"issuer": "token.actions.githubusercontent.com", "audiences": ["sts.amazonaws.com"], "subjects": ["repo:example/*"]},
            {"samlProviders": ["okta"]}
        ]
    })
}

fn allow(principal: Value, action: &str, condition: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": action});
    if condition != json!({}) {
        statement["Condition"] = condition;
    }
    statement
}

/// Who gets in.
fn trust(number: usize) -> Value {
    const ASSUME: &str = "sts:AssumeRole";
    let users = |age: Value, more: Value| {
        let mut condition = json!({
            "ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{IDENTITY_ACCOUNT}:user/*")},
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "NumericLessThan": {"aws:MultiFactorAuthAge": age}
        });
        for (operator, values) in more.as_object().into_iter().flatten() {
            condition[operator] = values.clone();
        }
        allow(json!({"AWS": IDENTITY_ACCOUNT}), ASSUME, condition)
    };
    let vendor = || {
        let condition = json!({
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444444444444:role/*"},
            "StringEquals": {"sts:ExternalId": format!("vendor-{number:03}")}
        });
        allow(json!({"AWS": "444444444444"}), ASSUME, condition)
    };
    let statements = match number % 9 {
        0 => json!([users(json!("3600"), json!({}))]),
        1 => json!([vendor()]),
        2 => json!([allow(json!({"Service": "ec2.amazonaws.com"}), ASSUME, json!({}))]),
        3 => {
            let provider = format!("arn:aws:iam::{PROD}:oidc-provider/token.actions.githubusercontent.com");
            let condition = json!({
                "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
                "StringLike": {"token.actions.githubusercontent.com:sub": format!("repo:example/app-{number}:*")}
            });
            json!([allow(
                json!({"Federated": provider}),
                "sts:AssumeRoleWithWebIdentity",
                condition
            )])
        }
        4 => json!([users(
            json!("3600"),
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})
        )]),
        // No structured field says this.
        5 => json!([users(json!(["3600", "1800"]), json!({}))]),
        6 => {
            let provider = format!("arn:aws:iam::{PROD}:saml-provider/okta");
            let condition = json!({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}});
            json!([allow(
                json!({"Federated": provider}),
                "sts:AssumeRoleWithSAML",
                condition
            )])
        }
        7 => json!([users(json!("1800"), json!({})), vendor()]),
        _ => json!([users(
            json!("3600"),
            json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
        )]),
    };
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What they may do.
fn permissions(number: usize, role: &mut Value) {
    let document = |action: &str, resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": statement})
    };
    if number % 5 >= 3 {
        role["attached"] = json!(["arn:aws:iam::aws:policy/SecurityAudit"]);
    }
    if number % 5 == 4 {
        role["attached"] = json!([
            "arn:aws:iam::aws:policy/SecurityAudit",
            "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
        ]);
    }
    if number % 5 == 1 || number % 5 == 3 {
        role["inline"]["read-logs"] = document("s3:GetObject", "arn:aws:s3:::logs/${aws:username}/*");
    }
    if number % 5 == 2 {
        role["inline"]["Read_1"] = document("s3:ListBucket", "arn:aws:s3:::logs");
        role["inline"]["read+2"] = document("dynamodb:GetItem", "*");
    }
}

fn role(number: usize) -> Value {
    // IAM takes more than Kubernetes does: an object cannot have each of these names.
    let name = match number % 4 {
        0 => format!("generated-{number:03}"),
        1 => format!("Generated_{number:03}"),
        2 => format!("generated.Role+{number:03}"),
        _ => format!("generated=,@{number:03}"),
    };
    let session = [3600, 7200, 14_400][number % 3];
    let path = format!("{PATH}{}", if number.is_multiple_of(6) { "deep/er/" } else { "" });
    let mut role = json!({
        "name": name,
        "path": path,
        "trust": trust(number),
        "boundary": format!("arn:aws:iam::{PROD}:policy/crossrole-boundary"),
        "maxSessionDuration": session,
    });
    if number.is_multiple_of(2) {
        role["description"] = json!(format!("number {number}: reads # and \"more\""));
    }
    if number % 3 == 1 {
        role["tags"] = json!({"team": format!("team {number}")});
    }
    permissions(number, &mut role);
    role
}

/// Makes them in `prod`.
pub async fn make(scene: &Scene) {
    for number in 0..COUNT {
        scene.simulator.create_role(PROD, role(number)).await.unwrap();
    }
}

/// Takes them over by what was imported of them, which takes one tag each.
pub async fn take_over(scene: &Scene, manifests: &str) {
    assert_eq!(
        manifests.matches("kind: CrossAccountRole").count(),
        COUNT,
        "{manifests}"
    );
    let raw = (0..COUNT).filter(|number| number % 9 == 5).count();
    assert!(manifests.matches("extraTrustStatements:").count() >= raw, "{manifests}");
    scene.simulator.reset_calls().await.unwrap();
    scene.control_plane.apply(manifests).await.unwrap();
    let taken_over = eventually(PATIENCE, "every role is taken over", async || {
        let list = ["get", "xar", "--namespace", "security", "--output", "json"];
        let list = scene
            .control_plane
            .kubectl(list)
            .await
            .map_err(|error| error.to_string())?;
        let list: Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
        let generated = list["items"].as_array().into_iter().flatten().filter(|object| {
            let account = &object["status"]["accounts"][0];
            account["roleArn"].as_str().is_some_and(|arn| arn.contains(PATH)) && account["state"] == "Ready"
        });
        let ready = generated.count();
        if ready == COUNT {
            Ok(())
        } else {
            let of_others = |object: &&Value| object["status"]["accounts"][0]["state"] != "Ready";
            let other = list["items"].as_array().into_iter().flatten().find(of_others);
            Err(format!("{ready}; {}", other.unwrap_or(&Value::Null)["status"]))
        }
    });
    taken_over.await.unwrap();
    let counts = scene.simulator.counts().await.unwrap().total;
    let expected = u64::try_from(COUNT).unwrap();
    assert_eq!(
        counts.actions.get("TagRole").copied(),
        Some(expected),
        "{:?}",
        counts.actions
    );
    assert_eq!(counts.writes, expected, "{:?}", counts.actions);
}
