//! Roles over the wire: shapes, texts, names, tags, pages, quotas, deletion.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Aws, Keys, policy, trust};

const ACCOUNT: &str = "222222222222";

fn ec2() -> String {
    trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string()
}

fn create(aws: &Aws, keys: &Keys, name: &str, more: &[(&str, &str)]) -> support::Answer {
    let document = ec2();
    let mut parameters = vec![("RoleName", name), ("AssumeRolePolicyDocument", document.as_str())];
    parameters.extend_from_slice(more);
    aws.iam(keys, "CreateRole", &parameters)
}

#[test]
fn a_created_role_is_read_back_with_more_than_its_creation_told() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let more = [
        ("Path", "/crossrole/"),
        ("Description", "for <audit> & more"),
        ("MaxSessionDuration", "7200"),
    ];
    let created = create(&aws, &root, "audit", &more).ok();
    assert_eq!(created.text("Arn"), "arn:aws:iam::222222222222:role/crossrole/audit");
    assert!(created.text("RoleId").starts_with("AROA") && created.text("RoleId").len() == 21);
    assert!(created.texts("Description").is_empty() && created.texts("MaxSessionDuration").is_empty());
    assert!(
        created
            .body
            .contains("xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"")
    );
    assert!(created.body.contains("<RequestId>"));

    let read = aws.iam(&root, "GetRole", &[("RoleName", "AUDIT")]).ok();
    assert_eq!(read.text("RoleName"), "audit");
    assert_eq!(read.text("Description"), "for <audit> & more");
    assert_eq!(read.text("MaxSessionDuration"), "7200");
    assert!(read.body.contains("<RoleLastUsed></RoleLastUsed>"));
    assert_eq!(
        read.document("AssumeRolePolicyDocument"),
        serde_json::from_str::<Value>(&ec2()).unwrap()
    );
}

#[test]
fn names_are_unique_without_regard_to_case() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "Audit", &[]).ok();
    let refused = create(&aws, &root, "aUDIT", &[("Path", "/other/")]).refused("EntityAlreadyExists");
    assert_eq!(
        (refused.status, refused.text("Message")),
        (409, "Role with name aUDIT already exists.".to_owned())
    );
}

#[test]
fn what_is_missing_is_no_such_entity() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    for action in [
        "GetRole",
        "DeleteRole",
        "UpdateRole",
        "ListRoleTags",
        "ListRolePolicies",
        "ListAttachedRolePolicies",
    ] {
        let refused = aws
            .iam(&root, action, &[("RoleName", "no-role")])
            .refused("NoSuchEntity");
        assert_eq!(
            (refused.status, refused.text("Message").as_str()),
            (404, "The role with name no-role cannot be found.")
        );
    }
}

#[test]
fn what_update_role_leaves_out_stays() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r", &[("Description", "one")]).ok();
    aws.iam(
        &root,
        "UpdateRole",
        &[("RoleName", "r"), ("MaxSessionDuration", "7200")],
    )
    .ok();
    aws.iam(&root, "UpdateRole", &[("RoleName", "r"), ("Description", "two")])
        .ok();
    aws.iam(&root, "UpdateRole", &[("RoleName", "r")]).ok();
    let read = aws.iam(&root, "GetRole", &[("RoleName", "r")]).ok();
    assert_eq!(
        (read.text("Description"), read.text("MaxSessionDuration")),
        ("two".to_owned(), "7200".to_owned())
    );
}

#[test]
fn the_form_of_a_request_is_checked_first() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let long = "r".repeat(65);
    for (name, more, part) in [
        ("has space", ("Path", "/"), "alphanumeric characters"),
        (long.as_str(), ("Path", "/"), "length less than or equal to 64"),
        ("r", ("Path", "crossrole"), "path is invalid"),
        ("r", ("Path", "/a//b/"), "path is invalid"),
        ("r", ("MaxSessionDuration", "3599"), "greater than or equal to 3600"),
        ("r", ("MaxSessionDuration", "43201"), "less than or equal to 43200"),
    ] {
        let message = create(&aws, &root, name, &[more])
            .refused("ValidationError")
            .text("Message");
        assert!(message.contains(part), "{message}");
    }
    aws.iam(&root, "CreateRole", &[("RoleName", "r")])
        .refused("ValidationError");
    aws.iam(&root, "MakeRole", &[]).refused("InvalidAction");
}

