//! Law 6: history does not matter.

use crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY;
use crossrole_iam::document::{Document, Effect};
use crossrole_iam::quota::{ROLE_INLINE_POLICIES_SIZE, ROLE_MANAGED_POLICIES};
use jiff::Timestamp;
use proptest::prelude::*;

use super::declared::{self, holds, name, revoked_before, revoking};
use super::evaluator::{boundary, managed_policy};
use super::moments::{PASSING, beginning, later};
use super::pools::{permission_pool, trust_pool};
use super::{cases, close, converge, generator, states};
use crate::desired::Desired;
use crate::observed::{Observed, ObservedDocument, ObservedRole};

/// What somebody else does to a role.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Nothing,
    RevokesInTheConsole,
    TakesOff(&'static str),
    OpensTrust,
    StripsTags,
    Attaches,
    SwapsBoundary,
    WritesPolicy,
    DeletesTheRole,
    /// A rule of the class changes, and closes the role.
    ForbidsIt,
}

/// One declaration, how much of its plan is carried out, what somebody else then does, and how much time passes.
type Step = (Desired, usize, Edit, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let edit = prop::sample::select(vec![
        Edit::Nothing,
        Edit::RevokesInTheConsole,
        Edit::TakesOff(declared::CLOSED),
        Edit::TakesOff(declared::VALIDITY),
        Edit::TakesOff("a"),
        Edit::OpensTrust,
        Edit::StripsTags,
        Edit::Attaches,
        Edit::SwapsBoundary,
        Edit::WritesPolicy,
        Edit::DeletesTheRole,
        Edit::ForbidsIt,
    ]);
    // Most plans are carried out whole.
    let stopped = prop_oneof![2 => Just(usize::MAX), 1 => 0_usize..8];
    let step = (
        generator::desired(),
        stopped,
        edit,
        prop::sample::select(PASSING.to_vec()),
    );
    prop::collection::vec(step, 0..=3)
}

fn fits(role: &ObservedRole) -> bool {
    role.inline.values().map(ObservedDocument::size).sum::<usize>() <= ROLE_INLINE_POLICIES_SIZE
}

fn edited(role: &mut ObservedRole, edit: Edit, now: Timestamp) {
    let open = Document::new(trust_pool(Effect::Allow)[..1].to_vec());
    match edit {
        Edit::Nothing | Edit::DeletesTheRole | Edit::ForbidsIt => {}
        // Where there is no room for it, the console cannot.
        Edit::RevokesInTheConsole => {
            let document = ObservedDocument::of(revoking(now));
            let before = role.inline.clone();
            role.inline.insert(name(REVOKE_OLDER_SESSIONS_POLICY), document);
            if !fits(role) {
                role.inline = before;
            }
        }
        Edit::TakesOff(policy) => {
            role.inline.remove(&name(policy));
        }
        Edit::OpensTrust => role.trust = ObservedDocument::of(open),
        Edit::StripsTags => role.tags.clear(),
        Edit::Attaches => {
            if role.attached.len() < ROLE_MANAGED_POLICIES {
                role.attached.insert(managed_policy(0));
            }
        }
        Edit::SwapsBoundary => role.boundary = Some(boundary(0)),
        Edit::WritesPolicy => {
            let statements = permission_pool()[..2].to_vec();
            role.inline
                .insert(name("by-hand"), ObservedDocument::of(Document::new(statements)));
            if !fits(role) {
                role.inline.remove(&name("by-hand"));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn law_6_an_account_ends_as_if_only_the_last_declaration_had_been_made(
        (first, observed) in generator::desired_and_observed(),
        steps in steps(),
        last in generator::desired(),
    ) {
        let (mut now, mut state) = (beginning(), observed);
        // Dates of revocations are declared as they can be at that time: not far ahead.
        let steps = std::iter::once((first, usize::MAX, Edit::Nothing, 0)).chain(steps);
        let mut latest = revoked_before(&state);
        for (desired, stopped, edit, passed) in steps {
            let on_the_way = states(&converge(&desired, &state, now), &desired, &state)?;
            state = on_the_way[stopped.min(on_the_way.len() - 1)].clone();
            match (edit, &mut state) {
                (Edit::DeletesTheRole, _) => state = Observed::Absent,
                (Edit::ForbidsIt, _) => state = states(&close(&desired, &state, now), &desired, &state)?.pop().unwrap(),
                (_, Observed::Present(role)) => edited(role, edit, now),
                (_, Observed::Absent) => {}
            }
            let found = revoked_before(&state);
            let is_another = state == Observed::Absent;
            prop_assert!(is_another || matches!(edit, Edit::RevokesInTheConsole) || found >= latest, "sessions come back");
            latest = found;
            now = later(now, passed);
        }
        let plan = converge(&last, &state, now);
        let end = states(&plan, &last, &state)?.pop().unwrap();
        prop_assert!(holds(&end, &last, &state, now), "{plan}");
        // And so does an account that never held the role, with nothing but its id and revocations to tell them apart.
        let fresh = states(&converge(&last, &Observed::Absent, now), &last, &Observed::Absent)?.pop().unwrap();
        prop_assert!(holds(&fresh, &last, &Observed::Absent, now));
        prop_assert!(revoked_before(&end) >= revoked_before(&fresh).max(latest));
    }
}
