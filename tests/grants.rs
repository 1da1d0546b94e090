//! The trusted side: a grant lets a group assume roles in many accounts, follows them, and says where a door is half open.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/root.rs"]
mod root;
mod support;

use crossrole_testkit::person::{self, Answer};
use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE, condition, set_up_target_account};
use crossrole_testkit::simulator::User;
use crossrole_testkit::{Scene, eventually, tools};
use http::Method;
use root::root;
use serde_json::{Value, json};
use support::{PROD, STAGE, account, class, grant, granting, namespace, role, with, yaml};

/// Accounts that are audited from the start.
const AUDITED: [(&str, &str); 5] = [
    ("prod", PROD),
    ("stage", STAGE),
    ("data", "666666666661"),
    ("shop", "666666666662"),
    ("mail", "666666666663"),
];
const LATER: &str = "777777777777";
const VENDOR: &str = "444444444444";
const POLICY: &str = "arn:aws:iam::111111111111:policy/crossrole-grants/security.auditors.1";
const FOREIGN: &str = "arn:aws:iam::111111111111:policy/crossrole-grants/security.other.1";

fn example(file: &str) -> String {
    std::fs::read_to_string(tools::workspace().join("examples/grants").join(file)).unwrap()
}

/// The kit of the identity account, as `examples/grants` shows it, and a group that is not there; two groups, and two users with MFA.
async fn set_up_identity_account(scene: &Scene) -> (User, User) {
    let simulator = &scene.simulator;
    set_up_target_account(simulator, IDENTITY_ACCOUNT).await.unwrap();
    let group = "arn:aws:iam::*:group/SecAuditors";
    let both = json!([group, "arn:aws:iam::*:group/Missing"]);
    let permissions = example("bootstrap/grant-permissions.json").replace(&format!("\"{group}\""), &both.to_string());
    let permissions: Value = serde_json::from_str(&permissions).unwrap();
    granting::make_grant_role(scene, IDENTITY_ACCOUNT, permissions).await;
    granting::let_operator_grant(scene).await;
    let of_group = |name: &'static str, group: &'static str| async move {
        let path = format!("/accounts/{IDENTITY_ACCOUNT}");
        granting::make_group(scene, IDENTITY_ACCOUNT, group).await;
        let order = json!({"name": name, "mfa": true, "groups": [group]});
        simulator
            .ask::<User>(Method::POST, &format!("{path}/users"), Some(&order))
            .await
            .unwrap()
    };
    (
        of_group("ada", "SecAuditors").await,
        of_group("mallory", "Others").await,
    )
}

fn labelled(manifest: Value, key: &str, value: &str) -> Value {
    with(manifest, "/metadata/labels", json!({key: value}))
}

/// In every account that is labelled for audits, for the users of one account with MFA.
fn audit(name: &str, trusted: &str) -> Value {
    let role = with(
        role(name),
        "/spec/accounts",
        json!({"selector": {"matchLabels": {"audited": "yes"}}}),
    );
    let external_ids = if trusted == VENDOR {
        json!(["abc123"])
    } else {
        Value::Null
    };
    let require = json!({"mfa": {"maxAge": "1h"}, "externalIds": external_ids});
    let mut require = require.as_object().unwrap().clone();
    require.retain(|_, value| !value.is_null());
    with(
        role,
        "/spec/trust",
        json!([{"from": {"accounts": [trusted], "kind": "Users"}, "require": require}]),
    )
}

async fn wait_for(scene: &Scene, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(PATIENCE, what, async || {
        let grant = scene.get("assumerolegrant", "security", name).await;
        let grant = grant.map_err(|error| error.to_string())?;
        let is_current = grant["status"]["observedGeneration"] == grant["metadata"]["generation"];
        if is_current && holds(&grant) {
            Ok(grant)
        } else {
            Err(grant["status"].to_string())
        }
    })
    .await
    .unwrap()
}

fn is_ready(summary: &str) -> impl Fn(&Value) -> bool {
    move |grant| condition(grant, "Ready")["status"] == "True" && grant["status"]["summary"] == summary
}

fn is_half_open(reason: &'static str) -> impl Fn(&Value) -> bool {
    move |grant| condition(grant, "HalfOpen")["reason"] == reason
}

fn arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/crossrole/{role}")
}

