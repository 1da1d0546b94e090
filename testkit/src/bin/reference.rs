//! Prints a page of the book that is made: `reference fields` is `docs/fields.md`, from the files in `crds/`, and
//! `reference commands` is `docs/cli.md`, from what the `crossrole` program beside this one says of itself.

use std::env;
use std::fs;
use std::io::{self, Write as _};

use crossrole_testkit::reference::{commands, fields};
use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Error, operator};
use serde_json::Value;

fn main() -> Result<(), Error> {
    let page = match env::args().nth(1).as_deref() {
        Some("fields") => fields::page(&crds()?)?,
        Some("commands") => commands::page(&operator::binary()?)?,
        _ => return Err(Error::new("say which page: fields or commands")),
    };
    io::stdout()
        .write_all(page.as_bytes())
        .map_err(|error| Error::because("cannot write", error))
}

fn crds() -> Result<Vec<Value>, Error> {
    let folder = workspace().join("crds");
    let failed = |error| Error::because(format!("cannot read {}", folder.display()), error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let read = |path| {
        let text = fs::read_to_string(&path).map_err(failed)?;
        serde_saphyr::from_str(&text).map_err(|error| Error::because("a CRD is not YAML", error))
    };
    paths.into_iter().map(read).collect()
}
