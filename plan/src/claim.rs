//! Which of several objects may have a role of one name in one account.
//!
//! Where the role is there, its tags decide, whatever the ages of the objects. Where it is not, the older object has
//! it, by creation time, then by namespace and name. Only objects that could have it count: one that the class refuses
//! blocks nobody.

use crate::declaration::ObjectName;

/// An object that wants a role of some name in some account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// When the object was created, in seconds since 1970.
    pub created: i64,
    /// The object.
    pub object: ObjectName,
}

/// Whether one claim comes before all others; otherwise, the object that does.
///
/// # Errors
/// The object that comes first.
pub fn first_of<'a>(ours: &Claim, others: impl IntoIterator<Item = &'a Claim>) -> Result<(), &'a ObjectName> {
    match others.into_iter().filter(|other| other.object != ours.object).min() {
        Some(first) if first < ours => Err(&first.object),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(created: i64, namespace: &str, name: &str) -> Claim {
        Claim {
            created,
            object: ObjectName {
                namespace: namespace.into(),
                name: name.into(),
            },
        }
    }

    #[test]
    fn the_older_object_comes_first_then_namespace_then_name() {
        let ours = claim(10, "b", "b");
        for (other, wins) in [
            (claim(11, "a", "a"), true),
            (claim(9, "z", "z"), false),
            (claim(10, "a", "z"), false),
            (claim(10, "c", "a"), true),
            (claim(10, "b", "a"), false),
            (claim(10, "b", "c"), true),
            (claim(1, "b", "b"), true),
        ] {
            assert_eq!(first_of(&ours, [&other]).is_ok(), wins, "{other:?}");
        }
    }
}
