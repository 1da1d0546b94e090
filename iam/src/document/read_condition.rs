//! Condition blocks: JSON to conditions.

use std::collections::BTreeSet;

use super::operator::Operator;
use super::place::{Place, read_written};
use super::read::{Origin, Reading};
use super::{Condition, DocumentError, DocumentKind, condition};
use crate::json::Json;

pub(crate) fn alone(text: &str) -> Result<Vec<Condition>, DocumentError> {
    let reading = Reading {
        kind: DocumentKind::Trust,
        origin: Origin::Written,
    };
    reading.conditions(&Place::default(), &read_written(text)?)
}

impl Reading {
    pub(crate) fn conditions(self, place: &Place, value: &Json) -> Result<Vec<Condition>, DocumentError> {
        let Json::Object(operators) = value else {
            return place.refuse(format!(
                "must be an object of operators, such as {{\"StringEquals\": {{\"key\": \"value\"}}}}, not {}",
                value.kind()
            ));
        };
        let mut conditions: Vec<Condition> = Vec::new();
        let mut seen: BTreeSet<Operator> = BTreeSet::new();
        for (name, value) in operators {
            let place = place.member(name);
            let operator: Operator = match name.parse() {
                Ok(operator) => operator,
                Err(error) => return place.refuse(error.to_string()),
            };
            if !seen.insert(operator) {
                return place.refuse(format!("{operator} stands twice; put both keys under one"));
            }
            let Json::Object(keys) = value else {
                return place.refuse(format!("must be an object of keys and values, not {}", value.kind()));
            };
            let mut folded: BTreeSet<String> = BTreeSet::new();
            for (key, value) in keys {
                let place = place.member(key);
                if key.is_empty() {
                    return place.refuse("a condition key has no name; write one such as aws:PrincipalOrgID");
                }
                if !folded.insert(key.to_ascii_lowercase()) && self.is_written() {
                    return place
                        .refuse("stands twice, for case makes no difference in a key; put all values under one");
                }
                let values = self.condition_values(&place, &operator, value)?;
                conditions.push(Condition {
                    operator,
                    key: key.clone(),
                    values,
                });
            }
        }
        Ok(conditions)
    }

    fn condition_values(self, place: &Place, operator: &Operator, value: &Json) -> Result<Vec<String>, DocumentError> {
        let items = match value {
            Json::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (place.item(index), item))
                .collect(),
            value => vec![(place.clone(), value)],
        };
        let mut values = Vec::with_capacity(items.len());
        for (place, item) in items {
            let text = match item {
                Json::Number(number) if self.is_written() => {
                    if let Some(problem) = condition::number_problem(operator, number) {
                        return place.refuse(problem);
                    }
                    number.clone()
                }
                Json::String(text) | Json::Number(text) => text.clone(),
                Json::Bool(value) => value.to_string(),
                Json::Null | Json::Array(_) | Json::Object(_) => {
                    return place.refuse(format!(
                        "a value is a string, a number or a Boolean, not {}",
                        item.kind()
                    ));
                }
            };
            if let Some(problem) = condition::value_problem(operator, &text).filter(|_| self.is_written()) {
                return place.refuse(problem);
            }
            values.push(text);
        }
        Ok(values)
    }
}
