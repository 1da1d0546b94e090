//! In which order the policies of a grant become what they shall be.
//!
//! A role that moves from one policy into another must never be in neither: whoever has leave before and after has it all the
//! time. So nothing is given up by a policy that another does not give already. What nobody may do any more goes as early as
//! that allows.

use std::collections::{BTreeMap, BTreeSet};

use super::change::GrantChange;
use super::grantee::Holder;

/// What a policy allows: an action on an ARN each.
pub(super) type Pairs = BTreeSet<(String, String)>;

/// What a policy allows, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// What it allows; absent where it says anything else than we ever write.
    pub(super) pairs: Option<Pairs>,
    /// Who holds it.
    pub(super) holders: BTreeSet<Holder>,
}

/// What becomes of one policy: its changes belong together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// Its number.
    pub(super) number: u32,
    /// The changes, in order.
    pub(super) changes: Vec<GrantChange>,
    /// What it gives afterwards; `None`: it is gone.
    pub(super) after: Option<Given>,
}

impl Step {
    /// Those that take away first, then new policies, then the others, and last what is no longer needed.
    fn rank(&self, given: &BTreeMap<u32, Given>, wanted: &Pairs) -> u8 {
        match (given.get(&self.number), &self.after) {
            (Some(before), _) if !before.pairs.as_ref().is_some_and(|pairs| pairs.is_subset(wanted)) => 0,
            (None, _) => 1,
            (Some(_), Some(_)) => 2,
            (Some(_), None) => 3,
        }
    }

    /// Whether everything that it gives up, and that stays wanted, is given by another policy to each who loses it here.
    fn interrupts_nothing(&self, given: &BTreeMap<u32, Given>, wanted: &Pairs) -> bool {
        let Some((before, pairs)) = given
            .get(&self.number)
            .and_then(|before| Some((before, before.pairs.as_ref()?)))
        else {
            return true;
        };
        let after = self.after.as_ref().and_then(|after| after.pairs.as_ref());
        let is_kept = |pair: &&(String, String)| after.is_some_and(|after| after.contains(*pair));
        let mut lost = pairs.iter().filter(|pair| wanted.contains(*pair) && !is_kept(pair));
        lost.all(|pair| {
            before.holders.iter().all(|holder| {
                given.iter().any(|(number, other)| {
                    *number != self.number
                        && other.holders.contains(holder)
                        && other.pairs.as_ref().is_some_and(|pairs| pairs.contains(pair))
                })
            })
        })
    }
}

/// The changes of all steps. Where every step that is left would interrupt something, which only takes two policies that
/// somebody edited by hand so that each must give the other a role, the first is taken.
pub(super) fn in_order(mut steps: Vec<Step>, mut given: BTreeMap<u32, Given>, wanted: &Pairs) -> Vec<GrantChange> {
    steps.sort_by_key(|step| (step.rank(&given, wanted), step.number));
    let mut changes = Vec::new();
    while !steps.is_empty() {
        let next = steps.iter().position(|step| step.interrupts_nothing(&given, wanted));
        let step = steps.remove(next.unwrap_or_default());
        changes.extend(step.changes);
        match step.after {
            Some(after) => given.insert(step.number, after),
            None => given.remove(&step.number),
        };
    }
    changes
}
