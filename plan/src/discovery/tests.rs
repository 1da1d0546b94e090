mod brake;
mod classes;
mod persons;

use std::collections::BTreeMap;

use crossrole_api::names::{ALLOW_REMOVALS_ANNOTATION, DISCOVERY_MANAGER, TAG_LABEL_PREFIX, UNIT_LABEL_PREFIX};
use crossrole_iam::Partition;
use serde_json::{Value, json};

use super::listing::Unit;
use super::*;
use crate::testing;

const WORKLOADS: &str = "ou-a1b2-workload";
const PROD: &str = "ou-a1b2-workprod";
const SANDBOX: &str = "ou-a1b2-sandbox1";
const AT_LEAST: usize = 10;

fn unit(id: &str, name: &str) -> Unit {
    Unit {
        id: id.into(),
        name: name.into(),
    }
}

fn listed(number: u32, units: &[&str]) -> Listed {
    Listed {
        id: format!("2222{number:08}").parse().unwrap(),
        name: format!("team {number}"),
        standing: Standing::Active,
        units: units.iter().map(|id| unit(id, &format!("unit of {id}"))).collect(),
        tags: BTreeMap::from([("cost:center".into(), "c 1".into())]),
    }
}

fn listing(accounts: Vec<Listed>) -> Listing {
    Listing {
        organization: "o-a1b2c3d4e5".parse().unwrap(),
        management_account: "111111111111".parse().unwrap(),
        partition: Partition::Aws,
        root: "r-a1b2".into(),
        accounts,
        unsettled: BTreeSet::new(),
    }
}

fn class(name: &str, discovery: &str) -> AccountClass {
    let mut class = testing::class(&format!("{}\ndiscovery: {discovery}\n", testing::CLASS));
    class.metadata.name = Some(name.into());
    class.metadata.uid = Some(format!("uid of {name}"));
    class
}

/// Kubernetes, as far as discovery sees it.
struct Cluster {
    classes: Vec<AccountClass>,
    accounts: BTreeMap<String, Value>,
    taken_lately: BTreeSet<String>,
}

impl Cluster {
    fn new(classes: Vec<AccountClass>) -> Self {
        Self {
            classes,
            accounts: BTreeMap::new(),
            taken_lately: BTreeSet::new(),
        }
    }

    /// One class for all that is below `WORKLOADS`.
    fn usual() -> Self {
        Self::new(vec![class(
            "standard",
            &format!("{{organizationalUnits: [{WORKLOADS}]}}"),
        )])
    }

    fn objects(&self) -> Vec<AWSAccount> {
        let objects = self.accounts.values();
        objects
            .map(|object| serde_json::from_value(object.clone()).unwrap())
            .collect()
    }

    fn decide(&self, listing: &Listing) -> Decision {
        let objects = self.objects();
        let known = Known {
            classes: self.classes.iter().collect(),
            accounts: objects.iter().collect(),
            all_classes: true,
            all_accounts: true,
            taken_lately: self.taken_lately.clone(),
        };
        decide(listing, &known, AT_LEAST)
    }

    /// Carries out what is decided, and sees that nothing is left to be done then. Says what was done.
    fn follow(&mut self, listing: &Listing) -> Decision {
        let decision = self.decide(listing);
        for application in &decision.applications {
            self.apply(application);
        }
        let again = self.decide(listing).applications;
        assert_eq!(again, Vec::new(), "a second look has nothing to do");
        decision
    }

