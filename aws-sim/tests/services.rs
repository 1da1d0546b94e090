//! Services of AWS, pods of EKS and certificates of Roles Anywhere before a role's trust policy.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Aws, Keys, trust_for};

const ROLE: &str = "arn:aws:iam::222222222222:role/target";
const ANCHOR: &str = "arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/7c1f4e3a";
const CLUSTER: &str = "arn:aws:eks:eu-west-1:222222222222:cluster/hub";
const THREE: &[&str] = &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

fn world() -> Aws {
    let aws = Aws::start();
    aws.post(
        "/accounts",
        &json!({"id": "222222222222", "organization": "o-a1b2c3d4e5"}),
    );
    aws
}

fn set_trust(aws: &Aws, actions: &[&str], service: &str, condition: Value) {
    aws.try_json("DELETE", "/accounts/222222222222/roles/target", None);
    let trust = trust_for(actions, json!({"Service": service}), condition);
    aws.post(
        "/accounts/222222222222/roles",
        &json!({"name": "target", "trust": trust}),
    );
}

/// What the sign-in is refused for, or nothing.
fn refusal(aws: &Aws, route: &str, order: &Value) -> Option<String> {
    let (status, text) = aws.try_json("POST", route, Some(order));
    let answer: Value = serde_json::from_str(&text).unwrap();
    (status != 200).then(|| {
        format!(
            "{} {}",
            answer["code"].as_str().unwrap(),
            answer["error"].as_str().unwrap()
        )
    })
}

#[test]
fn a_service_gets_in_only_where_it_is_named() {
    let aws = world();
    set_trust(&aws, &["sts:AssumeRole"], "ec2.amazonaws.com", Value::Null);
    let keys = aws.post(
        "/sessions/service",
        &json!({"role": ROLE, "service": "ec2.amazonaws.com", "sessionName": "i-1"}),
    );
    let identity = aws.sts(&Keys::of(&keys), "GetCallerIdentity", &[]).ok();
    assert_eq!(
        identity.text("Arn"),
        "arn:aws:sts::222222222222:assumed-role/target/i-1"
    );
    assert_eq!(
        refusal(
            &aws,
            "/sessions/service",
            &json!({"role": ROLE, "service": "lambda.amazonaws.com"})
        )
        .unwrap(),
        "AccessDenied lambda.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::222222222222:role/target"
    );
}

