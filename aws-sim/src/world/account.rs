//! One AWS account and what IAM keeps in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::aws_managed;
use super::providers::{OidcProvider, SamlProvider};
use super::time::Seconds;
use crate::policy::document::Document;

/// An account. Names are looked up without regard to case, so the maps are keyed by names in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) partition: String,
    pub(crate) organization: Option<Organization>,
    pub(crate) roles: BTreeMap<String, Arc<Role>>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// Customer managed policies by ARN.
    pub(crate) policies: BTreeMap<String, ManagedPolicy>,
    pub(crate) instance_profiles: BTreeMap<String, InstanceProfile>,
    /// MFA devices by serial number (an ARN).
    pub(crate) mfa_devices: BTreeMap<String, MfaDevice>,
    /// OIDC providers by issuer without the scheme, which is also how their ARNs end.
    pub(crate) oidc_providers: BTreeMap<String, OidcProvider>,
    /// SAML providers by name.
    pub(crate) saml_providers: BTreeMap<String, SamlProvider>,
    pub(crate) quotas: Quotas,
    /// Counts the changes to it, or what may have been one.
    pub(crate) changes: u64,
    /// When the last of them was, in milliseconds of the simulated time.
    pub(crate) changed_ms: i64,
}

/// The organisation that an account belongs to, and where in it the account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Organization {
    /// Such as `o-a1b2c3d4e5`.
    pub(crate) id: String,
    /// Such as `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`.
    pub(crate) path: String,
}

impl Organization {
    /// An account that is right below the root.
    pub(crate) fn at_root(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            path: format!("{id}/r-root/"),
        }
    }
}

/// The quotas of an account, as `GetAccountSummary` tells them.
#[derive(Debug, Clone)]
pub(crate) struct Quotas {
    pub(crate) roles: usize,
    pub(crate) trust_policy_size: usize,
    pub(crate) role_policy_size: usize,
    pub(crate) user_policy_size: usize,
    pub(crate) policy_size: usize,
    pub(crate) attached_per_role: usize,
    pub(crate) attached_per_user: usize,
    pub(crate) attached_per_group: usize,
    pub(crate) policies: usize,
    pub(crate) versions_per_policy: usize,
    pub(crate) tags_per_role: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            roles: 1000,
            trust_policy_size: 2048,
            role_policy_size: 10_240,
            user_policy_size: 2048,
            policy_size: 6144,
            attached_per_role: 10,
            attached_per_user: 10,
            attached_per_group: 10,
            policies: 1500,
            versions_per_policy: 5,
            tags_per_role: 50,
        }
    }
}

/// A role.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Seconds,
    /// When a session of it last signed a request, and in which Region.
    pub(crate) last_used: Option<(Seconds, String)>,
    pub(crate) description: Option<String>,
    pub(crate) max_session_duration: u64,
    pub(crate) trust: Document,
    pub(crate) inline: BTreeMap<String, Document>,
    /// ARNs of managed policies.
    pub(crate) attached: BTreeSet<String>,
    /// The ARN of the permissions boundary.
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
}

/// An IAM user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Seconds,
    pub(crate) inline: BTreeMap<String, Document>,
    pub(crate) attached: BTreeSet<String>,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// Names of the groups it is in, as they were given.
    pub(crate) groups: BTreeSet<String>,
}

/// A group of users.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Seconds,
    pub(crate) inline: BTreeMap<String, Document>,
    pub(crate) attached: BTreeSet<String>,
}

/// A managed policy: of the account, or a view of one of AWS.
#[derive(Debug, Clone)]
pub(crate) struct ManagedPolicy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Seconds,
    /// When the newest version was made.
    pub(crate) updated: Seconds,
    pub(crate) description: Option<String>,
    /// The oldest first. There is always one.
    pub(crate) versions: Vec<PolicyVersion>,
    /// The number of the version that is in force.
    pub(crate) default_version: u64,
    /// The highest number that was ever given to a version.
    pub(crate) newest_version: u64,
    pub(crate) tags: Vec<(String, String)>,
}

