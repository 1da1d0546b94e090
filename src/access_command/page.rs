//! The rows as one page of HTML that needs nothing from anywhere else: no script, no font, no picture of others.

use crossrole_plan::access::Row;
use jiff::Timestamp;

use super::{picture, table};
use crate::output::plain;

/// Text that means itself in HTML, in an element or in a quoted attribute. Source: HTML Living Standard, "Escaping a
/// string".
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in plain(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Who can get in where</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1.5rem; color: #1c2430; background: #fff; }
h1 { font-size: 1.5rem; margin: 0; }
p { color: #566174; margin: .2rem 0 1.5rem; }
svg { display: block; width: 100%; height: auto; margin: 0 0 2rem; }
svg text { font-size: 13px; fill: #1c2430; }
svg .head { font-weight: 600; fill: #566174; }
svg rect { fill: #eef2f8; stroke: #b6c2d4; }
svg path { fill: none; stroke: #2f6fbe; stroke-opacity: .65; }
svg path.shut { stroke: #9aa4b2; stroke-dasharray: 5 4; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid #dde3ec; overflow-wrap: anywhere; }
th { color: #566174; font-weight: 600; white-space: nowrap; }
td small { color: #566174; display: block; }
.open { color: #15703d; font-weight: 600; }
.shut { color: #8a4b08; font-weight: 600; }
</style>
</head>
<body>
<h1>Who can get in where</h1>
"#;

/// The page. `now` is when it was made.
pub(super) fn page(rows: &[Row], now: Timestamp) -> String {
    let mut text = HEAD.to_string();
    let now = now.strftime("%Y-%m-%d %H:%M UTC");
    text.push_str(&format!(
        "<p>As declared to crossrole on {now}. {}.</p>\n",
        counted(rows)
    ));
    if !rows.is_empty() {
        text.push_str(&picture::picture(rows));
        text.push_str("<table>\n<colgroup><col style=\"width: 10%\"><col style=\"width: 19%\"><col style=\"width: 20%\"><col style=\"width: 18%\"><col style=\"width: 11%\"><col style=\"width: 10%\"><col style=\"width: 12%\"></colgroup>\n<thead><tr><th>Account</th><th>Role</th><th>Who</th><th>How</th><th>Until</th><th>Last used</th><th>State</th></tr></thead>\n<tbody>\n");
        text.extend(rows.iter().map(line));
        text.push_str("</tbody>\n</table>\n");
    }
    text.push_str("</body>\n</html>\n");
    text
}

fn counted(rows: &[Row]) -> String {
    let open = rows.iter().filter(|row| row.is_open()).count();
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    format!("{}, {open} of them open", count(rows.len(), "line", "lines"))
}

fn line(row: &Row) -> String {
    let class = if row.is_open() { "open" } else { "shut" };
    let with_small = |text: &str, small: &str| match small {
        "" => escaped(text),
        small => format!("{}<small>{}</small>", escaped(text), escaped(small)),
    };
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><span class=\"{class}\">{}</span>{}</td></tr>\n",
        with_small(&row.place.account, &row.place.account_id),
        with_small(&row.place.object.to_string(), &row.place.role_arn),
        escaped(&table::who(row)),
        escaped(&row.how()),
        escaped(&table::until(row)),
        escaped(&table::last_used(row)),
        escaped(row.state.word()),
        with_small("", &row.state.detail()),
    )
}