#[test]
fn a_service_is_asked_on_whose_behalf_it_comes() {
    let aws = world();
    let guard = json!({"StringEquals": {"aws:SourceAccount": "222222222222"},
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs-*"}});
    let ours = json!({"role": ROLE, "service": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::logs-1",
        "sourceAccount": "222222222222"});
    let with = |member: &str, value: &str| {
        let mut order = ours.clone();
        order[member] = json!(value);
        order
    };
    set_trust(&aws, &["sts:AssumeRole"], "s3.amazonaws.com", guard);
    assert_eq!(refusal(&aws, "/sessions/service", &ours), None);
    for (member, value) in [("sourceArn", "arn:aws:s3:::other"), ("sourceAccount", "444444444444")] {
        assert!(
            refusal(&aws, "/sessions/service", &with(member, value)).is_some(),
            "{member}"
        );
    }
    assert!(
        refusal(
            &aws,
            "/sessions/service",
            &json!({"role": ROLE, "service": "s3.amazonaws.com"})
        )
        .is_some()
    );
    let organization =
        json!({"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}, "Bool": {"aws:PrincipalIsAWSService": "true"}});
    set_trust(&aws, &["sts:AssumeRole"], "s3.amazonaws.com", organization);
    assert_eq!(refusal(&aws, "/sessions/service", &ours), None);
    assert!(refusal(&aws, "/sessions/service", &with("sourceAccount", "444444444444")).is_some());
}

#[test]
fn a_pod_needs_session_tags_and_hands_them_on() {
    let aws = world();
    let pod = |namespace: &str| {
        json!({"role": ROLE, "pod": {"cluster": CLUSTER, "namespace": namespace, "serviceAccount": "crossrole",
            "name": "crossrole-0", "uid": "2f6b"}})
    };
    set_trust(&aws, &["sts:AssumeRole"], "pods.eks.amazonaws.com", Value::Null);
    let text = refusal(&aws, "/sessions/service", &pod("security")).unwrap();
    assert!(text.contains("sts:TagSession"), "{text}");
    let condition = json!({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "security",
        "aws:RequestTag/kubernetes-service-account": "crossrole", "aws:RequestTag/eks-cluster-name": "hub",
        "aws:SourceAccount": "222222222222"}, "ArnEquals": {"aws:SourceArn": CLUSTER}});
    set_trust(&aws, &THREE[..2], "pods.eks.amazonaws.com", condition);
    assert!(refusal(&aws, "/sessions/service", &pod("default")).is_some());
    let keys = Keys::of(&aws.post("/sessions/service", &pod("security")));

    // The tags are transitive, so the next role must allow them too.
    let next = "arn:aws:iam::222222222222:role/next";
    let make = |actions: &[&str], key: &str, namespace: &str| {
        aws.try_json("DELETE", "/accounts/222222222222/roles/next", None);
        let condition = json!({"StringEquals": {key: namespace}});
        let trust = trust_for(actions, json!({"AWS": ROLE}), condition);
        aws.post("/accounts/222222222222/roles", &json!({"name": "next", "trust": trust}));
    };
    let of_the_pod = "aws:PrincipalTag/kubernetes-namespace";
    make(&["sts:AssumeRole"], of_the_pod, "security");
    let message = aws.assume(&keys, next, &[]).refused("AccessDenied").text("Message");
    assert!(message.contains("sts:TagSession"), "{message}");
    make(&["sts:AssumeRole", "sts:TagSession"], of_the_pod, "security");
    aws.assume(&keys, next, &[]).ok();
    let handed_on = "aws:RequestTag/kubernetes-namespace";
    make(&["sts:AssumeRole", "sts:TagSession"], handed_on, "default");
    aws.assume(&keys, next, &[]).refused("AccessDenied");
    make(&["sts:AssumeRole", "sts:TagSession"], handed_on, "security");
    aws.assume(&keys, next, &[]).ok();
    let again = [
        ("Tags.member.1.Key", "Kubernetes-Namespace"),
        ("Tags.member.1.Value", "other"),
    ];
    aws.assume(&keys, next, &again).refused("InvalidParameterValue");
}

#[test]
fn a_certificate_needs_all_three_actions_and_the_right_anchor() {
    let aws = world();
    let service = "rolesanywhere.amazonaws.com";
    let order = json!({"role": ROLE, "trustAnchorArn": ANCHOR, "subject": {"CN": "build-7", "OU": "ci"},
        "issuer": {"CN": "Acme CA"}, "san": {"DNS": "build-7.acme.test"}, "serial": "0a1b2c"});
    for (missing, actions) in [
        ("sts:AssumeRole", &["sts:TagSession", "sts:SetSourceIdentity"]),
        ("sts:TagSession", &["sts:AssumeRole", "sts:SetSourceIdentity"]),
        ("sts:SetSourceIdentity", &["sts:AssumeRole", "sts:TagSession"]),
    ] {
        set_trust(&aws, actions, service, Value::Null);
        let text = refusal(&aws, "/sessions/roles-anywhere", &order).unwrap();
        assert!(text.contains(missing), "{text}");
    }
    let anchor = |arn: &str| json!({"ArnEquals": {"aws:SourceArn": arn}});
    for (condition, expected) in [
        (anchor(ANCHOR), true),
        (
            anchor("arn:aws:rolesanywhere:eu-west-1:222222222222:trust-anchor/other"),
            false,
        ),
        (json!({"StringEquals": {"aws:SourceAccount": "222222222222"}}), true),
        (
            json!({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "build-7"}}),
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "build-8"}}),
            false,
        ),
        (json!({"StringEquals": {"aws:PrincipalTag/x509Subject/OU": "ci"}}), true),
        (
            json!({"StringEquals": {"aws:PrincipalTag/x509Issuer/CN": "Acme CA"}}),
            true,
        ),
        (
            json!({"StringLike": {"aws:PrincipalTag/x509SAN/DNS": "*.acme.test"}}),
            true,
        ),
        (json!({"StringEquals": {"sts:SourceIdentity": "CN=build-7"}}), true),
        (
            json!({"StringEquals": {"aws:PrincipalTag/x509Subject/L": "Berlin"}}),
            false,
        ),
    ] {
        set_trust(&aws, THREE, service, condition.clone());
        let refused = refusal(&aws, "/sessions/roles-anywhere", &order);
        assert_eq!(refused.is_none(), expected, "{condition}: {refused:?}");
    }
    set_trust(&aws, THREE, service, anchor(ANCHOR));
    let keys = Keys::of(&aws.post("/sessions/roles-anywhere", &order));
    let identity = aws.sts(&keys, "GetCallerIdentity", &[]).ok();
    assert_eq!(
        identity.text("Arn"),
        "arn:aws:sts::222222222222:assumed-role/target/0a1b2c"
    );
    let (status, _) = aws.try_json(
        "POST",
        "/sessions/roles-anywhere",
        Some(&json!({"role": ROLE, "trustAnchorArn": ANCHOR, "subject": {}})),
    );
    assert_eq!(status, 400);
}
