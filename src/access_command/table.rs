//! The rows as text and as CSV.

use crossrole_plan::access::{Need, Row};
use crossrole_plan::observed::Dates;
use jiff::civil::Date;

use crate::output::plain;

pub(super) fn account(row: &Row) -> String {
    match row.place.account_id.as_str() {
        "" => row.place.account.clone(),
        id => format!("{} ({id})", row.place.account),
    }
}

pub(super) fn who(row: &Row) -> String {
    row.who
        .as_ref()
        .map_or_else(|| "nobody knows".to_string(), ToString::to_string)
}

pub(super) fn until(row: &Row) -> String {
    row.until().map_or_else(String::new, |end| end.to_string())
}

/// When the role was last used, as far as is known.
pub(super) fn last_used(row: &Row) -> String {
    match row.dates {
        Dates {
            last_used: Some(day), ..
        } => day.to_string(),
        Dates { created: Some(_), .. } => "never".to_string(),
        Dates { created: None, .. } => String::new(),
    }
}

fn day(day: Option<Date>) -> String {
    day.map_or_else(String::new, |day| day.to_string())
}

/// How they get in, and why they do not.
fn how(row: &Row) -> String {
    let (how, detail) = (row.how(), row.state.detail());
    match (how.is_empty(), detail.is_empty()) {
        (_, true) => how,
        (true, false) => detail,
        (false, false) => format!("{how} [{detail}]"),
    }
}

/// The rows in columns.
pub(super) fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "nobody\n".to_string();
    }
    let head = ["ACCOUNT", "ROLE", "WHO", "STATE", "UNTIL", "LAST USED", "HOW"].map(str::to_string);
    let lines: Vec<[String; 7]> = std::iter::once(head)
        .chain(rows.iter().map(|row| {
            let cells = [
                account(row),
                row.place.object.to_string(),
                who(row),
                row.state.word().to_string(),
                until(row),
                last_used(row),
                how(row),
            ];
            cells.map(|cell| match plain(&cell) {
                empty if empty.is_empty() => "-".to_string(),
                cell => cell,
            })
        }))
        .collect();
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let line = |cells: &[String; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let padded: Vec<String> = padded.collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    lines.iter().map(line).collect()
}

const COLUMNS: [&str; 16] = [
    "account",
    "accountId",
    "namespace",
    "name",
    "roleArn",
    "who",
    "effect",
    "how",
    "mfa",
    "externalIds",
    "organizations",
    "until",
    "created",
    "lastUsed",
    "state",
    "detail",
];

/// The rows as CSV. Source: RFC 4180.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut text = record(&COLUMNS.map(str::to_string));
    for row in rows {
        let place = &row.place;
        text.push_str(&record(&[
            place.account.clone(),
            place.account_id.clone(),
            place.object.namespace.clone(),
            place.object.name.clone(),
            place.role_arn.clone(),
            who(row),
            row.effect.as_str().to_string(),
            row.how(),
            need(row.mfa()).to_string(),
            row.external_ids().join(" "),
            row.organizations().join(" "),
            until(row),
            day(row.dates.created),
            day(row.dates.last_used),
            row.state.word().to_string(),
            row.state.detail(),
        ]));
    }
    text
}

pub(super) fn need(need: Need) -> &'static str {
    match need {
        Need::No => "no",
        Need::Sometimes => "sometimes",
        Need::Always => "yes",
    }
}

fn record(cells: &[String; 16]) -> String {
    let quoted = cells.iter().map(|cell| {
        // A spreadsheet takes what begins so for a formula: OWASP, "CSV Injection".
        let mark = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            "'"
        } else {
            ""
        };
        format!("\"{mark}{}\"", cell.replace('"', "\"\""))
    });
    let quoted: Vec<String> = quoted.collect();
    format!("{}\r\n", quoted.join(","))
}
