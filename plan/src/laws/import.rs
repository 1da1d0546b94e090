//! A role that is imported is declared exactly: to take it over sets our tags, and nothing else.

use std::collections::BTreeSet;

use crossrole_api::role::AdoptionPolicy;
use proptest::prelude::*;

use super::declared::{self, holds};
use super::generator::desired_and_present;
use super::moments::beginning;
use super::{cases, converge_knowing, states};
use crate::account::Account;
use crate::change::Change;
use crate::decide::Known;
use crate::declaration::Declaration;
use crate::desired::Desired;
use crate::import::{Source, import};
use crate::observed::{Observed, ObservedDocument, ObservedRole};
use crate::testing;

/// Whether something of a role is such that no object can declare it.
fn is_beyond_declaring(role: &ObservedRole) -> bool {
    let is_unread = |document: &ObservedDocument| document.document().is_none();
    let ours = [declared::CLOSED, declared::VALIDITY];
    let own_tags = role
        .tags
        .keys()
        .filter(|key| !key.to_lowercase().starts_with("aws:"))
        .count();
    let trust = role.trust.document();
    is_unread(&role.trust)
        || trust.is_some_and(|trust| !trust.dead_principals().is_empty())
        || role.inline.values().any(is_unread)
        || role.inline.keys().any(|name| ours.contains(&name.as_str()))
        || own_tags > 48
        // Whatever ends sessions may be rewritten when a role is taken over.
        || role.inline.contains_key(&declared::name(crossrole_api::names::REVOKE_OLDER_SESSIONS_POLICY))
        || role.trust.means(&declared::closed_trust())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_role_that_is_imported_is_taken_over_by_one_tag_role((_, mut role) in desired_and_present()) {
        role.tags.retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        let account: Account = testing::account();
        let source = Source { account: account.clone(), rules: None, namespace: "security".into() };
        let object = match import(&role, "audit", &source) {
            Ok(object) => object,
            Err(not) => {
                prop_assert!(is_beyond_declaring(&role), "{not:?}\n{role:#?}");
                return Ok(());
            }
        };
        prop_assert_eq!(object.spec.adoption_policy, AdoptionPolicy::Adopt);
        // What is read back is what was written.
        let text = serde_json::to_string(&object).unwrap();
        let object = serde_json::from_str(&text).unwrap();
        let declaration = Declaration::parse(&object).unwrap();
        let rules = testing::rules(&[]).unwrap();
        let desired = Desired { adopts: true, ..Desired::of(&declaration, &account, &rules, "c1").unwrap() };
        let observed = Observed::Present(Box::new(role));
        let plan = converge_knowing(&desired, &observed, &Known { seen_id: None, now: beginning() });
        let tags = [Change::Tag(desired.owner.tags())];
        prop_assert_eq!(&plan.changes, &tags, "{}", plan);
        // Judged in the laws' own words too.
        let states = states(&plan, &desired, &observed)?;
        prop_assert!(holds(states.last().unwrap(), &desired, &observed, beginning()), "{desired:#?}");
    }
}

#[test]
fn a_hundred_generated_roles_are_imported_and_they_are_of_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let source = Source {
        account: testing::account(),
        rules: None,
        namespace: "security".into(),
    };
    let (mut imported, mut kinds) = (0, BTreeSet::new());
    let mut made = 0;
    while imported < 100 {
        made += 1;
        assert!(made <= 1000, "of {made} roles {imported} were imported");
        let (_, mut role) = desired_and_present().new_tree(&mut runner).unwrap().current();
        role.tags
            .retain(|key, _| !key.to_lowercase().starts_with("crossrole.dev/"));
        let Ok(object) = import(&role, "audit", &source) else {
            continue;
        };
        imported += 1;
        kinds.extend([
            ("entries", !object.spec.trust.is_empty()),
            ("raw statements", !object.spec.extra_trust_statements.is_empty()),
            (
                "inline",
                object
                    .spec
                    .permissions
                    .as_ref()
                    .is_some_and(|one| !one.inline.is_empty()),
            ),
            (
                "managed",
                object
                    .spec
                    .permissions
                    .as_ref()
                    .is_some_and(|one| !one.customer_managed.is_empty() || !one.aws_managed.is_empty()),
            ),
            ("boundary", object.spec.permissions_boundary.is_some()),
            ("tags", !object.spec.tags.is_empty()),
            ("description", object.spec.description.is_some()),
        ]);
    }
    let both: BTreeSet<(&str, bool)> = kinds;
    assert_eq!(both.len(), 14, "{both:?}");
}
