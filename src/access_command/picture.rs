//! Accounts and trust, drawn: who is trusted on the left, the accounts that hold roles on the right.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::Effect;
use crossrole_plan::access::{Row, Who};

use super::page::escaped;

/// Units of the drawing. It is scaled to the page.
const WIDTH: usize = 1000;
const BOX_WIDTH: usize = 330;
const BOX_HEIGHT: usize = 30;
const STEP: usize = 44;
const TOP: usize = 34;

/// What fits into a box. What is cut off stands in the tooltip, and in the table.
const LETTERS: usize = 44;

/// Roles by who is trusted and the account that holds them: how many, and whether any is open.
#[derive(Default)]
struct Edge {
    roles: BTreeSet<String>,
    is_open: bool,
}

/// The drawing as inline SVG.
pub(super) fn picture(rows: &[Row]) -> String {
    let mut edges: BTreeMap<(String, String), Edge> = BTreeMap::new();
    let drawn = rows.iter().filter(|row| row.effect == Effect::Allow);
    for (row, who) in drawn.filter_map(|row| Some((row, row.who.as_ref()?))) {
        let account = super::table::account(row);
        for source in sources(row, who) {
            let edge = edges.entry((source, account.clone())).or_default();
            edge.roles.insert(row.place.object.to_string());
            edge.is_open |= row.is_open();
        }
    }
    if edges.is_empty() {
        return String::new();
    }
    let names = |pick: fn(&(String, String)) -> &String| -> Vec<&String> {
        edges.keys().map(pick).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (left, right) = (names(|pair| &pair.0), names(|pair| &pair.1));
    let height = TOP + STEP * left.len().max(right.len());
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Who is trusted by which account\">\n\
         <text class=\"head\" x=\"1\" y=\"16\">Trusted</text><text class=\"head\" x=\"{}\" y=\"16\">Accounts that hold roles</text>\n",
        WIDTH - BOX_WIDTH - 1
    );
    let place = |names: &[&String], name: &String| names.iter().position(|one| *one == name).unwrap_or_default();
    for ((source, account), edge) in &edges {
        let middle =
            |index: usize, of: usize| TOP + STEP * index + BOX_HEIGHT / 2 + offset(of, left.len().max(right.len()));
        let (from, to) = (
            middle(place(&left, source), left.len()),
            middle(place(&right, account), right.len()),
        );
        let (start, end) = (BOX_WIDTH + 1, WIDTH - BOX_WIDTH - 1);
        let bend = (start + end) / 2;
        let class = if edge.is_open { "" } else { " class=\"shut\"" };
        let thickness = 1 + edge.roles.len().min(7);
        let roles: Vec<&str> = edge.roles.iter().map(String::as_str).collect();
        svg.push_str(&format!(
            "<path{class} stroke-width=\"{thickness}\" d=\"M{start} {from} C{bend} {from} {bend} {to} {end} {to}\"><title>{}</title></path>\n",
            escaped(&format!("{source} → {account}: {}", roles.join(", ")))
        ));
    }
    for (names, x) in [(&left, 1), (&right, WIDTH - BOX_WIDTH - 1)] {
        for (index, name) in names.iter().enumerate() {
            let y = TOP + STEP * index + offset(names.len(), left.len().max(right.len()));
            svg.push_str(&format!(
                "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/><text x=\"{}\" y=\"{}\">{}</text></g>\n",
                escaped(name),
                x + 10,
                y + 20,
                escaped(&shortened(name)),
            ));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The shorter column stands in the middle of the longer one.
fn offset(of: usize, longest: usize) -> usize {
    (longest - of) * STEP / 2
}

/// Who is drawn for a principal: its account, or its organisation, or itself.
fn sources(row: &Row, who: &Who) -> Vec<String> {
    if let Some(account) = who.account() {
        return vec![format!("account {account}")];
    }
    let organizations = row.organizations();
    match who {
        Who::Anyone | Who::Pattern(_) if !organizations.is_empty() => {
            organizations.iter().map(|id| format!("organisation {id}")).collect()
        }
        Who::Provider(arn) => vec![format!(
            "provider {}",
            arn.rsplit(":oidc-provider/").next().unwrap_or(arn)
        )],
        who => vec![who.to_string()],
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_string();
    }
    let kept: String = name.chars().take(LETTERS - 1).collect();
    format!("{kept}…")
}
