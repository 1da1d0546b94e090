//! JSON to documents, refusing whatever IAM would refuse or silently ignore.

use std::collections::BTreeMap;

use super::place::{Members, Place, find, known_members, read_held, read_written, text_of, texts};
use super::{
    ActionElement, Document, DocumentError, DocumentKind, Effect, OLD_VERSION, PrincipalElement, Principals,
    ResourceElement, Statement, VERSION, principals, resource, rules,
};
use crate::json::Json;

/// Says what is wrong with a text, if anything.
type Judge = fn(&str) -> Option<String>;

/// Where a document comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A person or crossrole wrote it: values are judged.
    Written,
    /// IAM answered it, so it has been accepted before: only the shape is judged.
    Held,
}

/// How a document is to be read.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// What it is for.
    pub(crate) kind: DocumentKind,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

pub(crate) fn document(text: &str, kind: DocumentKind, origin: Origin) -> Result<Document, DocumentError> {
    let reading = Reading { kind, origin };
    let place = Place::default();
    let json = match origin {
        Origin::Written => read_written(text)?,
        Origin::Held => read_held(text)?,
    };
    let Json::Object(members) = &json else {
        return place.refuse(format!(
            "a policy document is an object with Version and Statement, not {}",
            json.kind()
        ));
    };
    known_members(&place, members, &["Version", "Id", "Statement"], "a policy document")?;
    reading.version(&place, find(members, "Version"), &json)?;
    let id = match find(members, "Id") {
        Some(value) => Some(text_of(&place.member("Id"), value)?.to_owned()),
        None => None,
    };
    let place = place.member("Statement");
    let statements = match find(members, "Statement") {
        None => return place.refuse("is missing; a policy document needs at least one statement"),
        Some(Json::Array(items)) if items.is_empty() => {
            return place.refuse("is empty; a policy document needs at least one statement");
        }
        Some(Json::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(index, item)| reading.statement(&place.item(index), item))
            .collect::<Result<Vec<_>, _>>()?,
        Some(value) => vec![reading.statement(&place, value)?],
    };
    if origin == Origin::Written {
        unique_sids(&place, &statements)?;
    }
    Ok(Document { id, statements })
}

pub(crate) fn lone_statement(text: &str, kind: DocumentKind) -> Result<Statement, DocumentError> {
    let reading = Reading {
        kind,
        origin: Origin::Written,
    };
    reading.statement(&Place::default(), &read_written(text)?)
}

fn unique_sids(place: &Place, statements: &[Statement]) -> Result<(), DocumentError> {
    let mut first = BTreeMap::new();
    for (index, statement) in statements.iter().enumerate() {
        let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.is_empty()) else {
            continue;
        };
        if let Some(earlier) = first.insert(sid, index) {
            return place.item(index).member("Sid").refuse(format!(
                "{sid:?} is also the Sid of statement {earlier} (counted from 0); every Sid stands once in a document"
            ));
        }
    }
    Ok(())
}

impl Reading {
    pub(crate) fn is_written(self) -> bool {
        self.origin == Origin::Written
    }

    fn version(self, place: &Place, value: Option<&Json>, document: &Json) -> Result<(), DocumentError> {
        let place = place.member("Version");
        // An escape can hide the dollar sign from the text, but not from IAM.
        let plain = |text: &str| match text.contains("${") {
            true => Err(String::new()),
            false => Ok(()),
        };
        let variables = document.each_string(&plain).is_err();
        let old_will_do = !self.is_written() || self.kind != DocumentKind::Managed;
        let version = match value {
            // The old one is meant, and without variables both mean the same. Source: IAM User Guide, "IAM JSON policy
            // elements: Version".
            None if old_will_do && !variables => return Ok(()),
            None => return place.refuse(format!("is missing; write \"Version\": \"{VERSION}\"")),
            Some(value) => text_of(&place, value)?,
        };
        match version {
            VERSION => Ok(()),
            OLD_VERSION if old_will_do && !variables => Ok(()),
            OLD_VERSION if old_will_do => place.refuse(format!(
                "in version {OLD_VERSION} a policy variable (${{…}}) is plain text; write \"{VERSION}\""
            )),
            other => place.refuse(format!("{other:?} will not do; write \"{VERSION}\"")),
        }
    }

