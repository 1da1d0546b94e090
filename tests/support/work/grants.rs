//! Pieces of work on AssumeRoleGrants, each in an account of its own: what is there before, what begins them, and what the account
//! must hold in the end.

use std::collections::BTreeMap;
use std::fmt;

use crossrole_testkit::scene;
use crossrole_testkit::{Scene, eventually};
use serde_json::{Value, json};

use super::super::support::granting::{self, document};
use super::super::support::objects::{self, ASKING, is_ready};
use super::super::support::{self, with, yaml};
use super::place::PATIENCE;
use super::root::root;

/// The account of the roles that may be assumed.
const TARGET: &str = "799999999999";

/// What is done to a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// It is made, for a group and a role.
    Make,
    /// It gives another role, and to the role instead of the group.
    Change,
    /// It is deleted.
    Remove,
}

impl Piece {
    pub const ALL: [Self; 3] = [Self::Make, Self::Change, Self::Remove];

    /// The writes to AWS that it takes: once each.
    pub fn writes(self) -> &'static [&'static str] {
        match self {
            Self::Make => &["CreatePolicy", "AttachGroupPolicy", "AttachRolePolicy"],
            Self::Change => &[
                "DetachGroupPolicy",
                "CreatePolicyVersion",
                "DeletePolicyVersion",
                "AttachRolePolicy",
            ],
            Self::Remove => &["DetachGroupPolicy", "DetachRolePolicy", "DeletePolicy"],
        }
    }

    /// The selected roles, groups and roles that are given leave, before and in the end.
    fn specs(self) -> [Option<(&'static str, bool, bool)>; 2] {
        match self {
            Self::Make => [None, Some(("first", true, true))],
            Self::Change => [Some(("first", true, false)), Some(("second", false, true))],
            Self::Remove => [Some(("first", true, true)), None],
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// A grant and its account.
#[derive(Clone, Debug)]
pub struct Granting {
    pub piece: Piece,
    /// The name of the grant and of its AWSAccount.
    pub name: String,
    /// The account's id.
    pub account: String,
}

impl Granting {
    pub fn new(piece: Piece, number: usize) -> Self {
        Self {
            piece,
            name: format!("granting-{number:03}"),
            account: format!("{:012}", 700_000_000_000 + number),
        }
    }

    fn manifest(&self, spec: Option<(&str, bool, bool)>) -> Option<Value> {
        let (selected, to_group, to_role) = spec?;
        let groups = to_group.then_some("SecAuditors");
        let roles = to_role.then_some("ci/deployer");
        let grant = with(
            support::grant(&self.name, &self.name),
            "/metadata/labels",
            json!({"granting": "yes"}),
        );
        let grant = with(grant, "/spec/roles", json!({"names": [selected]}));
        Some(with(
            grant,
            "/spec/to",
            json!({"groups": groups.as_slice(), "roles": roles.as_slice()}),
        ))
    }

    /// What the account must hold at the path of grants in the end.
    pub fn wanted(&self) -> Value {
        let mut policies =
            json!({"security.foreign.1": {"versions": 1, "resources": ["*"], "groups": [], "roles": []}});
        if let [_, Some((selected, to_group, to_role))] = self.piece.specs() {
            policies[format!("security.{}.1", self.name)] = json!({
                "versions": 1,
                "resources": [format!("arn:aws:iam::{TARGET}:role/crossrole/{selected}")],
                "groups": to_group.then_some("SecAuditors").as_slice(),
                "roles": to_role.then_some("deployer").as_slice(),
            });
        }
        policies
    }

    /// What the account holds there now.
    pub async fn found(&self, scene: &Scene) -> Value {
        let iam = root(scene, &self.account).await;
        let listed = iam
            .list_policies()
            .path_prefix("/crossrole-grants/")
            .send()
            .await
            .unwrap();
        let mut policies = json!({});
        for policy in listed.policies() {
            let (name, arn) = (policy.policy_name().unwrap(), policy.arn().unwrap());
            let version = policy.default_version_id().unwrap();
            let get = iam.get_policy_version().policy_arn(arn).version_id(version);
            let text = get.send().await.unwrap().policy_version.unwrap().document.unwrap();
            let text = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap();
            let document: Value = serde_json::from_str(&text).unwrap();
            let resources = match &document["Statement"][0]["Resource"] {
                Value::String(one) => json!([one]),
                several => several.clone(),
            };
            let versions = iam.list_policy_versions().policy_arn(arn).send().await.unwrap();
            let holders = iam.list_entities_for_policy().policy_arn(arn).send().await.unwrap();
            let groups: Vec<_> = holders
                .policy_groups()
                .iter()
                .filter_map(|group| group.group_name())
                .collect();
            let roles: Vec<_> = holders
                .policy_roles()
                .iter()
                .filter_map(|role| role.role_name())
                .collect();
            policies[name] = json!({
                "versions": versions.versions().len(), "resources": resources, "groups": groups, "roles": roles,
            });
        }
        policies
    }

    /// Whether the object is as the work is to end.
    pub fn has_ended(&self, object: Option<&Value>) -> bool {
        match object {
            Some(object) => self.piece != Piece::Remove && is_ready(object),
            None => self.piece == Piece::Remove,
        }
    }
}

/// Makes the accounts, the two roles that may be assumed, and what is there of each grant before the work begins.
pub async fn prepare(scene: &Scene, all: &[Granting]) {
    granting::let_operator_grant(scene).await;
    scene::set_up_target_account(&scene.simulator, TARGET).await.unwrap();
    let class = granting::class("granting", &["security"]);
    let of_class = |name: &str, id: &str| with(support::account(name, id), "/spec/class", json!("granting"));
    let mut manifests = vec![class, of_class("granted", TARGET)];
    manifests.extend(["first", "second"].map(|name| {
        let role = with(support::role(name), "/spec/accounts", json!({"names": ["granted"]}));
        with(role, "/metadata/labels", json!({"granted": "yes"}))
    }));
    for one in all {
        set_up(scene, one).await;
        manifests.push(of_class(&one.name, &one.account));
        manifests.extend(one.manifest(one.piece.specs()[0]));
    }
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    for role in ["first", "second"] {
        scene.wait_for_ready("security", role, "True").await.unwrap();
    }
    wait_for_all(scene, "grants that are there before", |grants| {
        let mut before = all.iter().filter(|granting| granting.piece.specs()[0].is_some());
        let missing = before.find(|granting| !grants.get(&granting.name).is_some_and(is_ready));
        missing.map(|granting| format!("{granting:?}: {:?}", grants.get(&granting.name)))
    })
    .await;
}

async fn set_up(scene: &Scene, of: &Granting) {
    let (simulator, account) = (&scene.simulator, of.account.as_str());
    scene::set_up_target_account(simulator, account).await.unwrap();
    granting::make_grant_role(scene, account, document("grant-permissions.json")).await;
    let deployer = json!({"name": "deployer", "path": "/ci/", "trust": document("trust-identity.json")});
    simulator.create_role(account, deployer).await.unwrap();
    granting::make_group(scene, account, "SecAuditors").await;
    let everything =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let foreign = simulator.create_policy(account, "/crossrole-grants/", "security.foreign.1", everything);
    foreign.await.unwrap();
}

/// Begins the work everywhere.
pub async fn begin(scene: &Scene, all: &[Granting]) {
    let manifests = all
        .iter()
        .filter_map(|granting| granting.manifest(granting.piece.specs()[1]));
    let manifests: Vec<Value> = manifests.collect();
    scene.control_plane.apply(&yaml(&manifests)).await.unwrap();
    let removed = all.iter().filter(|granting| granting.piece == Piece::Remove);
    delete(scene, removed).await;
}

async fn delete(scene: &Scene, all: impl Iterator<Item = &Granting>) {
    let arguments = [
        "delete",
        "assumerolegrant",
        "--namespace=security",
        "--wait=false",
        "--ignore-not-found",
    ];
    let arguments = arguments.into_iter().chain(all.map(|granting| granting.name.as_str()));
    scene.control_plane.kubectl(arguments).await.unwrap();
}

/// All grants, by their names.
pub async fn list(scene: &Scene) -> BTreeMap<String, Value> {
    objects::list(scene, "assumerolegrants", "granting=yes").await
}

/// Waits until all work has ended, and says what is wrong with what came of it.
pub async fn end(scene: &Scene, all: &[Granting]) -> BTreeMap<String, String> {
    wait_for_all(scene, "all grants end as declared", |grants| {
        let mut left = all.iter();
        let left = left.find(|granting| !granting.has_ended(grants.get(&granting.name)))?;
        Some(format!("{left:?}: {:?}", grants.get(&left.name)))
    })
    .await;
    let mut failures = BTreeMap::new();
    // What a lost answer left is found by the look that follows it.
    let _ = eventually(PATIENCE, "every account holds what is declared", async || {
        failures.clear();
        for granting in all {
            let (found, wanted) = (granting.found(scene).await, granting.wanted());
            if found != wanted {
                failures.insert(granting.name.clone(), format!("ended with {found} and not {wanted}"));
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(format!("{} left", failures.len()))
        }
    })
    .await;
    failures
}

/// Asks for a look at each of some grants.
pub async fn ask(scene: &Scene, all: impl Iterator<Item = &Granting>, asked: &str) {
    let value = format!("{ASKING}={asked}");
    let arguments = ["annotate", "--namespace=security", "--overwrite", "assumerolegrant"];
    let names = all.map(|granting| granting.name.as_str());
    let arguments = arguments.into_iter().chain(names).chain([value.as_str()]);
    scene.control_plane.kubectl(arguments).await.unwrap();
}

/// Looks again, which must write nothing to AWS. Says where it did.
pub async fn is_steady(scene: &Scene, all: &[Granting], asked: &str) -> BTreeMap<String, String> {
    scene.simulator.reset_calls().await.unwrap();
    let kept = all.iter().filter(|granting| granting.piece != Piece::Remove);
    ask(scene, kept.clone(), asked).await;
    wait_for_all(scene, "a look at every grant", |grants| {
        let mut kept = kept.clone();
        kept.find(|granting| !grants.get(&granting.name).is_some_and(is_ready))
            .map(|granting| format!("{granting:?}: {:?}", grants.get(&granting.name)))
    })
    .await;
    let counts = scene.simulator.counts().await.unwrap().accounts;
    let written = all.iter().filter_map(|granting| {
        let counts = counts.get(&granting.account).filter(|counts| counts.writes > 0)?;
        Some((
            granting.name.clone(),
            format!("a steady state was written to: {:?}", counts.actions),
        ))
    });
    written.collect()
}

/// Deletes all grants and the roles: nothing of them may be left.
pub async fn clear_up(scene: &Scene, all: &[Granting]) -> BTreeMap<String, String> {
    delete(scene, all.iter()).await;
    objects::delete(scene, &["first", "second"]).await;
    eventually(PATIENCE, "no grant and no role left", async || {
        let (grants, roles) = (list(scene).await, objects::list(scene, "xar", "granted=yes").await);
        if grants.is_empty() && roles.is_empty() {
            Ok(())
        } else {
            Err(format!("{grants:?} {roles:?}"))
        }
    })
    .await
    .unwrap();
    let mut failures = BTreeMap::new();
    for granting in all {
        let found = granting.found(scene).await;
        let left = found
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "security.foreign.1");
        let left: Vec<_> = left.collect();
        if !left.is_empty() {
            failures.insert(granting.name.clone(), format!("left {left:?}"));
        }
    }
    failures
}

async fn wait_for_all(scene: &Scene, what: &str, unrest: impl Fn(&BTreeMap<String, Value>) -> Option<String>) {
    eventually(PATIENCE, what, async || {
        let grants = list(scene).await;
        unrest(&grants).map_or(Ok(()), Err)
    })
    .await
    .unwrap();
}