async fn is_let_in(scene: &Scene, user: &User, arn: &str, mfa: bool) -> bool {
    let answer = person::assume(&scene.simulator, user, arn, mfa).await.unwrap();
    matches!(answer, Answer::Allowed(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_the_other_half_of_the_door() {
    let accounts = AUDITED.map(|(_, id)| id);
    let scene = Scene::start(&[&accounts[..], &[LATER]].concat()).await.unwrap();
    let (ada, mallory) = set_up_identity_account(&scene).await;
    scene.simulator.create_account(VENDOR, None).await.unwrap();
    let may_ask = json!({"ask": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}});
    let vendor = scene.simulator.create_user(VENDOR, "eve", may_ask, true).await.unwrap();
    let operator = scene
        .operator(&["--resync-interval=1s", "--propagation-delay=5s"])
        .await
        .unwrap();

    let audited = AUDITED.map(|(name, id)| labelled(account(name, id), "audited", "yes"));
    scene.control_plane.apply(&yaml(&audited)).await.unwrap();
    let objects = [
        namespace("security"),
        class("standard"),
        account("later", LATER),
        labelled(audit("audit", IDENTITY_ACCOUNT), "purpose", "audit"),
        audit("vendor", VENDOR),
    ];
    scene.control_plane.apply(&yaml(&objects)).await.unwrap();
    let account = example("account.yaml").replace("groups: [SecAuditors]", "groups: [SecAuditors, Missing]");
    scene.control_plane.apply(&account).await.unwrap();
    scene.control_plane.apply(&example("grant.yaml")).await.unwrap();

    // It follows the roles as they come.
    let grant_now = wait_for(&scene, "auditors", "five roles are granted", is_ready("5/5")).await;
    assert!(condition(&grant_now, "HalfOpen").is_null(), "{grant_now}");
    assert!(condition(&grant_now, "Stalled").is_null(), "{grant_now}");
    let mut granted = AUDITED
        .map(|(name, id)| json!({"roleArn": arn(id, "audit"), "role": "audit", "account": name, "trusted": "Yes"}));
    granted.sort_by_key(|role| role["roleArn"].to_string());
    assert_eq!(grant_now["status"]["roles"], json!(granted));
    for account in accounts {
        let arn = arn(account, "audit");
        assert!(is_let_in(&scene, &ada, &arn, true).await, "{arn}\n{}", operator.log());
        assert!(!is_let_in(&scene, &ada, &arn, false).await, "without MFA: {arn}");
        assert!(
            !is_let_in(&scene, &mallory, &arn, true).await,
            "of another group: {arn}"
        );
    }
    let root = root(&scene, IDENTITY_ACCOUNT).await;
    let (in_group, group) = ("SecAuditors", "Others");
    root.remove_user_from_group()
        .group_name(in_group)
        .user_name("ada")
        .send()
        .await
        .unwrap();
    assert!(!is_let_in(&scene, &ada, &arn(PROD, "audit"), true).await);
    root.add_user_to_group()
        .group_name(in_group)
        .user_name("ada")
        .send()
        .await
        .unwrap();

    // A further account by its label alone.
    let label = ["label", "awsaccount", "later", "audited=yes"];
    scene.control_plane.kubectl(label).await.unwrap();
    wait_for(&scene, "auditors", "the sixth role is granted", is_ready("6/6")).await;
    assert!(is_let_in(&scene, &ada, &arn(LATER, "audit"), true).await);

    // A role that trusts only the vendor, who lacks the external id.
    scene.wait_for_ready("security", "vendor", "True").await.unwrap();
    assert!(!is_let_in(&scene, &vendor, &arn(PROD, "vendor"), true).await);
    assert!(!is_let_in(&scene, &ada, &arn(PROD, "vendor"), true).await);

    // Half open: granted, not trusted; and trusted, not granted.
    let purpose = |value: &'static str| ["label", "--namespace=security", "--overwrite", "xar", "vendor", value];
    scene.control_plane.kubectl(purpose("purpose=audit")).await.unwrap();
    let half = wait_for(
        &scene,
        "auditors",
        "the vendor's role is half open",
        is_half_open("GrantedNotTrusted"),
    )
    .await;
    assert_eq!(half["status"]["summary"], "6/12");
    assert!(!is_let_in(&scene, &ada, &arn(PROD, "vendor"), true).await);
    scene.control_plane.kubectl(purpose("purpose=sales")).await.unwrap();
    wait_for(&scene, "auditors", "the vendor's role is left out", |grant| {
        is_ready("6/6")(grant) && condition(grant, "HalfOpen").is_null()
    })
    .await;
    let lonely = audit("lonely", IDENTITY_ACCOUNT);
    scene.control_plane.apply(&yaml(&[lonely])).await.unwrap();
    let half = wait_for(
        &scene,
        "auditors",
        "a role that nobody is granted",
        is_half_open("TrustedNotGranted"),
    )
    .await;
    let told = condition(&half, "HalfOpen")["message"].as_str().unwrap();
    assert!(told.contains("lonely") && !told.contains("vendor"), "{told}");
    assert!(!is_let_in(&scene, &ada, &arn(PROD, "lonely"), true).await);
    let delete = ["delete", "xar", "lonely", "--namespace=security"];
    scene.control_plane.kubectl(delete).await.unwrap();
    wait_for(&scene, "auditors", "no door is half open", |grant| {
        condition(grant, "HalfOpen").is_null()
    })
    .await;

    // Somebody who is not there takes nothing from the others, and status goes on saying what they have.
    let with_missing = with(
        grant("auditors", "identity"),
        "/spec/to",
        json!({"groups": ["Missing", "SecAuditors"]}),
    );
    scene.control_plane.apply(&yaml(&[with_missing])).await.unwrap();
    let lacking = wait_for(&scene, "auditors", "a group is missing", |grant| {
        condition(grant, "Stalled")["reason"] == "GranteeNotFound"
    })
    .await;
    assert_eq!(lacking["status"]["summary"], "6/6", "{lacking}");
    assert!(is_let_in(&scene, &ada, &arn(PROD, "audit"), true).await);
    // The account is let go and taken back: what is there is found again, and where it is.
    let state = |state: &str| format!(r#"{{"spec":{{"state":"{state}"}}}}"#);
    for (wanted, id) in [("Abandoned", Value::Null), ("Active", json!(IDENTITY_ACCOUNT))] {
        let patch = [
            "patch",
            "awsaccount",
            "identity",
            "--type=merge",
            "--patch",
            &state(wanted),
        ];
        scene.control_plane.kubectl(patch).await.unwrap();
        wait_for(&scene, "auditors", "the account is told", |grant| {
            grant["status"]["accountId"] == id
        })
        .await;
    }
    scene
        .control_plane
        .apply(&yaml(&[grant("auditors", "identity")]))
        .await
        .unwrap();
    wait_for(&scene, "auditors", "only the group is asked for", is_ready("6/6")).await;

    // What others do to the policy is undone; what others made is left alone.
    root.attach_group_policy()
        .group_name(group)
        .policy_arn(POLICY)
        .send()
        .await
        .unwrap();
    eventually(PATIENCE, "the other group loses the policy", async || {
        let held = root
            .list_attached_group_policies()
            .group_name(group)
            .send()
            .await
            .unwrap();
        match held.attached_policies() {
            [] => Ok(()),
            held => Err(format!("{held:?}")),
        }
    })
    .await
    .unwrap();
    let theirs =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let path = "/crossrole-grants/";
    // IAM takes a name once, whatever the path.
    for (path, name) in [(path, "other"), ("/elsewhere/", "third")] {
        let made = root
            .create_policy()
            .policy_name(format!("security.{name}.1"))
            .path(path)
            .policy_document(theirs.to_string());
        made.send().await.unwrap();
        let foreign = yaml(&[grant(name, "identity")]);
        scene.control_plane.apply(&foreign).await.unwrap();
        wait_for(&scene, name, "the policy is foreign", |grant| {
            condition(grant, "Stalled")["reason"] == "ForeignPolicy"
        })
        .await;
    }

    // A group that the class does not list; and the account is kept as long as a grant is there.
    let admins = with(grant("admins", "identity"), "/spec/to", json!({"groups": ["Others"]}));
    scene.control_plane.apply(&yaml(&[admins])).await.unwrap();
    wait_for(&scene, "admins", "the group is not listed", |grant| {
        condition(grant, "Stalled")["reason"] == "GrantNotAllowed"
    })
    .await;
    let identity = scene.get("awsaccount", "", "identity").await.unwrap();
    assert_eq!(identity["metadata"]["finalizers"], json!(["crossrole.dev/in-use"]));

    for name in ["auditors", "other", "third", "admins"] {
        let delete = ["delete", "assumerolegrant", name, "--namespace=security"];
        scene.control_plane.kubectl(delete).await.unwrap();
    }
    let left = root.list_policies().path_prefix(path).send().await.unwrap();
    let left: Vec<_> = left.policies().iter().filter_map(|policy| policy.arn()).collect();
    assert_eq!(left, [FOREIGN]);
    let foreign = root
        .get_policy()
        .policy_arn(FOREIGN)
        .send()
        .await
        .unwrap()
        .policy
        .unwrap();
    assert_eq!(
        (foreign.default_version_id(), foreign.attachment_count()),
        (Some("v1"), Some(0))
    );
    let held = root
        .list_attached_group_policies()
        .group_name(in_group)
        .send()
        .await
        .unwrap();
    assert_eq!(held.attached_policies(), []);
    assert!(!is_let_in(&scene, &ada, &arn(PROD, "audit"), true).await);
}
