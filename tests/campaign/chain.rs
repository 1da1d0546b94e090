//! A chain: one object with a class and two accounts of its own, and the declarations that follow one another in it. A
//! twin has the same class, and accounts and an object that only ever see one declaration.

use crossrole_testkit::scene::EXTERNAL_ID;
use fastrand::Rng;
use serde_json::{Value, json};

use super::support::objects::ASKING;
use super::values;

/// The two accounts of a place.
pub const SIDES: [&str; 2] = ["a", "b"];

/// All that is declared, with words in « » for what differs from place to place: the specs of the role, of its two
/// accounts and of their class.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    pub role: Value,
    pub accounts: [Value; 2],
    pub class: Value,
}

/// Where a declaration is made true: an object and two accounts.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: String,
    /// The ids of its accounts.
    pub ids: [String; 2],
    /// The chain that it belongs to, or is a twin of.
    pub chain: String,
    /// How often a look was asked for.
    pub asked: u64,
}

/// What is known of a chain.
pub struct Chain {
    pub number: usize,
    pub place: Place,
    pub rng: Rng,
    /// What the API server holds.
    pub declared: Declaration,
    /// The last of it that was carried out.
    pub accepted: Declaration,
    /// Whether the object is there.
    pub exists: bool,
    /// Whether anything so far may have moved the time of `AWSRevokeOlderSessions`.
    pub revocable: bool,
    /// The object's version when it came to rest; nobody may write to it then.
    pub at_rest: Option<String>,
    /// What happened so far, a line for each transition.
    pub history: Vec<String>,
    pub failure: Option<String>,
}

impl Place {
    pub fn of_chain(number: usize) -> Self {
        let name = format!("chain-{number:03}");
        Self {
            ids: [0, 1].map(|side| format!("{:012}", 600_000_000_000 + 2 * number + side)),
            chain: name.clone(),
            name,
            asked: 0,
        }
    }

    pub fn twin(number: usize, chain: &str) -> Self {
        Self {
            name: format!("twin-{number:06}"),
            ids: [0, 1].map(|side| format!("{:012}", 700_000_000_000 + 2 * number + side)),
            chain: chain.to_string(),
            asked: 0,
        }
    }

    /// The name of the role that now and then is deleted and made again.
    pub fn person(&self) -> String {
        self.chain.replace("chain", "person")
    }

    pub fn account(&self, side: usize) -> String {
        format!("{}-{}", self.name, SIDES[side])
    }

    /// A template with this place's names.
    fn fill(&self, template: &Value) -> Value {
        let text = template
            .to_string()
            .replace("«a»", &self.account(0))
            .replace("«b»", &self.account(1))
            .replace("«name»", &self.name)
            .replace("«person»", &self.person());
        serde_json::from_str(&text).unwrap()
    }

    pub fn role_object(&self, declaration: &Declaration) -> Value {
        json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": self.name, "namespace": "security", "annotations": {ASKING: self.asked.to_string()}},
            "spec": self.fill(&declaration.role)
        })
    }

    pub fn account_object(&self, side: usize, declaration: &Declaration) -> Value {
        let mut spec = declaration.accounts[side].clone();
        spec["accountId"] = json!(self.ids[side]);
        json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AWSAccount",
            "metadata": {"name": self.account(side), "labels": {"chain": self.name, "side": SIDES[side]}},
            "spec": self.fill(&spec)
        })
    }

    pub fn class_object(&self, declaration: &Declaration) -> Value {
        json!({
            "apiVersion": "crossrole.dev/v1alpha1", "kind": "AccountClass",
            "metadata": {"name": self.chain}, "spec": declaration.class
        })
    }

    pub fn role_name(&self, declaration: &Declaration) -> String {
        let name = declaration.role["roleName"].as_str();
        name.unwrap_or(&self.name).to_string()
    }
}

impl Chain {
    /// A chain as it begins. A third of them are in a class that leaves the boundary to its objects and forces no MFA.
    pub fn new(number: usize, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let place = Place::of_chain(number);
        let declared = first_declaration(&place, number, &mut rng);
        Self {
            number,
            place,
            rng,
            accepted: declared.clone(),
            declared,
            exists: false,
            revocable: false,
            at_rest: None,
            history: Vec::new(),
            failure: None,
        }
    }

    pub fn is_free(&self) -> bool {
        is_free(self.number)
    }

    /// Notes what went wrong; what went wrong first counts.
    pub fn fail(&mut self, failure: impl Into<String>) {
        self.failure.get_or_insert(failure.into());
    }
}

fn is_free(number: usize) -> bool {
    number % 3 == 2
}

fn first_declaration(place: &Place, number: usize, rng: &mut Rng) -> Declaration {
    let account = json!({
        "class": place.chain, "externalId": EXTERNAL_ID, "parameters": {"logBucket": "acme-logs"}
    });
    let mut trust = values::class_trust();
    if is_free(number) {
        trust["requireMfa"] = json!("Never");
        trust["requireExternalId"] = json!("Never");
    }
    let class = json!({
        "bootstrapRole": {"name": "crossrole-bootstrap"},
        "allowedNamespaces": {"names": ["security"]},
        "guardrails": {
            "permissionsBoundary": if is_free(number) { "None" } else { "crossrole-boundary" },
            "trust": trust, "maxSessionDuration": "12h", "managedPolicies": values::class_policies(),
            "inlinePolicies": {"denyActions": ["iam:*"]}, "tagKeys": ["*"], "sessionTagKeys": ["*"],
            "maxRolesPerNamespace": 5000
        }
    });
    let mut role = json!({
        "accounts": {"names": ["«a»"]},
        "trust": [{"from": {"accounts": ["111111111111"]}, "require": {"mfa": {"maxAge": "1h"}}}],
        "permissions": {"awsManaged": ["SecurityAudit"]},
        "tags": {"team": "security"}
    });
    if rng.bool() {
        role["roleName"] = json!(format!("Role{number:03}"));
    }
    if rng.u8(..4) == 0 {
        role["path"] = json!("/crossrole/team/");
    }
    Declaration {
        role,
        accounts: [account.clone(), account],
        class,
    }
}
