//! Whom a change of trust takes out is judged by statement, and never misses anybody.

use crossrole_iam::document::{Condition, Document, Effect, OperatorName, Statement};
use proptest::prelude::*;

use super::cases;
use super::evaluator::Powers;
use super::moments::{DATES, beginning, later, whole_second_down, whole_second_up};
use super::pools::trust_pool;
use crate::admission::{admits_no_more, shared, takes_somebody_out};
use crate::observed::{Observed, ObservedDocument};
use crate::testing::held;

/// Two trust policies that have some statements in common. Each may have a beginning and an end.
fn two_policies() -> impl Strategy<Value = (Document, Document)> {
    let some = |effect, most| {
        let date = || prop::option::weighted(0.2, prop::sample::select(DATES.to_vec()));
        let statement = (prop::sample::select(trust_pool(effect)), date(), date()).prop_map(dated);
        prop::collection::vec((statement, 1_u8..4), 0..=most)
    };
    (some(Effect::Allow, 4), some(Effect::Deny, 2)).prop_map(|(allows, denies)| {
        let statements: Vec<_> = allows.into_iter().chain(denies).collect();
        let of = |bit: u8| {
            let those = statements.iter().filter(|(_, places)| places & bit != 0);
            Document::new(those.map(|(statement, _)| statement.clone()).collect())
        };
        (of(1), of(2))
    })
}

fn dated((mut statement, from, until): (Statement, Option<i64>, Option<i64>)) -> Statement {
    let from = from.map(|from| whole_second_up(later(beginning(), from)));
    let until = until.map(|until| whole_second_down(later(beginning(), until)));
    let dates = [
        (OperatorName::DateGreaterThanEquals, from),
        (OperatorName::DateLessThan, until),
    ];
    let bounds = dates
        .into_iter()
        .filter_map(|(operator, date)| Some(Condition::new(operator, "aws:CurrentTime", [date?.to_string()])));
    statement.conditions.extend(bounds);
    statement
}

fn powers(trust: &Document) -> Powers {
    let mut role = held("");
    role.trust = ObservedDocument::of(trust.clone());
    Powers::of(&Observed::Present(Box::new(role)), beginning())
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn whoever_is_let_in_before_and_not_after_is_taken_out((before, after) in two_policies()) {
        let (was, becomes) = (powers(&before), powers(&after));
        let found = ObservedDocument::of(before.clone());
        prop_assert!(takes_somebody_out(&found, &after, beginning()) || !was.admits_now_beyond(&becomes));
        prop_assert!(!admits_no_more(&before, &after) || !was.admits_beyond(&becomes));
        if let Some(shared) = shared(&before, &after) {
            let meanwhile = powers(&shared);
            prop_assert!(!meanwhile.admits_beyond(&was) && !meanwhile.admits_beyond(&becomes), "{}", shared.to_pretty_json());
        }
        prop_assert!(admits_no_more(&before, &before) && !takes_somebody_out(&found, &before, beginning()));
    }
}
