//! Which accounts an object selects, and which it leaves.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::selector::{LabelOperator, LabelSelector, NamesOrSelector};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Whether a selector matches. A selector without any requirement matches nothing.
pub fn matches(selector: &LabelSelector, labels: &Labels) -> bool {
    if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
        return false;
    }
    let exact = selector
        .match_labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    exact
        && selector.match_expressions.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match requirement.operator {
                LabelOperator::In => value.is_some_and(|value| requirement.values.contains(value)),
                LabelOperator::NotIn => value.is_none_or(|value| !requirement.values.contains(value)),
                LabelOperator::Exists => value.is_some(),
                LabelOperator::DoesNotExist => value.is_none(),
            }
        })
}

/// Whether a name, or its labels, are chosen. `names` and `selector` are a union.
pub fn chosen(choice: &NamesOrSelector, name: &str, labels: &Labels) -> bool {
    choice.names.iter().any(|chosen| chosen == name)
        || choice
            .selector
            .as_ref()
            .is_some_and(|selector| matches(selector, labels))
}

/// The accounts that an object selects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names in `spec.accounts.names`, whether or not such an AWSAccount exists.
    pub named: BTreeSet<String>,
    /// AWSAccounts that the selector matches.
    pub by_label: BTreeSet<String>,
}

impl Selection {
    /// Applies an object's choice to the AWSAccounts that there are.
    pub fn of<'a>(choice: &NamesOrSelector, accounts: impl Iterator<Item = (&'a str, &'a Labels)>) -> Self {
        let by_label = match &choice.selector {
            Some(selector) => accounts
                .filter(|(_, labels)| matches(selector, labels))
                .map(|(name, _)| name.to_string())
                .collect(),
            None => BTreeSet::new(),
        };
        Self {
            named: choice.names.iter().cloned().collect(),
            by_label,
        }
    }

    /// Every selected account.
    pub fn all(&self) -> BTreeSet<&str> {
        self.named.iter().chain(&self.by_label).map(String::as_str).collect()
    }

    /// Whether an account is selected.
    pub fn contains(&self, account: &str) -> bool {
        self.named.contains(account) || self.by_label.contains(account)
    }
}

#[cfg(test)]
mod tests {
    use crossrole_api::selector::LabelRequirement;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    fn requirement(key: &str, operator: LabelOperator, values: &[&str]) -> LabelSelector {
        LabelSelector {
            match_expressions: vec![LabelRequirement {
                key: key.into(),
                operator,
                values: values.iter().map(ToString::to_string).collect(),
            }],
            ..LabelSelector::default()
        }
    }

    #[test]
    fn an_empty_selector_selects_nothing() {
        assert!(!matches(&LabelSelector::default(), &labels(&[("env", "prod")])));
        assert!(!chosen(&NamesOrSelector::default(), "prod", &labels(&[])));
    }

    #[test]
    fn requirements_compare_as_kubernetes_does() {
        let prod = labels(&[("env", "prod")]);
        for (selector, expected) in [
            (requirement("env", LabelOperator::In, &["prod", "stage"]), true),
            (requirement("env", LabelOperator::In, &["stage"]), false),
            (requirement("env", LabelOperator::NotIn, &["stage"]), true),
            (requirement("team", LabelOperator::NotIn, &["stage"]), true),
            (requirement("env", LabelOperator::NotIn, &["prod"]), false),
            (requirement("env", LabelOperator::Exists, &[]), true),
            (requirement("team", LabelOperator::Exists, &[]), false),
            (requirement("team", LabelOperator::DoesNotExist, &[]), true),
            (requirement("env", LabelOperator::DoesNotExist, &[]), false),
        ] {
            assert_eq!(matches(&selector, &prod), expected, "{selector:?}");
        }
    }

    #[test]
    fn names_and_selector_are_a_union() {
        let choice = NamesOrSelector {
            names: vec!["identity".into()],
            selector: Some(LabelSelector {
                match_labels: labels(&[("env", "prod")]),
                ..LabelSelector::default()
            }),
        };
        let (prod, stage) = (labels(&[("env", "prod")]), labels(&[("env", "stage")]));
        let selection = Selection::of(&choice, [("prod", &prod), ("stage", &stage)].into_iter());
        assert_eq!(selection.all(), BTreeSet::from(["identity", "prod"]));
    }
}
