//! Prints the chart's README with the table of values as `values.yaml` has it: `make generate` writes it back.

use std::fs;
use std::io::{self, Write as _};

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Error, chart_values};

fn main() -> Result<(), Error> {
    let read = |file: &str| {
        let path = workspace().join("charts/crossrole").join(file);
        fs::read_to_string(&path).map_err(|error| Error::because(format!("cannot read {}", path.display()), error))
    };
    let readme = chart_values::readme(&read("README.md")?, &read("values.yaml")?)?;
    io::stdout()
        .write_all(readme.as_bytes())
        .map_err(|error| Error::because("cannot write", error))
}
