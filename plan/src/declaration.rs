//! A CrossAccountRole, parsed. What cannot be, whatever the class says, is refused here.

mod permissions;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crossrole_api::role::AdoptionPolicy;
use crossrole_api::{CrossAccountRole, Reason};
use crossrole_iam::quota::{ROLE_TAGS, check_description};
use crossrole_iam::{Path, PolicyName, PolicyPathName, RoleName, check_tag_key, check_tag_value};
use litemap::LiteMap;

use crate::duration;
use crate::lifecycle::Lifecycle;
use crate::refusal::Refusal;
use crate::rules::PolicyReference;
use crate::substitute::Template;

pub use permissions::{AwsManagedPolicy, listed_policies};
pub use trust::{
    AccountKind, AwsTrust, OidcTrust, OrganizationId, PodIdentityTrust, PrincipalPattern, RolesAnywhereTrust,
    SamlTrust, ServicesTrust, Session, SourceIdentity, Trust, TrustStatement, Who,
};
pub(crate) use trust::{
    audience_key, is_anything, names_one_customer, told_apart_by_session_name, told_apart_by_subject,
};

/// A namespaced object's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: String,
    /// The name in the namespace.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A CrossAccountRole, parsed: nothing here can be malformed any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// The object's name.
    pub object: ObjectName,
    /// The role's name in IAM.
    pub role_name: RoleName,
    /// The role's path; the class's `rolePath` where absent.
    pub path: Option<Path>,
    /// The role's description.
    pub description: String,
    /// Who may assume the role.
    pub trust: Trust,
    /// The longest session, in seconds: 3600 to 43200.
    pub max_session: u32,
    /// AWS managed policies.
    pub aws_managed: Vec<AwsManagedPolicy>,
    /// Customer managed policies.
    pub customer_managed: Vec<PolicyPathName>,
    /// Inline policies, each name once, in the order in which they are written.
    pub inline: Vec<(PolicyName, Template)>,
    /// Tags, without ours.
    pub tags: BTreeMap<String, String>,
    /// The boundary that the object asks for.
    pub boundary: Option<PolicyReference>,
    /// When the role can be used, and by which sessions.
    pub lifecycle: Lifecycle,
    /// Whether an existing role may be taken over, where the class names it.
    pub adopt: bool,
}

impl Declaration {
    /// Reads a CrossAccountRole.
    ///
    /// # Errors
    /// The first field that cannot be what it is, with the way out.
    pub fn parse(object: &CrossAccountRole) -> Result<Self, Refusal> {
        let spec = &object.spec;
        let name = ObjectName {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
        };
        let permissions = spec.permissions.clone().unwrap_or_default();
        let max_session = duration::seconds(&spec.max_session_duration)
            .filter(|seconds| (3600..=43_200).contains(seconds))
            .ok_or_else(|| invalid("maxSessionDuration", "write a duration from 1h to 12h"))?;
        Ok(Self {
            role_name: spec
                .role_name
                .as_deref()
                .unwrap_or(&name.name)
                .parse()
                .map_err(|error| invalid("roleName", format!("{error}")))?,
            object: name,
            path: spec
                .path
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error| invalid("path", format!("{error}")))?,
            description: parse_description(spec.description.as_deref().unwrap_or_default())?,
            trust: trust::parse(spec)?,
            max_session,
            aws_managed: permissions::parse_aws_managed(&permissions.aws_managed)?,
            customer_managed: permissions::parse_customer_managed(&permissions.customer_managed)?,
            inline: permissions::parse_inline(&permissions.inline)?,
            tags: parse_tags(&spec.tags)?,
            boundary: spec
                .permissions_boundary
                .as_deref()
                .map(PolicyReference::parse)
                .transpose()
                .map_err(|error| invalid("permissionsBoundary", error))?,
            lifecycle: Lifecycle::parse(spec)?,
            adopt: spec.adoption_policy == AdoptionPolicy::Adopt,
        })
    }
}

/// A field that cannot be what it is.
fn invalid(field: &str, problem: impl Into<String>) -> Refusal {
    Refusal::of_field(Reason::InvalidSpec, format!("spec.{field}"), problem)
}

fn parse_description(text: &str) -> Result<String, Refusal> {
    check_description(text).map_err(|error| invalid("description", error.to_string()))?;
    Ok(text.to_string())
}

fn parse_tags(tags: &LiteMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let ours = 2;
    if tags.len() + ours > ROLE_TAGS {
        return Err(invalid(
            "tags",
            format!("a role has at most {ROLE_TAGS} tags, and {ours} of them are crossrole's own"),
        ));
    }
    let mut folded = BTreeSet::new();
    for (key, value) in tags {
        let field = format!("tags[{key}]");
        check_tag_key(key).map_err(|error| invalid(&field, format!("{error}")))?;
        check_tag_value(value).map_err(|error| invalid(&field, format!("{error}")))?;
        if key.to_lowercase().starts_with(crossrole_api::names::PREFIX) {
            return Err(invalid(
                &field,
                "keys that begin with crossrole.dev/ are crossrole's own: choose another",
            ));
        }
        if !folded.insert(key.to_lowercase()) {
            return Err(invalid(
                &field,
                "IAM does not tell keys apart by case: another key is the same but for its case",
            ));
        }
    }
    Ok(tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests;
