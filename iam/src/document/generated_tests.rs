use std::collections::BTreeSet;

use proptest::prelude::*;

use super::generated::{Dice, document, rewritten};
use super::*;

fn any_document() -> impl Strategy<Value = (DocumentKind, Document)> {
    prop_oneof![
        document(DocumentKind::Trust).prop_map(|document| (DocumentKind::Trust, document)),
        document(DocumentKind::Permission).prop_map(|document| (DocumentKind::Permission, document)),
    ]
}

/// The statements, each meaning once, so that a change of one cannot be made good by its twin.
fn different_statements(document: &Document) -> Vec<Statement> {
    let mut seen = BTreeSet::new();
    document
        .statements
        .iter()
        .filter(|statement| seen.insert(statement.canonical()))
        .cloned()
        .collect()
}

const FRESH: &str = "arn:aws:iam::999999999999:role/fresh";

/// Changes the statement in exactly one point; what was done, or `None` where that point is not there.
fn change(statement: &mut Statement, choice: usize, dice: &mut Dice) -> Option<&'static str> {
    let conditions = statement.conditions.len();
    let at = dice.below(conditions);
    match choice {
        0 => {
            statement.effect = match statement.effect {
                Effect::Allow => Effect::Deny,
                Effect::Deny => Effect::Allow,
            };
            Some("the effect")
        }
        1 => {
            match &mut statement.action {
                ActionElement::Action(patterns) | ActionElement::NotAction(patterns) => {
                    patterns.push("sts:SetContext".to_owned());
                }
            }
            Some("an action more")
        }
        2 => match &mut statement.action {
            ActionElement::Action(patterns) | ActionElement::NotAction(patterns) if patterns.len() > 1 => {
                patterns.pop();
                Some("an action less")
            }
            _ => None,
        },
        3 => {
            let patterns = statement.action.patterns().to_vec();
            statement.action = match statement.action.is_not() {
                true => ActionElement::Action(patterns),
                false => ActionElement::NotAction(patterns),
            };
            Some("Action for NotAction")
        }
        4 => match statement.resource.as_mut()? {
            ResourceElement::Resource(patterns) | ResourceElement::NotResource(patterns) => {
                patterns.push(FRESH.to_owned());
                Some("a resource more")
            }
        },
        5 => {
            let element = statement.resource.as_ref()?;
            let patterns = element.patterns().to_vec();
            statement.resource = Some(match element.is_not() {
                true => ResourceElement::Resource(patterns),
                false => ResourceElement::NotResource(patterns),
            });
            Some("Resource for NotResource")
        }
        6 => {
            match statement.principal.as_mut()? {
                PrincipalElement::Principal(principals) | PrincipalElement::NotPrincipal(principals) => {
                    match dice.below(5) {
                        0 => principals.aws.push(FRESH.to_owned()),
                        1 => principals.service.push("fresh.amazonaws.com".to_owned()),
                        2 => principals.federated.push("fresh.example.com".to_owned()),
                        3 => principals.anyone = !principals.anyone,
                        _ => drop(principals.aws.pop()?),
                    }
                }
            }
            Some("the principals")
        }
        7 => {
            let element = statement.principal.as_ref()?;
            let principals = element.principals().clone();
            statement.principal = Some(match element.is_not() {
                true => PrincipalElement::Principal(principals),
                false => PrincipalElement::NotPrincipal(principals),
            });
            Some("Principal for NotPrincipal")
        }
        8 => {
            let fresh = Condition::new(OperatorName::StringEquals, "aws:Fresh", ["fresh"]);
            statement.conditions.push(fresh);
            Some("a condition more")
        }
        9 if conditions > 0 => {
            statement.conditions.remove(at);
            Some("a condition less")
        }
        10 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.key.push_str("/fresh");
            Some("a condition's key")
        }
        11 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.values.push("fresh".to_owned());
            Some("a value more")
        }
        12 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.values.pop()?;
            Some("a value less")
        }
        13 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.operator.if_exists = !condition.operator.if_exists;
            Some("IfExists")
        }
        14 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.operator.qualifier = match condition.operator.qualifier {
                None => Some(Qualifier::ForAllValues),
                Some(Qualifier::ForAllValues) => Some(Qualifier::ForAnyValue),
                Some(Qualifier::ForAnyValue) => None,
            };
            Some("the qualifier")
        }
        15 => {
            let condition = statement.conditions.get_mut(at)?;
            condition.operator.base = match condition.operator.base {
                OperatorName::Null => OperatorName::Bool,
                _ => OperatorName::Null,
            };
            Some("the operator")
        }
        _ => None,
    }
}