    /// As server-side apply does it: what was applied before and is no more goes, and back to its default.
    fn apply(&mut self, application: &Application) {
        let mut manifest = application.fields.manifest(&application.name, None);
        let now = self.version(&application.name);
        let uid = format!("uid of {}", application.name);
        let seen = now.as_ref().map(|version| Seen {
            uid: Some(uid.clone()),
            version: Some(version.clone()),
        });
        assert_eq!(application.seen, seen, "the object that was looked at, as it was");
        let object = self
            .accounts
            .entry(application.name.clone())
            .or_insert_with(|| json!({"metadata": {}, "spec": {}}));
        let before = object["metadata"]["managedFields"][0]["fieldsV1"].clone();
        for (part, field) in [("metadata", "labels"), ("metadata", "annotations"), ("spec", "")] {
            let pointer = if field.is_empty() {
                format!("/f:{part}")
            } else {
                format!("/f:{part}/f:{field}")
            };
            for name in before
                .pointer(&pointer)
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|owned| owned.keys())
            {
                let pointer = if field.is_empty() {
                    format!("/{part}")
                } else {
                    format!("/{part}/{field}")
                };
                let name = name.trim_start_matches("f:");
                object
                    .pointer_mut(&pointer)
                    .and_then(Value::as_object_mut)
                    .map(|members| members.remove(name));
            }
        }
        let owned = |members: &Value| -> Value {
            let names = members.as_object().into_iter().flat_map(|members| members.keys());
            names.map(|name| (format!("f:{name}"), json!({}))).collect()
        };
        let mut of_metadata = json!({"f:labels": owned(&manifest["metadata"]["labels"])});
        if manifest["metadata"]["annotations"].is_object() {
            of_metadata["f:annotations"] = owned(&manifest["metadata"]["annotations"]);
        }
        let fields = json!({"f:metadata": of_metadata, "f:spec": owned(&manifest["spec"])});
        let version = now.map_or(1, |version| version.parse::<u32>().unwrap() + 1);
        manifest["metadata"]["uid"] = json!(uid);
        manifest["metadata"]["resourceVersion"] = json!(version.to_string());
        manifest["metadata"]["managedFields"] =
            json!([{"manager": DISCOVERY_MANAGER, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields}]);
        merge(object, manifest);
    }

    /// A person edits an object, as `kubectl edit` does: what they write is theirs.
    fn edit(&mut self, name: &str, field: &str, value: Value) {
        let object = self.accounts.get_mut(name).unwrap();
        object["spec"][field] = value;
        if let Some(owned) = object.pointer_mut("/metadata/managedFields/0/fieldsV1/f:spec") {
            owned.as_object_mut().unwrap().remove(&format!("f:{field}"));
        }
    }

    fn version(&self, name: &str) -> Option<String> {
        let version = &self.accounts.get(name)?["metadata"]["resourceVersion"];
        Some(version.as_str().unwrap().to_string())
    }

    /// A person releases what a class's problem says.
    fn release(&mut self, decision: &Decision, class: &str) {
        let (reason, message) = &decision.problems[class];
        assert_eq!(*reason, Reason::TooManyRemovals);
        let digest = message.rsplit('=').next().unwrap().to_string();
        let annotations = BTreeMap::from([(ALLOW_REMOVALS_ANNOTATION.to_string(), digest)]);
        let mut classes = self.classes.iter_mut();
        let class = classes.find(|object| object.metadata.name.as_deref() == Some(class));
        class.unwrap().metadata.annotations = Some(annotations);
    }

    fn state(&self, name: &str) -> AccountState {
        let objects = self.objects();
        let mut objects = objects.iter();
        objects
            .find(|object| object.metadata.name.as_deref() == Some(name))
            .unwrap()
            .spec
            .state
    }
}

fn merge(object: &mut Value, more: Value) {
    match (object, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (object, more) => *object = more,
    }
}

fn names(decision: &Decision) -> Vec<&str> {
    decision.applications.iter().map(|one| one.name.as_str()).collect()
}

fn note(decision: &Decision) -> (&str, bool) {
    let news = decision.applications[0].news.as_ref().unwrap();
    (news.note.as_str(), news.is_warning)
}

const FIRST: &str = "account-222200000001";

#[test]
fn an_account_that_a_class_names_gets_an_object_with_labels() {
    let mut cluster = Cluster::usual();
    let listing = listing(vec![
        listed(1, &[WORKLOADS, PROD]),
        listed(2, &[SANDBOX]),
        listed(3, &[]),
    ]);
    let decision = cluster.follow(&listing);
    assert_eq!(names(&decision), [FIRST], "of the others no class says anything");
    let made = &decision.applications[0];
    assert_eq!(
        made.fields.manifest(&made.name, made.seen.as_ref()),
        json!({
            "apiVersion": "crossrole.dev/v1alpha1",
            "kind": "AWSAccount",
            "metadata": {
                "name": FIRST,
                "labels": {
                    "crossrole.dev/organization": "o-a1b2c3d4e5",
                    "crossrole.dev/account-name": "team_1",
                    "crossrole.dev/organizational-unit": PROD,
                    format!("{UNIT_LABEL_PREFIX}{WORKLOADS}"): "unit_of_ou-a1b2-workload",
                    format!("{UNIT_LABEL_PREFIX}{PROD}"): "unit_of_ou-a1b2-workprod",
                    format!("{TAG_LABEL_PREFIX}cost_center"): "c_1",
                },
            },
            "spec": {"accountId": "222200000001", "partition": "aws", "class": "standard"},
        })
    );
    assert_eq!(
        note(&decision).0,
        "account 222200000001 (team 1) of the organisation: class standard"
    );
}

