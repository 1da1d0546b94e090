//! Whose a role is. Ownership lives in AWS, in two tags that go into `CreateRole` itself.

use std::collections::BTreeMap;

use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};

use crate::declaration::ObjectName;
use crate::observed::{Observed, ObservedRole};

/// Who we are: what the two tags of a role of ours say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The cluster's id: the uid of `kube-system`, unless set otherwise.
    pub cluster: String,
    /// The object.
    pub object: ObjectName,
    /// The id of a cluster that was rebuilt as this one: what its objects of the same name held is ours.
    pub predecessor: Option<String>,
}

/// Whose a role is, as its tags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Ours.
    Us,
    /// Ours by its unique id, which this process saw with our tags; somebody has stripped or changed them since.
    UsWithoutTags,
    /// Another object of this cluster, as `namespace/name`.
    Object(String),
    /// Another cluster's: its id, and its owner tag.
    Cluster(String, String),
    /// Nobody's that we know of.
    Nobody,
}

impl Owner {
    /// The tags that mark a role as ours.
    pub fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (CLUSTER_TAG.to_string(), self.cluster.clone()),
            (OWNER_TAG.to_string(), self.object.to_string()),
        ])
    }

    /// Whose a role with these tags and this unique id is. `seen` is the unique id that this process last saw with our
    /// tags under this name; status alone is no authority.
    pub fn holder(&self, tags: &BTreeMap<String, String>, id: &str, seen: Option<&str>) -> Holder {
        let tag = |name: &str| {
            tags.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        let stripped = seen == Some(id);
        let ours = |cluster: &str| cluster == self.cluster || Some(cluster) == self.predecessor.as_deref();
        match (tag(CLUSTER_TAG), tag(OWNER_TAG)) {
            (Some(cluster), Some(owner)) if ours(cluster) && owner == self.object.to_string() => Holder::Us,
            (Some(cluster), Some(owner)) if ours(cluster) => Holder::Object(owner.to_string()),
            (Some(cluster), owner) if !ours(cluster) => {
                Holder::Cluster(cluster.to_string(), owner.unwrap_or_default().to_string())
            }
            _ if stripped => Holder::UsWithoutTags,
            _ => Holder::Nobody,
        }
    }

    /// The role that an account holds, where it is ours. Any other is left alone.
    pub fn own<'a>(&self, observed: &'a Observed, seen: Option<&str>) -> Option<&'a ObservedRole> {
        let Observed::Present(role) = observed else { return None };
        match self.holder(&role.tags, &role.id, seen) {
            Holder::Us | Holder::UsWithoutTags => Some(role),
            Holder::Object(_) | Holder::Cluster(..) | Holder::Nobody => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Owner {
        Owner {
            cluster: "c1".into(),
            object: ObjectName {
                namespace: "security".into(),
                name: "audit".into(),
            },
            predecessor: None,
        }
    }

    #[test]
    fn what_a_rebuilt_cluster_held_is_taken_over_object_by_object() {
        let heir = Owner {
            predecessor: Some("c0".into()),
            ..us()
        };
        for (cluster, owner, expected) in [
            ("c0", "security/audit", Holder::Us),
            ("c1", "security/audit", Holder::Us),
            ("c0", "other/audit", Holder::Object("other/audit".into())),
            (
                "c2",
                "security/audit",
                Holder::Cluster("c2".into(), "security/audit".into()),
            ),
        ] {
            let found = tags(&[(CLUSTER_TAG, cluster), (OWNER_TAG, owner)]);
            assert_eq!(heir.holder(&found, "AROA1", None), expected, "{found:?}");
        }
    }

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn the_two_tags_say_whose_a_role_is() {
        for (found, seen, expected) in [
            (
                tags(&[(CLUSTER_TAG, "c1"), (OWNER_TAG, "security/audit")]),
                None,
                Holder::Us,
            ),
            (
                tags(&[
                    ("Crossrole.dev/Cluster", "c1"),
                    ("crossrole.dev/OWNER", "security/audit"),
                ]),
                None,
                Holder::Us,
            ),
            (
                tags(&[(CLUSTER_TAG, "c1"), (OWNER_TAG, "other/audit")]),
                None,
                Holder::Object("other/audit".into()),
            ),
            (
                tags(&[(CLUSTER_TAG, "c2"), (OWNER_TAG, "security/audit")]),
                None,
                Holder::Cluster("c2".into(), "security/audit".into()),
            ),
            (tags(&[]), None, Holder::Nobody),
            (tags(&[]), Some("AROA2"), Holder::Nobody),
            (tags(&[]), Some("AROA1"), Holder::UsWithoutTags),
            (
                tags(&[(OWNER_TAG, "security/audit")]),
                Some("AROA1"),
                Holder::UsWithoutTags,
            ),
            (tags(&[(OWNER_TAG, "security/audit")]), None, Holder::Nobody),
            (
                tags(&[(CLUSTER_TAG, "c2")]),
                Some("AROA1"),
                Holder::Cluster("c2".into(), String::new()),
            ),
        ] {
            assert_eq!(us().holder(&found, "AROA1", seen), expected, "{found:?} {seen:?}");
        }
    }
}