#[test]
fn tag_keys_are_the_same_whatever_their_case() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(
        &aws,
        &root,
        "r",
        &[("Tags.member.1.Key", "someotherkey"), ("Tags.member.1.Value", "b")],
    )
    .ok();
    let tag = |key: &str, value: &str| {
        let pair = [
            ("RoleName", "r"),
            ("Tags.member.1.Key", key),
            ("Tags.member.1.Value", value),
        ];
        aws.iam(&root, "TagRole", &pair).ok();
    };
    tag("somekey", "a");
    tag("SomeKey", "");
    let listed = aws.iam(&root, "ListRoleTags", &[("RoleName", "r")]).ok();
    assert_eq!(listed.texts("Key"), ["SomeKey", "someotherkey"]);
    assert_eq!(listed.texts("Value"), ["", "b"]);
    let twice = [
        ("RoleName", "r"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.2.Key", "A"),
    ];
    let message = aws
        .iam(&root, "TagRole", &twice)
        .refused("InvalidInput")
        .text("Message");
    assert_eq!(
        message,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
    aws.iam(
        &root,
        "UntagRole",
        &[("RoleName", "r"), ("TagKeys.member.1", "SOMEKEY")],
    )
    .ok();
    assert_eq!(
        aws.iam(&root, "ListRoleTags", &[("RoleName", "r")]).texts("Key"),
        ["someotherkey"]
    );
}

#[test]
fn pages_go_on_until_they_are_not_truncated() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    for index in 0..5 {
        create(
            &aws,
            &root,
            &format!("r{index}"),
            &[("Path", "/x/"), ("Tags.member.1.Key", "k")],
        )
        .ok();
    }
    create(&aws, &root, "other", &[]).ok();
    for (action, filter) in [
        ("ListRoles", ("PathPrefix", "/x/")),
        ("GetAccountAuthorizationDetails", ("Filter.member.1", "Role")),
    ] {
        let mut names = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let mut parameters = vec![filter, ("MaxItems", "2")];
            if let Some(marker) = &marker {
                parameters.push(("Marker", marker));
            }
            let page = aws.iam(&root, action, &parameters).ok();
            assert!(page.texts("RoleName").len() <= 2);
            names.extend(page.texts("RoleName"));
            if page.text("IsTruncated") == "false" {
                break;
            }
            marker = Some(page.text("Marker"));
        }
        names.retain(|name| name != "other");
        assert_eq!(names, ["r0", "r1", "r2", "r3", "r4"], "{action}");
    }
    let listed = aws.iam(&root, "ListRoles", &[]).ok();
    assert!(listed.texts("Tags").is_empty() && listed.texts("PermissionsBoundary").is_empty());
    let details = aws.iam(&root, "GetAccountAuthorizationDetails", &[]).ok();
    assert!(details.texts("MaxSessionDuration").is_empty() && details.texts("Description").is_empty());
}

#[test]
fn a_role_is_deleted_only_when_nothing_hangs_on_it() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r", &[]).ok();
    let document = policy("Allow", &["s3:GetObject"], "*").to_string();
    let audit = "arn:aws:iam::aws:policy/SecurityAudit";
    let profile = [("InstanceProfileName", "p"), ("RoleName", "r")];
    aws.iam(&root, "CreateInstanceProfile", &profile[..1]).ok();
    aws.iam(&root, "AddRoleToInstanceProfile", &profile).ok();
    aws.iam(&root, "AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", audit)])
        .ok();
    aws.iam(
        &root,
        "PutRolePolicy",
        &[("RoleName", "r"), ("PolicyName", "i"), ("PolicyDocument", &document)],
    )
    .ok();
    let delete = || aws.iam(&root, "DeleteRole", &[("RoleName", "r")]);
    let blocked = |what: &str| {
        let refused = delete().refused("DeleteConflict");
        assert_eq!(refused.status, 409);
        assert_eq!(
            refused.text("Message"),
            format!("Cannot delete entity, must {what} first.")
        );
    };
    blocked("remove roles from instance profile");
    let listed = aws.iam(&root, "ListInstanceProfilesForRole", &[("RoleName", "r")]).ok();
    assert_eq!(listed.texts("InstanceProfileName"), ["p"]);
    aws.iam(&root, "RemoveRoleFromInstanceProfile", &profile).ok();
    blocked("detach all policies");
    aws.iam(&root, "DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", audit)])
        .ok();
    let again = aws
        .iam(&root, "DetachRolePolicy", &[("RoleName", "r"), ("PolicyArn", audit)])
        .refused("NoSuchEntity");
    assert_eq!(again.text("Message"), format!("Policy {audit} was not found."));
    blocked("delete policies");
    aws.iam(&root, "DeleteRolePolicy", &[("RoleName", "r"), ("PolicyName", "i")])
        .ok();
    delete().ok();
    aws.iam(&root, "GetRole", &[("RoleName", "r")]).refused("NoSuchEntity");
}

