//! Whom one trust policy lets in and another does not, as far as their statements tell.
//!
//! Allow statements are compared by what they mean, for each principal and each action by itself
//! ([`CanonicalStatement::is_within`]), and so is every Deny. Whatever cannot be decided so counts as somebody who is taken
//! out. So does a Deny that comes, whomever it speaks of; a Deny that goes takes nobody out.

use std::collections::BTreeSet;

use crossrole_iam::document::{
    CanonicalStatement, Document, DocumentKind, Effect, PrincipalElement, Principals, Statement,
};
use crossrole_iam::quota::TRUST_POLICY_SIZE;
use jiff::Timestamp;

use crate::observed::ObservedDocument;
use crate::window::Window;

/// Whether somebody who may assume the role now may not, or needs more for it, after a change of trust.
pub(crate) fn takes_somebody_out(before: &ObservedDocument, after: &Document, now: Timestamp) -> bool {
    let Some(before) = before.document() else { return true };
    let admitted = |document: &Document| -> Vec<CanonicalStatement> {
        allows(document)
            .filter(|(_, window)| window.contains(now))
            .map(|(rest, _)| rest.canonical())
            .collect()
    };
    let (admitted, remaining) = (admitted(before), admitted(after));
    !are_within(&admitted, &remaining) || (!admitted.is_empty() && !are_within(&denials(after), &denials(before)))
}

/// Whether a trust policy may let anybody in between two times.
pub(crate) fn may_admit(trust: &ObservedDocument, from: Timestamp, until: Timestamp) -> bool {
    let between = Window::new(Some(from), Some(until));
    let open = |document: &Document| allows(document).any(|(_, window)| window.shared_with(between).is_some());
    trust.document().is_none_or(open)
}

/// Whether a trust policy admits nobody, at any time, whom another does not.
pub(crate) fn admits_no_more(inner: &Document, outer: &Document) -> bool {
    let allowed = |document| canonical(document, Effect::Allow);
    are_within(&allowed(inner), &allowed(outer)) && are_within(&denials(outer), &denials(inner))
}

/// What two trust policies share: of the Allow statements of both those that lie within one of the other, as long as both
/// hold, and every Deny of either. `None` where they share nothing, or where IAM would not take it.
pub(crate) fn shared(before: &Document, after: &Document) -> Option<Document> {
    let (old, new): (Vec<_>, Vec<_>) = (allows(before).collect(), allows(after).collect());
    let pairs = new.iter().flat_map(|new| old.iter().map(move |old| (new, old)));
    let mut statements: Vec<Statement> = pairs
        .filter_map(|((new, window), (old, other))| {
            let mut statement = narrower(new, old).or_else(|| {
                let (new, old) = of_shared_principals(new, old)?;
                narrower(&new, &old)
            })?;
            statement.conditions.extend(window.shared_with(*other)?.conditions());
            Some(statement)
        })
        .collect();
    if statements.is_empty() {
        return None;
    }
    statements.extend(
        of_effect(before, Effect::Deny)
            .chain(of_effect(after, Effect::Deny))
            .cloned(),
    );
    let mut seen = BTreeSet::new();
    statements.retain(|statement| seen.insert(statement.canonical()));
    for statement in &mut statements {
        // Sids carry no meaning, and two documents may use the same one for different statements.
        statement.sid = None;
    }
    let shared = Document::new(statements);
    // An account's quota may be higher than usual, but holds old and new.
    let has_room = shared.size() <= TRUST_POLICY_SIZE.max(before.size()).max(after.size());
    // IAM takes no principal that was deleted, and two dates for one operator, which can come together here, cannot be said.
    let can_be_said = shared.dead_principals().is_empty() && shared.check(DocumentKind::Trust).is_ok();
    (has_room && can_be_said).then_some(shared)
}

/// The one of two statements that lies within the other.
fn narrower(one: &Statement, other: &Statement) -> Option<Statement> {
    let within = |inner: &Statement, outer: &Statement| inner.canonical().is_within([&outer.canonical()]);
    if within(one, other) {
        Some(one.clone())
    } else {
        within(other, one).then(|| other.clone())
    }
}

/// Two statements, each for those AWS principals alone that both name; `None` where there are none.
fn of_shared_principals(one: &Statement, other: &Statement) -> Option<(Statement, Statement)> {
    let (Some(PrincipalElement::Principal(these)), Some(PrincipalElement::Principal(those))) =
        (&one.principal, &other.principal)
    else {
        return None;
    };
    // `arn:aws:iam::111111111111:root` is what IAM makes of an account id.
    let account = |name: &str| -> String {
        let root = name.strip_suffix(":root").and_then(|arn| arn.rsplit(':').next());
        root.unwrap_or(name).to_string()
    };
    let names: BTreeSet<String> = those.aws.iter().map(|name| account(name)).collect();
    let shared: Vec<String> = these
        .aws
        .iter()
        .filter(|name| names.contains(&account(name)))
        .cloned()
        .collect();
    if shared.is_empty() {
        return None;
    }
    let of = |statement: &Statement| Statement {
        principal: Some(PrincipalElement::Principal(Principals::aws(shared.clone()))),
        ..statement.clone()
    };
    Some((of(one), of(other)))
}

