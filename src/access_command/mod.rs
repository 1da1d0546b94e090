//! `crossrole access`: who can get in where, from the cluster or from files. It asks AWS nothing and writes nothing.
//!
//! What a trust policy says of whom is in [`crossrole_plan::access`].
//!
//! | module | holds |
//! |---|---|
//! | [`rows`] | objects → rows, of those that were asked for |
//! | `table` | the rows as text and as CSV |
//! | `json` | the rows as JSON |
//! | `page` | the rows as one page of HTML |
//! | `picture` | accounts and trust, drawn |

mod json;
mod page;
mod picture;
pub mod rows;
mod table;

use std::error::Error;

use clap::ValueEnum;
use crossrole_plan::access::Row;
use jiff::Timestamp;
use kube::Client;
use rows::Question;

use crate::cli::{AccessFlags, ObjectFlags};
use crate::manifests::Manifests;
use crate::output;

/// How the table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// As a person reads it.
    Text,
    /// As a program does.
    Json,
    /// As a spreadsheet does.
    Csv,
    /// As one page for a browser, with a picture.
    Html,
}

/// Prints who can get in where.
///
/// # Errors
/// Files or a cluster that cannot be read.
pub async fn run(flags: &AccessFlags) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let manifests = objects(&flags.objects).await?;
    for note in &manifests.notes {
        eprintln!("note: {}", output::plain(note));
    }
    let question = Question {
        principal: flags.principal.as_deref(),
        unused: flags.unused,
    };
    let rows = rows::asked(&manifests, &flags.objects, question, now);
    output::print(&written(&rows, flags.output, now))?;
    Ok(())
}

/// The objects of the files, or of the cluster where no file is named.
///
/// # Errors
/// Files or a cluster that cannot be read.
pub async fn objects(flags: &ObjectFlags) -> Result<Manifests, Box<dyn Error>> {
    if flags.filename.is_empty() {
        return Ok(Manifests::of_cluster(&Client::try_default().await?).await?);
    }
    let namespace = flags.namespace.as_deref().unwrap_or("default");
    Ok(Manifests::read_roles(&flags.filename, namespace)?)
}

/// The rows in a format. `now` is told on the page.
pub fn written(rows: &[Row], format: TableFormat, now: Timestamp) -> String {
    match format {
        TableFormat::Text => table::text(rows),
        TableFormat::Csv => table::csv(rows),
        TableFormat::Json => format!("{:#}\n", json::rows(rows)),
        TableFormat::Html => page::page(rows, now),
    }
}

#[cfg(test)]
mod tests;