#[test]
fn quotas_are_those_of_the_account_summary() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r", &[]).ok();
    let names = [
        "SecurityAudit",
        "ReadOnlyAccess",
        "PowerUserAccess",
        "IAMFullAccess",
        "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess",
        "AmazonEC2FullAccess",
        "AmazonEC2ReadOnlyAccess",
        "AWSSupportAccess",
        "job-function/Billing",
    ];
    for name in names {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        aws.iam(&root, "AttachRolePolicy", &[("RoleName", "r"), ("PolicyArn", &arn)])
            .ok();
    }
    let eleventh = [
        ("RoleName", "r"),
        ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"),
    ];
    let refused = aws.iam(&root, "AttachRolePolicy", &eleventh).refused("LimitExceeded");
    assert_eq!(refused.text("Message"), "Cannot exceed quota for PoliciesPerRole: 10");
    let unknown = [("RoleName", "r"), ("PolicyArn", "arn:aws:iam::aws:policy/NoSuchPolicy")];
    let refused = aws.iam(&root, "AttachRolePolicy", &unknown).refused("NoSuchEntity");
    assert!(
        refused
            .text("Message")
            .ends_with("does not exist or is not attachable.")
    );

    let long = format!("arn:aws:s3:::{}", "b".repeat(6000));
    let document = policy("Allow", &["s3:GetObject"], &long).to_string();
    aws.iam(
        &root,
        "PutRolePolicy",
        &[("RoleName", "r"), ("PolicyName", "a"), ("PolicyDocument", &document)],
    )
    .ok();
    let second = [
        ("RoleName", "r"),
        ("PolicyName", "b"),
        ("PolicyDocument", document.as_str()),
    ];
    let refused = aws.iam(&root, "PutRolePolicy", &second).refused("LimitExceeded");
    assert_eq!(
        refused.text("Message"),
        "Maximum policy size of 10240 bytes exceeded for role r"
    );

    let condition = json!({"StringEquals": {"aws:x": "y".repeat(2000)}});
    let long = trust(json!({"Service": "ec2.amazonaws.com"}), condition).to_string();
    let update = [("RoleName", "r"), ("PolicyDocument", long.as_str())];
    let refused = aws
        .iam(&root, "UpdateAssumeRolePolicy", &update)
        .refused("LimitExceeded");
    assert_eq!(refused.text("Message"), "Cannot exceed quota for ACLSizePerRole: 2048");
    let summary = aws.iam(&root, "GetAccountSummary", &[]).ok();
    assert!(
        summary
            .body
            .contains("<key>AttachedPoliciesPerRoleQuota</key><value>10</value>")
    );
    assert!(summary.body.contains("<key>Roles</key><value>1</value>"));
}

#[test]
fn a_role_of_a_service_is_not_for_others_to_change() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let role = json!({"name": "AWSServiceRoleForBatch", "path": "/aws-service-role/batch.amazonaws.com/",
        "trust": trust(json!({"Service": "batch.amazonaws.com"}), Value::Null)});
    aws.post("/accounts/222222222222/roles", &role);
    aws.iam(&root, "GetRole", &[("RoleName", "AWSServiceRoleForBatch")])
        .ok();
    aws.iam(&root, "DeleteRole", &[("RoleName", "AWSServiceRoleForBatch")])
        .refused("UnmodifiableEntity");
}

#[test]
fn keys_that_are_unknown_or_incomplete_are_refused_before_anything_else() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let unknown = Keys {
        id: "AKIAUNKNOWN".to_owned(),
        token: None,
    };
    assert_eq!(
        aws.iam(&unknown, "ListRoles", &[])
            .refused("InvalidClientTokenId")
            .status,
        403
    );
    let with_token = Keys {
        token: Some("x".to_owned()),
        ..root.clone()
    };
    aws.sts(&with_token, "GetCallerIdentity", &[])
        .refused("InvalidClientTokenId");
    let identity = aws.sts(&root, "GetCallerIdentity", &[]).ok();
    assert_eq!(identity.text("Arn"), "arn:aws:iam::222222222222:root");
    assert!(identity.body.contains("https://sts.amazonaws.com/doc/2011-06-15/"));
}
