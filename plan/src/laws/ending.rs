//! What ends access to the role of a refused object is finished by the next look, wherever it stopped.

use proptest::prelude::*;

use super::evaluator::Powers;
use super::moments::beginning;
use super::{cases, generator, known, states};
use crate::desired::Desired;
use crate::ending::Ending;
use crate::guard::Judge;
use crate::lifecycle::Lifecycle;
use crate::observed::Observed;
use crate::testing;

/// A class that allows nearly all that is generated.
const WIDE: [(&str, &str); 2] = [
    (
        "accounts: ['111111111111'], thirdParties: ['444444444444']",
        "accounts: ['111111111111', '555555555555'], thirdParties: ['444444444444'], requireMfa: Never, requireExternalId: Never",
    ),
    ("maxSessionDuration: 4h", "maxSessionDuration: 12h"),
];

/// What one class or another no longer allows.
const NARROWED: [(&str, &str); 8] = [
    ("namespaces", "namespaces"),
    ("'111111111111', '555555555555'", "'111111111111'"),
    (", thirdParties: ['444444444444']", ""),
    ("aws: ['*']", "aws: [Managed0, Managed1, Managed2]"),
    ("  inlinePolicies: {denyActions: ['iam:*']}\n", ""),
    ("denyActions: ['iam:*']", "denyActions: ['s3:*']"),
    ("tagKeys: ['*']", "tagKeys: [team, 'filler*']"),
    ("maxSessionDuration: 12h", "maxSessionDuration: 1h"),
];

fn judge(narrowed: usize) -> Judge {
    let mut replaced = WIDE.to_vec();
    replaced.extend((narrowed > 0).then_some(NARROWED[narrowed]));
    Judge {
        account: testing::account(),
        rules: testing::rules(&replaced).unwrap().into(),
        namespace_labels: Default::default(),
        declared_policies: None,
    }
}

fn ending(desired: &Desired, class: Option<usize>, lifecycle: Lifecycle) -> Ending {
    Ending {
        role: desired.name.clone(),
        owner: desired.owner.clone(),
        boundary: desired.boundary.clone(),
        lifecycle,
        never_closed: Vec::new(),
        is_refused: true,
        judge: class.map(judge),
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn what_ends_access_and_stopped_anywhere_is_finished_by_the_next(
        (desired, role) in generator::desired_and_present(),
        class in prop::option::weighted(0.7, 0..NARROWED.len()),
        (revokes, closed, is_read) in (any::<bool>(), prop::bool::weighted(0.1), any::<bool>()),
    ) {
        let now = beginning();
        let observed = Observed::Present(Box::new(role));
        let lifecycle = Lifecycle { revoke_issued_before: revokes.then_some(now), closed, ..Lifecycle::default() };
        let ending = ending(&desired, class, lifecycle);
        let declared = is_read.then_some(&desired);
        let planned = |observed: &Observed| ending.plan(declared, observed, &known(observed, now));

        let plan = planned(&observed);
        let states = states(&plan, &desired, &observed)?;
        let last = states.last().unwrap();
        let (old, new) = (Powers::of(&observed, now), Powers::of(last, now));
        for stopped in &states {
            prop_assert_eq!(Powers::of(stopped, now).beyond(&old, &new), None, "{}", plan);
            let rest = planned(stopped);
            let end = super::states(&rest, &desired, stopped)?.pop().unwrap();
            prop_assert_eq!(&end, last, "{}\nand then\n{}", plan, rest);
        }
        prop_assert!(planned(last).is_empty(), "{plan}");
    }
}
