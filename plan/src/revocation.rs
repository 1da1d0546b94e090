//! `AWSRevokeOlderSessions`: the inline policy that ends the sessions which were issued before some time.
//!
//! The console writes it when somebody revokes sessions there, and so does crossrole. It is not drift, its time only
//! moves forward, and what else it denies stays. But it only denies: an Allow that hides under this name is drift.

use crossrole_iam::document::{Condition, Document, Effect, OperatorName, Statement};
use jiff::Timestamp;

use crate::lifecycle::{denies_everything, deny_everything};
use crate::observed::ObservedDocument;
use crate::window::rounded_up;

const TOKEN_ISSUE_TIME: &str = "aws:TokenIssueTime";

/// What the policy shall be, where sessions from before `wanted` shall end: what is found, where that does so already.
pub(crate) fn policy(found: Option<&ObservedDocument>, wanted: Option<Timestamp>, now: Timestamp) -> Option<Document> {
    let wanted = wanted.map(rounded_up);
    let Some(found) = found else {
        return wanted.map(|before| Document::new(vec![revoking(before)]));
    };
    let Some(document) = found.document() else {
        // Whatever it revoked lies in the past.
        return Some(Document::new(vec![revoking(wanted.max(Some(rounded_up(now)))?)]));
    };
    let held = revoked_before(document);
    if !document.has_allow() && wanted <= held {
        return Some(document.clone());
    }
    let mut statements: Vec<Statement> = document
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Deny && revokes(statement).is_none())
        .cloned()
        .collect();
    statements.extend(wanted.max(held).map(revoking));
    (!statements.is_empty()).then(|| Document::new(statements))
}

/// The time before which a policy revokes every session, whatever it would do.
pub(crate) fn revoked_before(document: &Document) -> Option<Timestamp> {
    document.statements.iter().filter_map(revokes).max()
}

fn revoking(before: Timestamp) -> Statement {
    let issued = Condition::new(OperatorName::DateLessThan, TOKEN_ISSUE_TIME, [before.to_string()]);
    deny_everything(vec![issued])
}

fn revokes(statement: &Statement) -> Option<Timestamp> {
    let [condition] = statement.conditions.as_slice() else {
        return None;
    };
    let is_older = condition.operator == OperatorName::DateLessThan.into() && condition.is_about(TOKEN_ISSUE_TIME);
    if !is_older || !denies_everything(statement) {
        return None;
    }
    // Any one of the values will do, so the latest counts. One that cannot be read could be any time: the statement stays.
    let times: Option<Vec<Timestamp>> = condition.values.iter().map(|value| time(value)).collect();
    times?.into_iter().max()
}

/// A date as IAM takes it: in ISO 8601, or in seconds since 1970. Source: IAM User Guide, "Condition operators: Date".
fn time(value: &str) -> Option<Timestamp> {
    let since_epoch = || Timestamp::from_second(value.parse().ok()?).ok();
    value.parse().ok().or_else(since_epoch)
}

#[cfg(test)]
mod tests {
    use crossrole_iam::document::DocumentKind;

    use super::*;
    use crate::testing::check_table;

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn found(statements: &str) -> Option<ObservedDocument> {
        if statements.is_empty() {
            return None;
        }
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        Some(ObservedDocument::parse_encoded(&text, DocumentKind::Permission))
    }

    fn revoking(before: &str) -> String {
        format!(
            r#"{{"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {{"DateLessThan": {{"aws:TokenIssueTime": "{before}"}}}}}}"#
        )
    }

    /// What becomes of a policy, in a few words: one for each statement.
    fn said(found: Option<&ObservedDocument>, wanted: &str) -> String {
        let Some(document) = policy(found, wanted.parse().ok(), NOW.parse().unwrap()) else {
            return "none".into();
        };
        assert_eq!(document.check(DocumentKind::Permission), Ok(()));
        let statements = document.statements.iter().map(|statement| match revokes(statement) {
            Some(before) => format!("before {before}"),
            None => format!(
                "{} {}",
                statement.effect.as_str(),
                statement.action.patterns().join(" ")
            ),
        });
        statements.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_time_only_moves_forward_and_what_else_is_denied_stays() {
        const OTHER: &str = r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#;
        const ALLOW: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        let noon = revoking("2026-11-22T12:00:00.000Z");
        let partly = noon.replace(r#""Action": ["*"]"#, r#""Action": ["s3:*"]"#);
        let narrowed = noon.replace("}}}", r#"}, "Bool": {"aws:SecureTransport": "false"}}}"#);
        let rows: &[(&str, (String, &str), &str)] = &[
            ("nothing is there and nothing wanted", (String::new(), ""), "none"),
            (
                "nothing is there",
                (String::new(), "2026-11-20T00:00:00Z"),
                "before 2026-11-20T00:00:00Z",
            ),
            (
                "a part of a second is a whole one",
                (String::new(), "2026-11-20T00:00:00.1Z"),
                "before 2026-11-20T00:00:01Z",
            ),
            ("the console's stays", (noon.clone(), ""), "before 2026-11-22T12:00:00Z"),
            (
                "an earlier time changes nothing",
                (noon.clone(), "2026-11-20T00:00:00Z"),
                "before 2026-11-22T12:00:00Z",
            ),
            (
                "a later one does",
                (noon.clone(), "2026-11-23T00:00:00Z"),
                "before 2026-11-23T00:00:00Z",
            ),
            (
                "a Deny beside it stays",
                (format!("{noon}, {OTHER}"), "2026-11-23T00:00:00Z"),
                "Deny s3:*, before 2026-11-23T00:00:00Z",
            ),
            ("a Deny alone stays", (OTHER.into(), ""), "Deny s3:*"),
            (
                "seconds since 1970 are a time as well",
                (
                    noon.replace(
                        r#""2026-11-22T12:00:00.000Z""#,
                        r#"["2026-01-01T00:00:00Z", "1795341600"]"#,
                    ),
                    "2026-11-20T00:00:00Z",
                ),
                "before 2026-11-22T10:00:00Z",
            ),
            (
                "what is no time that we can read stays beside ours",
                (
                    noon.replace("2026-11-22T12:00:00.000Z", "2026-11-22"),
                    "2026-11-20T00:00:00Z",
                ),
                "Deny *, before 2026-11-20T00:00:00Z",
            ),
            (
                "what does not deny everything revokes nothing",
                (partly, "2026-11-20T00:00:00Z"),
                "Deny s3:*, before 2026-11-20T00:00:00Z",
            ),
            (
                "nor what denies under a condition",
                (narrowed, "2026-11-20T00:00:00Z"),
                "Deny *, before 2026-11-20T00:00:00Z",
            ),
            (
                "an Allow does not hide here",
                (format!("{ALLOW}, {noon}"), ""),
                "before 2026-11-22T12:00:00Z",
            ),
            ("an Allow alone goes with the policy", (ALLOW.into(), ""), "none"),
            (
                "what cannot be read becomes a revocation up to now",
                ("{".into(), ""),
                "before 2026-11-23T12:00:00Z",
            ),
            (
                "or up to what is wanted",
                ("{".into(), "2026-11-23T12:03:00Z"),
                "before 2026-11-23T12:03:00Z",
            ),
        ];
        check_table(rows, |(statements, wanted)| said(found(statements).as_ref(), wanted));
    }
}