    fn statement(self, place: &Place, value: &Json) -> Result<Statement, DocumentError> {
        let Json::Object(members) = value else {
            return place.refuse(format!(
                "a statement is an object with Effect and Action, not {}",
                value.kind()
            ));
        };
        known_members(
            place,
            members,
            &[
                "Sid",
                "Effect",
                "Principal",
                "NotPrincipal",
                "Action",
                "NotAction",
                "Resource",
                "NotResource",
                "Condition",
            ],
            "a statement",
        )?;
        for (one, other) in [
            ("Principal", "NotPrincipal"),
            ("Action", "NotAction"),
            ("Resource", "NotResource"),
        ] {
            if find(members, one).is_some() && find(members, other).is_some() {
                return place
                    .member(other)
                    .refuse(format!("stands beside {one}; write one of the two"));
            }
        }
        let sid = match find(members, "Sid") {
            Some(value) => Some(self.sid(&place.member("Sid"), value)?),
            None => None,
        };
        let effect = effect(&place.member("Effect"), find(members, "Effect"))?;
        Ok(Statement {
            sid,
            effect,
            principal: self.principal(place, members, effect)?,
            action: self.action(place, members)?,
            resource: self.resource(place, members)?,
            conditions: match find(members, "Condition") {
                Some(value) => self.conditions(&place.member("Condition"), value)?,
                None => Vec::new(),
            },
        })
    }

    fn sid(self, place: &Place, value: &Json) -> Result<String, DocumentError> {
        let sid = text_of(place, value)?;
        let legal = sid.chars().all(|character| character.is_ascii_alphanumeric());
        if self.is_written() && !legal {
            return place.refuse(format!("{sid:?} may have only the letters A-Z and a-z and digits"));
        }
        Ok(sid.to_owned())
    }

    fn principal(
        self,
        place: &Place,
        members: Members<'_>,
        effect: Effect,
    ) -> Result<Option<PrincipalElement>, DocumentError> {
        let (name, value) = match (find(members, "Principal"), find(members, "NotPrincipal")) {
            (Some(value), _) => ("Principal", value),
            (None, Some(value)) => ("NotPrincipal", value),
            (None, None) if self.kind == DocumentKind::Trust => {
                return place
                    .member("Principal")
                    .refuse("is missing; a trust policy says in every statement who may assume the role");
            }
            (None, None) => return Ok(None),
        };
        let place = place.member(name);
        if self.kind != DocumentKind::Trust {
            return place.refuse("may not stand in a permission policy; it speaks of the role it is attached to");
        }
        if name == "NotPrincipal" && effect == Effect::Allow && self.is_written() {
            return place.refuse(
                "with Allow it would admit everybody else; write Principal, with a condition on aws:PrincipalArn",
            );
        }
        let principals = self.principals(&place, value)?;
        Ok(Some(match name {
            "Principal" => PrincipalElement::Principal(principals),
            _ => PrincipalElement::NotPrincipal(principals),
        }))
    }