const CHANGES: usize = 16;

proptest! {
    #![proptest_config(crate::property_cases(400))]

    #[test]
    fn a_document_rewritten_as_iam_rewrites_it_means_the_same((kind, document) in any_document(), seed in 1_u64..) {
        let mut dice = Dice(seed);
        let text = rewritten(&document, &mut dice);
        let again = Document::parse(&text, kind).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        prop_assert!(again.means_the_same_as(&document), "{}\n{}", text, document.to_json());
        let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let held = Document::parse_encoded(&encoded, kind).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(held.canonical(), document.canonical());
    }

    #[test]
    fn a_document_changed_in_one_point_means_something_else(
        (_, document) in any_document(),
        seed in 1_u64..,
    ) {
        let mut dice = Dice(seed);
        let original = Document::new(different_statements(&document));
        prop_assert!(original.means_the_same_as(&document));
        for choice in 0..CHANGES {
            let mut changed = original.clone();
            let at = dice.below(changed.statements.len());
            let Some(what) = change(&mut changed.statements[at], choice, &mut dice) else { continue };
            prop_assert!(!changed.means_the_same_as(&original), "{}: {}\n{}", what, original.to_json(), changed.to_json());
            prop_assert_ne!(changed.canonical(), original.canonical());
        }
        let mut fewer = original.clone();
        fewer.statements.pop();
        prop_assert!(!fewer.means_the_same_as(&original));
    }

    #[test]
    fn a_document_reads_back_as_it_was_written((kind, document) in any_document()) {
        prop_assert_eq!(document.check(kind), Ok(()));
        prop_assert_eq!(Document::parse(&document.to_json(), kind), Ok(document.clone()));
        prop_assert_eq!(Document::parse(&document.to_pretty_json(), kind), Ok(document.clone()));
        let compact = document.to_json();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&compact).is_ok());
        prop_assert_eq!(document.size(), compact.chars().filter(|character| *character != ' ').count());
    }

    #[test]
    fn a_document_with_one_key_twice_is_refused((kind, document) in any_document()) {
        let text = document.to_json();
        for member in ["\"Version\":", "\"Effect\":", "\"Action\":", "\"NotAction\":"] {
            let Some((before, after)) = text.split_once(member) else { continue };
            let twice = format!("{before}{member}\"*\",{member}{after}");
            let error = Document::parse(&twice, kind).unwrap_err();
            prop_assert!(error.problem.contains("stands twice"), "{}: {}", error, twice);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}", permission in any::<bool>()) {
        let kind = if permission { DocumentKind::Permission } else { DocumentKind::Trust };
        let _ = (
            Document::parse(&text, kind),
            Document::parse_encoded(&text, kind),
            Statement::parse(&text, kind),
            Condition::parse_block(&text),
        );
    }

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic_or_read_what_it_cannot_write(
        (kind, document) in any_document(),
        seed in 1_u64..,
    ) {
        let mut dice = Dice(seed);
        let mut characters: Vec<char> = document.to_json().chars().collect();
        for _ in 0..=dice.below(3) {
            if characters.is_empty() { break }
            let at = dice.below(characters.len());
            match dice.below(3) {
                0 => drop(characters.remove(at)),
                1 => characters.insert(at, ['"', '{', ']', ',', '\\', 'é', '*', '$'][dice.below(8)]),
                _ => characters.truncate(at.max(1)),
            }
        }
        let text: String = characters.into_iter().collect();
        if let Ok(read) = Document::parse(&text, kind) {
            prop_assert_eq!(Document::parse(&read.to_json(), kind), Ok(read));
        }
    }
}