fn are_within(inner: &[CanonicalStatement], outer: &[CanonicalStatement]) -> bool {
    inner.iter().all(|statement| statement.is_within(outer))
}

/// The Allow statements of a trust policy, each without its dates, and when it holds.
fn allows(document: &Document) -> impl Iterator<Item = (Statement, Window)> {
    of_effect(document, Effect::Allow).map(Window::split)
}

fn denials(document: &Document) -> Vec<CanonicalStatement> {
    canonical(document, Effect::Deny)
}

fn canonical(document: &Document, effect: Effect) -> Vec<CanonicalStatement> {
    of_effect(document, effect).map(Statement::canonical).collect()
}

fn of_effect(document: &Document, effect: Effect) -> impl Iterator<Item = &Statement> {
    document
        .statements
        .iter()
        .filter(move |statement| statement.effect == effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check_table, desired};

    const NOON: &str = "2026-11-23T12:00:00Z";

    /// A trust policy of these statements, as JSON without the outer braces.
    fn document(statements: &str) -> Document {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        Document::parse(&text, DocumentKind::Trust).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// What a change of trust means, said for the sessions that are there and for the order.
    fn said(before: &Document, after: &Document) -> String {
        let out = takes_somebody_out(&ObservedDocument::of(before.clone()), after, NOON.parse().unwrap());
        let (narrows, widens) = (admits_no_more(after, before), admits_no_more(before, after));
        let order = match (narrows, widens) {
            (true, true) => "the same",
            (true, false) => "narrower",
            (false, true) => "wider",
            (false, false) => "other",
        };
        format!("{order}, {}", if out { "somebody is out" } else { "nobody is out" })
    }

    #[test]
    fn a_declaration_that_asks_less_takes_nobody_out() {
        let accounts = |ids: &str, rest: &str| format!("{{from: {{accounts: [{ids}], kind: Roles}}{rest}}}");
        let one = || accounts("'111111111111'", "");
        let partner = |ids: &str| accounts("'444444444444'", &format!(", require: {{externalIds: [{ids}]}}"));
        let users = |age: &str| {
            format!("{{from: {{accounts: ['111111111111'], kind: Users}}, require: {{mfa: {{maxAge: {age}}}}}}}")
        };
        let tags = |keys: &str| accounts("'111111111111'", &format!(", allow: {{sessionTags: [{keys}]}}"));
        let subjects = |subjects: &str| {
            format!(
                "{{from: {{oidc: {{issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: [{subjects}]}}}}}}"
            )
        };
        check_table(
            &[
                ("the same", (vec![one()], vec![one()]), "the same, nobody is out"),
                (
                    "an account joins an entry",
                    (vec![one()], vec![accounts("'111111111111', '555555555555'", "")]),
                    "wider, nobody is out",
                ),
                (
                    "an account leaves an entry",
                    (vec![accounts("'111111111111', '555555555555'", "")], vec![one()]),
                    "narrower, somebody is out",
                ),
                ("another entry", (vec![one()], vec![one(), users("1h")]), "wider, nobody is out"),
                ("one entry less", (vec![one(), users("1h")], vec![one()]), "narrower, somebody is out"),
                (
                    "two entries become one",
                    (
                        vec!["{from: {principals: ['arn:aws:iam::111111111111:role/a']}}".into(), "{from: {principals: ['arn:aws:iam::111111111111:role/b']}}".into()],
                        vec!["{from: {principals: ['arn:aws:iam::111111111111:role/a', 'arn:aws:iam::111111111111:role/b']}}".into()],
                    ),
                    "the same, nobody is out",
                ),
                ("a second external id", (vec![partner("first-id")], vec![partner("first-id, second-id")]), "wider, nobody is out"),
                (
                    "only the second external id",
                    (vec![partner("first-id, second-id")], vec![partner("second-id")]),
                    "narrower, somebody is out",
                ),
                ("another external id", (vec![partner("first-id")], vec![partner("second-id")]), "other, somebody is out"),
                ("MFA may be older", (vec![users("1h")], vec![users("2h")]), "wider, nobody is out"),
                ("MFA must be newer", (vec![users("2h")], vec![users("1h")]), "narrower, somebody is out"),
                ("roles and no users", (vec![users("1h")], vec![one()]), "other, somebody is out"),
                ("another session tag", (vec![tags("team")], vec![tags("team, env")]), "wider, nobody is out"),
                ("session tags at all", (vec![one()], vec![tags("team")]), "wider, nobody is out"),
                ("no more session tags", (vec![tags("team")], vec![one()]), "narrower, somebody is out"),
                (
                    "any repository instead of one",
                    (vec![subjects("'repo:acme/web:ref:refs/heads/main'")], vec![subjects("'repo:acme/*'")]),
                    "wider, nobody is out",
                ),
                (
                    "one repository instead of any",
                    (vec![subjects("'repo:acme/*'")], vec![subjects("'repo:acme/web:ref:refs/heads/main'")]),
                    "narrower, somebody is out",
                ),
                // Not decided, for the account may be the role's own.
                (
                    "the account of a role instead of the role",
                    (vec!["{from: {principals: ['arn:aws:iam::111111111111:role/a']}}".into()], vec!["{from: {accounts: ['111111111111']}}".into()]),
                    "other, somebody is out",
                ),
            ],
            |(before, after): &(Vec<String>, Vec<String>)| {
                let trust = |entries: &[String]| desired(&format!("trust: [{}]", entries.join(", "))).trust;
                said(&trust(before), &trust(after))
            },
        );
    }

    #[test]
    fn a_deny_that_comes_takes_somebody_out_and_one_that_goes_takes_nobody_out() {
        let statement = |effect: &str, principals: &str, condition: &str| {
            format!(
                r#"{{"Effect": "{effect}", "Principal": {{"AWS": [{principals}]}}, "Action": "sts:AssumeRole", "Condition": {{{condition}}}}}"#
            )
        };
        let allow = || statement("Allow", r#""111111111111""#, "");
        let deny = |principals: &str| statement("Deny", principals, "");
        let (one, both) = (r#""111111111111""#, r#""111111111111", "555555555555""#);
        let until = |date: &str| {
            statement(
                "Deny",
                one,
                &format!(r#""DateLessThan": {{"aws:CurrentTime": "{date}"}}"#),
            )
        };
        check_table(
            &[
                (
                    "it comes",
                    (vec![allow()], vec![allow(), deny(one)]),
                    "narrower, somebody is out",
                ),
                (
                    "it goes",
                    (vec![allow(), deny(one)], vec![allow()]),
                    "wider, nobody is out",
                ),
                (
                    "it denies one more",
                    (vec![allow(), deny(one)], vec![allow(), deny(both)]),
                    "narrower, somebody is out",
                ),
                (
                    "it denies one less",
                    (vec![allow(), deny(both)], vec![allow(), deny(one)]),
                    "wider, nobody is out",
                ),
                (
                    "it denies longer",
                    (
                        vec![allow(), until("2027-01-01T00:00:00Z")],
                        vec![allow(), until("2028-01-01T00:00:00Z")],
                    ),
                    "narrower, somebody is out",
                ),
                (
                    "it denies under fewer conditions",
                    (vec![allow(), until("2027-01-01T00:00:00Z")], vec![allow(), deny(one)]),
                    "narrower, somebody is out",
                ),
                (
                    "nobody was in",
                    (vec![deny(one)], vec![allow(), deny(both)]),
                    "other, nobody is out",
                ),
            ],
            |(before, after): &(Vec<String>, Vec<String>)| {
                said(&document(&before.join(", ")), &document(&after.join(", ")))
            },
        );
    }

    #[test]
    fn two_policies_share_the_narrower_of_two_statements() {
        let allow = |principals: &str, condition: &str| {
            format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": [{principals}]}}, "Action": "sts:AssumeRole", "Condition": {{{condition}}}}}"#
            )
        };
        let (one, both) = (r#""111111111111""#, r#""111111111111", "555555555555""#);
        let id = r#""StringEquals": {"sts:ExternalId": "first-id"}"#;
        let until = |dates: &str| format!(r#""DateLessThan": {{"aws:CurrentTime": [{dates}]}}"#);
        for (sentence, before, after, expected) in [
            (
                "fewer principals",
                allow(both, ""),
                allow(one, ""),
                Some(allow(one, "")),
            ),
            ("more principals", allow(one, ""), allow(both, ""), Some(allow(one, ""))),
            (
                "one more condition",
                allow(one, id),
                allow(both, ""),
                Some(allow(one, id)),
            ),
            (
                "neither lies in the other, but for whom both name",
                allow(both, id),
                allow(one, ""),
                Some(allow(one, id)),
            ),
            (
                "the earlier end",
                allow(one, &until(r#""2027-01-01T00:00:00Z""#)),
                allow(one, &until(r#""2028-01-01T00:00:00Z""#)),
                Some(allow(one, &until(r#""2027-01-01T00:00:00Z""#))),
            ),
            (
                "dates that cannot stand in one statement",
                allow(one, &until(r#""2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z""#)),
                allow(one, &until(r#""2027-06-01T00:00:00Z""#)),
                None,
            ),
        ] {
            let shared = shared(&document(&before), &document(&after));
            let expected = expected.map(|text| document(&text).canonical());
            assert_eq!(shared.map(|shared| shared.canonical()), expected, "{sentence}");
        }
    }
}