/// What is decided, day by day, in the life of an organisation: the golden case.
#[test]
fn the_life_of_an_account() {
    let mut cluster = Cluster::new(vec![
        class(
            "standard",
            &format!("{{organizationalUnits: [{WORKLOADS}], externalId: shared-1}}"),
        ),
        class("production", &format!("{{organizationalUnits: [{PROD}]}}")),
    ]);
    let mut told = String::new();
    let mut day = |what: &str, listing: &Listing, cluster: &mut Cluster| {
        let decision = cluster.follow(listing);
        told.push_str(&format!("# {what}\n"));
        for application in &decision.applications {
            let manifest = application
                .fields
                .manifest(&application.name, application.seen.as_ref());
            told.push_str(&serde_json::to_string_pretty(&manifest).unwrap());
            let news = application.news.as_ref();
            told.push_str(&news.map_or("\nno news\n".to_string(), |news| {
                let kind = if news.is_warning { "Warning" } else { "Normal" };
                format!("\n{kind} {}: {}\n", news.reason, news.note)
            }));
        }
    };
    let mut all = listing(vec![listed(1, &[WORKLOADS])]);
    day("found", &all, &mut cluster);
    all.accounts[0].name = "payments".into();
    day("renamed", &all, &mut cluster);
    all.accounts[0].units.push(unit(PROD, "Production"));
    day("moved to where another class counts", &all, &mut cluster);
    all.accounts[0].tags = BTreeMap::from([("env".into(), "prod".into())]);
    day("tagged otherwise", &all, &mut cluster);
    all.accounts[0].standing = Standing::Suspended;
    day("suspended", &all, &mut cluster);
    all.accounts[0].standing = Standing::Active;
    day("opened again", &all, &mut cluster);
    all.accounts[0].units = Vec::new();
    day("moved to where no class counts", &all, &mut cluster);
    all.accounts[0].units = vec![unit(WORKLOADS, "Workloads")];
    day("moved back", &all, &mut cluster);
    all.accounts[0].standing = Standing::PendingClosure;
    day("being closed", &all, &mut cluster);
    all.accounts[0].standing = Standing::Closed;
    day("closed", &all, &mut cluster);
    all.accounts[0].standing = Standing::Active;
    day("reinstated", &all, &mut cluster);
    all.accounts[0].standing = Standing::Closed;
    day("closed once more", &all, &mut cluster);
    all.accounts.clear();
    day("no longer listed", &all, &mut cluster);
    insta::assert_snapshot!(told);
}

#[test]
fn an_account_that_is_gone_is_paused_with_a_warning_and_keeps_its_labels() {
    let mut cluster = Cluster::usual();
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS])]));
    let labels = cluster.accounts[FIRST]["metadata"]["labels"].clone();
    let decision = cluster.follow(&listing(Vec::new()));
    let (note, is_warning) = note(&decision);
    assert!(
        note.contains("no longer lists account 222200000001") && is_warning,
        "{note}"
    );
    assert!(decision.applications[0].takes && decision.applications[0].is_gone());
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    assert_eq!(cluster.accounts[FIRST]["metadata"]["labels"], labels);
    // It comes back.
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS])]));
    assert_eq!(cluster.state(FIRST), AccountState::Active);
}

#[test]
fn nothing_is_concluded_from_an_account_that_moved_while_it_was_read() {
    let mut cluster = Cluster::usual();
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS])]));
    let mut without = listing(Vec::new());
    without.unsettled.insert("222200000001".parse().unwrap());
    assert_eq!(cluster.decide(&without), Decision::default());
}

#[test]
fn a_closed_account_can_be_opened_again_and_is_forgotten_when_it_is_listed_no_more() {
    let mut cluster = Cluster::usual();
    let mut all = listing(vec![listed(1, &[WORKLOADS]), listed(2, &[WORKLOADS])]);
    cluster.follow(&all);
    for account in &mut all.accounts {
        account.standing = Standing::Closed;
    }
    // A person's pause is theirs, or who writes over it could not put it back.
    cluster.edit("account-222200000002", "state", json!("Paused"));
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    all.accounts[0].standing = Standing::Active;
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Active);
    all.accounts[0].standing = Standing::Closed;
    cluster.follow(&all);
    cluster.follow(&listing(Vec::new()));
    assert_eq!(cluster.state(FIRST), AccountState::Abandoned);
    assert_eq!(cluster.state("account-222200000002"), AccountState::Paused);
    all.accounts[1].standing = Standing::Active;
    cluster.follow(&all);
    assert_eq!(cluster.state("account-222200000002"), AccountState::Paused);
}

#[test]
fn nothing_is_concluded_from_what_was_set_aside() {
    let mut cluster = Cluster::usual();
    let mut all = listing(vec![listed(1, &[WORKLOADS]), listed(2, &[WORKLOADS])]);
    cluster.follow(&all);
    for account in &mut all.accounts {
        account.tags.clear();
    }
    all.set_aside(|listed| listed.id.as_str() == "222200000001");
    assert_eq!(names(&cluster.decide(&all)), ["account-222200000002"]);
}
