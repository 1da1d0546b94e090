//! Where in a document the reader is, and the small steps of reading: members, strings, lists of strings.

use super::DocumentError;
use super::read::Origin;
use crate::json::{Json, Step, path_text};
use crate::quota::{self, DOCUMENT_TEXT_SIZE, ROLE_INLINE_POLICIES_SIZE, WRITTEN_POLICIES_SIZE};

/// The members of an object in the order in which they stand.
pub(crate) type Members<'json> = &'json [(String, Json)];

/// Where in the document the reader is.
#[derive(Clone, Default)]
pub(crate) struct Place(Vec<Step>);

impl Place {
    pub(crate) fn member(&self, key: &str) -> Place {
        let mut steps = self.0.clone();
        steps.push(Step::Member(key.to_owned()));
        Place(steps)
    }

    pub(crate) fn item(&self, index: usize) -> Place {
        let mut steps = self.0.clone();
        steps.push(Step::Item(index));
        Place(steps)
    }

    pub(crate) fn refuse<T>(&self, problem: impl Into<String>) -> Result<T, DocumentError> {
        Err(DocumentError {
            path: path_text(&self.0),
            problem: problem.into(),
        })
    }
}

/// Refuses a text that no policy comes from, before anything looks into it: what follows never has more to do than a text
/// of this size asks for. How much too long a policy is, is said where its quota is known.
fn check_size(text: &str, origin: Origin) -> Result<(), DocumentError> {
    let characters = text.chars().count();
    if characters > DOCUMENT_TEXT_SIZE {
        return Place::default().refuse(format!(
            "has {characters} characters, and IAM takes at most {DOCUMENT_TEXT_SIZE}, white space counted"
        ));
    }
    let written = quota::size(text);
    if origin == Origin::Written && written > WRITTEN_POLICIES_SIZE {
        return Place::default().refuse(format!(
            "has {written} characters without white space, and no policy of a role has more than {ROLE_INLINE_POLICIES_SIZE}"
        ));
    }
    Ok(())
}

/// Reads what a person writes: the text has no character that IAM does not take, and no escape brings in a control
/// character, which no reader of the document would see. Other escapes are how characters beyond U+00FF are written.
///
/// Source: IAM API Reference, `PutRolePolicy` (`PolicyDocument`).
pub(crate) fn read_written(text: &str) -> Result<Json, DocumentError> {
    check_size(text, Origin::Written)?;
    let is_blank = |character: char| matches!(character, '\t' | '\n' | '\r');
    let is_taken = |character: char| is_blank(character) || matches!(character, ' '..='\u{ff}');
    if let Some(character) = text.chars().find(|character| !is_taken(*character)) {
        return Place::default().refuse(format!(
            "IAM takes no character {character:?}: only tab, line breaks and U+0020 to U+00FF"
        ));
    }
    let json = Json::read(text)?;
    json.each_string(&|text| {
        let control = text
            .chars()
            .find(|character| character.is_ascii_control() && !is_blank(*character));
        match control {
            Some(character) => Err(format!("holds the control character {character:?}; take it out")),
            None => Ok(()),
        }
    })?;
    Ok(json)
}

/// Reads what IAM answers.
pub(crate) fn read_held(text: &str) -> Result<Json, DocumentError> {
    check_size(text, Origin::Held)?;
    Json::read(text)
}

pub(crate) fn find<'json>(members: Members<'json>, key: &str) -> Option<&'json Json> {
    members.iter().find(|(other, _)| other == key).map(|(_, value)| value)
}

pub(crate) fn known_members(
    place: &Place,
    members: Members<'_>,
    known: &[&str],
    owner: &str,
) -> Result<(), DocumentError> {
    for (key, _) in members {
        if known.contains(&key.as_str()) {
            continue;
        }
        let near = known.iter().find(|name| name.eq_ignore_ascii_case(key.trim()));
        return place.member(key).refuse(match near {
            Some(name) => format!("is not a member of {owner}; write {name}"),
            None => format!("is not a member of {owner}, which has {}", known.join(", ")),
        });
    }
    Ok(())
}

pub(crate) fn text_of<'json>(place: &Place, value: &'json Json) -> Result<&'json str, DocumentError> {
    match value {
        Json::String(text) => Ok(text),
        Json::Number(number) => place.refuse(format!("must be a string; write \"{number}\", in quotes")),
        other => place.refuse(format!("must be a string, not {}", other.kind())),
    }
}

/// A string, or an array of strings, each with its place.
pub(crate) fn texts<'json>(place: &Place, value: &'json Json) -> Result<Vec<(Place, &'json str)>, DocumentError> {
    match value {
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let place = place.item(index);
                let text = text_of(&place, item)?;
                Ok((place, text))
            })
            .collect(),
        Json::Object(_) | Json::Null | Json::Bool(_) => {
            place.refuse(format!("must be a string or an array of strings, not {}", value.kind()))
        }
        value => Ok(vec![(place.clone(), text_of(place, value)?)]),
    }
}