    fn principals(self, place: &Place, value: &Json) -> Result<Principals, DocumentError> {
        const FORM: &str = "write {\"AWS\": …}, {\"Service\": …} or {\"Federated\": …}";
        let members = match value {
            Json::String(text) if text == "*" => return Ok(Principals::anyone()),
            Json::Object(members) => members,
            Json::String(text) => return place.refuse(format!("{text:?} does not say of which kind it is; {FORM}")),
            other => return place.refuse(format!("must be an object, not {}; {FORM}", other.kind())),
        };
        known_members(
            place,
            members,
            &["AWS", "Service", "Federated", "CanonicalUser"],
            "Principal",
        )?;
        if members.is_empty() {
            return place.refuse(format!("is empty; {FORM}"));
        }
        let mut principals = Principals::default();
        for (kind, value) in members {
            let place = place.member(kind);
            let values = texts(&place, value)?;
            if values.is_empty() {
                return place.refuse("is empty; name at least one principal");
            }
            let (list, problem): (&mut Vec<String>, Judge) = match kind.as_str() {
                "AWS" => (&mut principals.aws, principals::aws_problem),
                "Service" => (&mut principals.service, principals::service_problem),
                "Federated" => (&mut principals.federated, principals::federated_problem),
                _ => (&mut principals.canonical_user, principals::canonical_user_problem),
            };
            for (place, text) in values {
                if kind == "AWS" && text == "*" {
                    principals.anyone = true;
                    continue;
                }
                if let Some(problem) = problem(text).filter(|_| self.is_written()) {
                    return place.refuse(problem);
                }
                list.push(text.to_owned());
            }
        }
        Ok(principals)
    }

    fn action(self, place: &Place, members: Members<'_>) -> Result<ActionElement, DocumentError> {
        let (name, value) = match (find(members, "Action"), find(members, "NotAction")) {
            (Some(value), _) => ("Action", value),
            (None, Some(value)) => ("NotAction", value),
            (None, None) => {
                return place
                    .member("Action")
                    .refuse("is missing; a statement needs an Action or a NotAction");
            }
        };
        let place = place.member(name);
        if name == "NotAction" && self.kind == DocumentKind::Trust && self.is_written() {
            return place.refuse("may not stand in a trust policy; write Action with the actions that are meant");
        }
        let patterns = self.patterns(&place, value, "name at least one action", |text| {
            rules::action_problem(text, self.kind)
        })?;
        Ok(match name {
            "Action" => ActionElement::Action(patterns),
            _ => ActionElement::NotAction(patterns),
        })
    }

    fn resource(self, place: &Place, members: Members<'_>) -> Result<Option<ResourceElement>, DocumentError> {
        let (name, value) = match (find(members, "Resource"), find(members, "NotResource")) {
            (Some(value), _) => ("Resource", value),
            (None, Some(value)) => ("NotResource", value),
            (None, None) if self.kind != DocumentKind::Trust => {
                return place
                    .member("Resource")
                    .refuse("is missing; a statement of a permission policy needs a Resource or a NotResource");
            }
            (None, None) => return Ok(None),
        };
        let place = place.member(name);
        if self.kind == DocumentKind::Trust {
            return place.refuse("may not stand in a trust policy; the resource is the role itself");
        }
        let patterns = self.patterns(&place, value, "name at least one resource", resource::problem)?;
        Ok(Some(match name {
            "Resource" => ResourceElement::Resource(patterns),
            _ => ResourceElement::NotResource(patterns),
        }))
    }

    fn patterns(
        self,
        place: &Place,
        value: &Json,
        if_empty: &str,
        problem: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<String>, DocumentError> {
        let texts = texts(place, value)?;
        if texts.is_empty() {
            return place.refuse(format!("is empty; {if_empty}"));
        }
        let mut patterns = Vec::with_capacity(texts.len());
        for (place, text) in texts {
            if let Some(problem) = problem(text).filter(|_| self.is_written()) {
                return place.refuse(problem);
            }
            patterns.push(text.to_owned());
        }
        Ok(patterns)
    }
}

fn effect(place: &Place, value: Option<&Json>) -> Result<Effect, DocumentError> {
    let Some(value) = value else {
        return place.refuse("is missing; write \"Allow\" or \"Deny\"");
    };
    match text_of(place, value)? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => {
            let near = [Effect::Allow, Effect::Deny]
                .into_iter()
                .find(|effect| effect.as_str().eq_ignore_ascii_case(other));
            match near {
                Some(near) => place.refuse(format!("{other:?} has the wrong case; write \"{}\"", near.as_str())),
                None => place.refuse(format!("{other:?} is no effect; write \"Allow\" or \"Deny\"")),
            }
        }
    }
}