/// One version of a managed policy.
#[derive(Debug, Clone)]
pub(crate) struct PolicyVersion {
    /// 2 is `v2`. A number is never used again.
    pub(crate) number: u64,
    pub(crate) document: Document,
    pub(crate) created: Seconds,
}

impl ManagedPolicy {
    /// The version that is in force.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.version(self.default_version).map(|version| &version.document)
    }

    pub(crate) fn version(&self, number: u64) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }
}

/// An instance profile: it holds at most one role.
#[derive(Debug, Clone)]
pub(crate) struct InstanceProfile {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Seconds,
    /// Names of roles.
    pub(crate) roles: Vec<String>,
}

/// A virtual MFA device of a user.
#[derive(Debug, Clone)]
pub(crate) struct MfaDevice {
    pub(crate) user_id: String,
    /// Codes that have been shown and not been used.
    pub(crate) codes: BTreeSet<String>,
}

impl Account {
    pub(crate) fn new(id: &str, partition: &str) -> Self {
        Self {
            id: id.to_owned(),
            partition: partition.to_owned(),
            organization: None,
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            policies: BTreeMap::new(),
            instance_profiles: BTreeMap::new(),
            mfa_devices: BTreeMap::new(),
            oidc_providers: BTreeMap::new(),
            saml_providers: BTreeMap::new(),
            quotas: Quotas::default(),
            changes: 0,
            changed_ms: 0,
        }
    }

    /// Notes that something in it changes.
    pub(crate) fn touch(&mut self, now_ms: i64) {
        self.changes += 1;
        self.changed_ms = now_ms;
    }

    /// `arn:aws:iam::ID:kind/path/name`; the path begins and ends with a slash.
    pub(crate) fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}{path}{name}", self.partition, self.id)
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(&name.to_lowercase())
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(&name.to_lowercase())
    }

    pub(crate) fn user_by_id(&self, id: &str) -> Option<&User> {
        self.users.values().find(|user| user.id == id)
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(&name.to_lowercase())
    }

    pub(crate) fn has_role_arn(&self, arn: &str) -> bool {
        let name = arn.rsplit('/').next().unwrap_or_default();
        self.role(name).is_some_and(|role| role.arn == arn)
    }

    pub(crate) fn has_user_arn(&self, arn: &str) -> bool {
        let name = arn.rsplit('/').next().unwrap_or_default();
        self.user(name).is_some_and(|user| user.arn == arn)
    }

    /// The document of a managed policy, of the account or of AWS.
    pub(crate) fn managed_document(&self, arn: &str) -> Option<&Document> {
        match self.policies.get(arn) {
            Some(policy) => policy.document(),
            None => aws_managed::document(arn),
        }
    }

    /// How many roles, users and groups a policy is attached to, and for how many it is the boundary.
    pub(crate) fn policy_uses(&self, arn: &str) -> (usize, usize) {
        let roles = self.roles.values().filter(|role| role.attached.contains(arn)).count();
        let users = self.users.values().filter(|user| user.attached.contains(arn)).count();
        let groups = self
            .groups
            .values()
            .filter(|group| group.attached.contains(arn))
            .count();
        let bounded_roles = self
            .roles
            .values()
            .filter(|role| role.boundary.as_deref() == Some(arn))
            .count();
        let bounded_users = self
            .users
            .values()
            .filter(|user| user.boundary.as_deref() == Some(arn))
            .count();
        (roles + users + groups, bounded_roles + bounded_users)
    }

    /// The instance profiles that hold a role.
    pub(crate) fn profiles_of<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a InstanceProfile> {
        self.instance_profiles
            .values()
            .filter(move |profile| profile.roles.iter().any(|name| name.eq_ignore_ascii_case(role)))
    }
}

/// The last part of a policy ARN.
pub(crate) fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
