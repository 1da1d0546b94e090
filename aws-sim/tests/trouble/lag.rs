use serde_json::{Value, json};

use super::{ACCOUNT, OTHER, ada, create, end, fault};
use crate::support::{Aws, Keys, policy, trust};

fn get(aws: &Aws, keys: &Keys, name: &str) -> String {
    aws.iam(keys, "GetRole", &[("RoleName", name)]).code()
}

#[test]
fn a_change_is_seen_only_after_so_many_reads() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "old").ok();
    let id = fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "do": {"lag": {"reads": 3}}}),
    );
    create(&aws, &root, "new").ok();
    let codes: Vec<_> = (0..4).map(|_| get(&aws, &root, "new")).collect();
    assert_eq!(codes, ["NoSuchEntity", "NoSuchEntity", "NoSuchEntity", "OK"]);
    aws.iam(&root, "DeleteRole", &[("RoleName", "old")]).ok();
    let codes: Vec<_> = (0..4).map(|_| get(&aws, &root, "old")).collect();
    assert_eq!(codes, ["OK", "OK", "OK", "NoSuchEntity"]);
    assert_eq!(end(&aws, &id)["fired"], 6);
}

#[test]
fn every_kind_of_read_is_shown_the_old_state_and_writes_find_the_new_one() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r").ok();
    fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "do": {"lag": {"seconds": 10}}}),
    );
    let role = ("RoleName", "r");
    let document = policy("Allow", &["s3:GetObject"], "*").to_string();
    let wanted = [role, ("PolicyName", "p"), ("PolicyDocument", document.as_str())];
    aws.iam(&root, "PutRolePolicy", &wanted).ok();
    aws.iam(
        &root,
        "TagRole",
        &[role, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")],
    )
    .ok();
    aws.iam(&root, "UpdateRole", &[role, ("Description", "changed")]).ok();
    let sees = || {
        let has = |action: &str, parameters: &[(&str, &str)], text: &str| {
            aws.iam(&root, action, parameters).body.contains(text)
        };
        [
            has("GetRole", &[role], "changed"),
            has("ListRoles", &[], "changed"),
            has("GetRolePolicy", &[role, ("PolicyName", "p")], "PolicyDocument"),
            has("ListRolePolicies", &[role], "<member>p</member>"),
            has("ListRoleTags", &[role], "<Key>k</Key>"),
            has("GetAccountAuthorizationDetails", &[], "<Key>k</Key>"),
        ]
    };
    assert_eq!(sees(), [false; 6]);
    // The admin interface is no replica.
    assert_eq!(aws.get("/accounts/222222222222/roles/r")["description"], "changed");
    create(&aws, &root, "r").refused("EntityAlreadyExists");
    aws.iam(&root, "DeleteRolePolicy", &[role, ("PolicyName", "p")]).ok();
    aws.iam(&root, "PutRolePolicy", &wanted).ok();
    aws.post("/clock", &json!({"advanceSeconds": 11}));
    assert_eq!(sees(), [true; 6]);
}

#[test]
fn sts_sees_an_old_trust_policy() {
    let (aws, _) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let ada = ada(&aws);
    let arn = "arn:aws:iam::333333333333:role/r";
    let closed = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null);
    let open = trust(json!({"AWS": ACCOUNT}), Value::Null);
    aws.post("/accounts/333333333333/roles", &json!({"name": "r", "trust": open}));
    fault(
        &aws,
        json!({"match": {"account": OTHER}, "do": {"lag": {"seconds": 60}}}),
    );
    aws.json("PUT", "/accounts/333333333333/roles/r", Some(&json!({"trust": closed})));
    aws.assume(&ada, arn, &[]).ok();
    aws.post("/clock", &json!({"advanceSeconds": 61}));
    aws.assume(&ada, arn, &[]).refused("AccessDenied");
    aws.json("PUT", "/accounts/333333333333/roles/r", Some(&json!({"trust": open})));
    aws.assume(&ada, arn, &[]).refused("AccessDenied");
    aws.post("/clock", &json!({"advanceSeconds": 61}));
    aws.assume(&ada, arn, &[]).ok();
}

#[test]
fn a_new_role_is_unknown_to_writes_as_well_where_that_is_asked_for() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let role = ("RoleName", "new");
    let attach = [role, ("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit")];
    let id = fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "do": {"lag": {"seconds": 5}}}),
    );
    create(&aws, &root, "new").ok();
    aws.iam(&root, "AttachRolePolicy", &attach).ok();
    end(&aws, &id);
    aws.iam(&root, "DetachRolePolicy", &attach).ok();
    aws.iam(&root, "DeleteRole", &[role]).ok();

    let order = json!({"match": {"account": ACCOUNT}, "do": {"lag": {"seconds": 5, "writes": true}}});
    let id = fault(&aws, order);
    create(&aws, &root, "new").ok();
    let refused = aws.iam(&root, "AttachRolePolicy", &attach).refused("NoSuchEntity");
    assert_eq!(refused.text("Message"), "The role with name new cannot be found.");
    aws.post("/clock", &json!({"advanceSeconds": 6}));
    aws.iam(&root, "AttachRolePolicy", &attach).ok();
    assert_eq!(end(&aws, &id)["fired"], 1);
    for wrong in [json!({}), json!({"seconds": 1, "reads": 1})] {
        let order = json!({"do": {"lag": wrong}});
        assert_eq!(aws.try_json("POST", "/faults", Some(&order)).0, 400);
    }
}

#[test]
fn whoever_may_only_do_things_below_a_path_is_denied_them_where_the_role_is_unknown() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let below = policy("Allow", &["iam:*"], "arn:aws:iam::222222222222:role/crossrole/*");
    let bound = aws.user(ACCOUNT, "bound", json!({"below": below}));
    let order = json!({"match": {"account": ACCOUNT}, "do": {"lag": {"seconds": 5, "writes": true}}});
    fault(&aws, order);
    let text = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    let new = [
        ("RoleName", "new"),
        ("Path", "/crossrole/"),
        ("AssumeRolePolicyDocument", text.as_str()),
    ];
    aws.iam(&bound, "CreateRole", &new).ok();
    let attach = [
        ("RoleName", "new"),
        ("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit"),
    ];
    aws.iam(&bound, "AttachRolePolicy", &attach).refused("AccessDenied");
    aws.iam(&root, "AttachRolePolicy", &attach).refused("NoSuchEntity");
    aws.post("/clock", &json!({"advanceSeconds": 6}));
    aws.iam(&bound, "AttachRolePolicy", &attach).ok();
}

#[test]
fn with_a_seed_reads_go_back_in_time_the_same_way_in_each_run() {
    let run = |seed: u64| {
        let (aws, root) = Aws::with_account(ACCOUNT);
        fault(
            &aws,
            json!({"match": {"action": "GetRole"}, "do": {"lag": {"reads": 12, "seed": seed}}}),
        );
        create(&aws, &root, "r").ok();
        let codes: Vec<_> = (0..20).map(|_| get(&aws, &root, "r") == "OK").collect();
        // After as many reads as the slowest replica needs, all of them have it.
        assert!(codes[12..].iter().all(|seen| *seen), "{codes:?}");
        codes
    };
    assert_eq!(run(1), run(1));
    let runs: Vec<_> = (1..=5).map(run).collect();
    let goes_back = |codes: &Vec<bool>| codes.windows(2).any(|pair| pair == [true, false]);
    assert!(runs.iter().any(goes_back), "{runs:?}");
    assert!(runs.iter().any(|codes| codes != &runs[0]));
}
