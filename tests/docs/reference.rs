//! Every field, every flag and every reason is in the book, and none too many.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use crossrole::api::{self, Reason};
use crossrole::cli::Cli;
use crossrole_testkit::reference::{commands, fields};
use serde_json::Value;

use super::page::read;

fn crds() -> Vec<Value> {
    let all = api::crd::all().unwrap();
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(file, _)| *file);
    all.into_iter()
        .map(|(_, crd)| serde_json::to_value(crd).unwrap())
        .collect()
}

#[test]
fn the_pages_that_are_made_are_as_they_are_made() {
    let program = Path::new(env!("CARGO_BIN_EXE_crossrole"));
    for (path, fresh) in [
        ("docs/fields.md", fields::page(&crds()).unwrap()),
        ("docs/cli.md", commands::page(program).unwrap()),
    ] {
        assert!(read(path) == fresh, "{path} is not as it is made: run `make generate`");
    }
}

#[test]
fn every_field_has_its_row() {
    let page = read("docs/fields.md");
    let mut rows = Vec::new();
    let mut level = "";
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            level = heading;
        } else if let Some(row) = line.strip_prefix("| `") {
            rows.push(format!("{level}.{}", row.split('`').next().unwrap()));
        }
    }
    let mut fields = fields::paths(&crds());
    rows.sort();
    fields.sort();
    assert!(fields.len() > 100);
    assert_eq!(rows, fields);
}

#[test]
fn every_command_and_flag_is_explained() {
    let page = read("docs/cli.md");
    let sections: Vec<(&str, &str)> = page
        .split("\n## crossrole ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
        .collect();
    let cli = Cli::command();
    let names: Vec<&str> = cli.get_subcommands().map(Command::get_name).collect();
    let titles: Vec<&str> = sections.iter().map(|(title, _)| *title).collect();
    assert_eq!(titles, names);
    for (command, (title, text)) in cli.get_subcommands().zip(sections) {
        let flags: BTreeSet<String> = command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .map(|flag| format!("--{flag}"))
            .chain(["--help".to_owned()])
            .collect();
        let told: BTreeSet<String> = text
            .lines()
            .filter(|line| line.trim_start().starts_with('-'))
            .filter_map(|line| line.split([' ', '[', '=']).find(|word| word.starts_with("--")))
            .map(str::to_owned)
            .collect();
        assert_eq!(told, flags, "crossrole {title}");
        for argument in command.get_arguments() {
            if let Some(variable) = argument.get_env() {
                let told = format!("[env: {}=]", variable.to_string_lossy());
                assert!(text.contains(&told), "crossrole {title}: {told}");
            }
        }
    }
}

#[test]
fn every_reason_has_its_section_and_no_section_is_left_over() {
    let text = read("docs/conditions.md");
    let sections: Vec<(&str, &str)> = text
        .split("\n### ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
        .collect();
    let titles: Vec<&str> = sections.iter().map(|(title, _)| *title).collect();
    let unique: BTreeSet<&str> = titles.iter().copied().collect();
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(unique, reasons);
    assert_eq!(titles.len(), unique.len(), "a section is there twice: {titles:?}");
    for (title, body) in sections {
        for part in ["**Means**: ", "**Do**: "] {
            let line = body.lines().find_map(|line| line.strip_prefix(part));
            assert!(line.is_some_and(|line| line.len() > 10), "{title} lacks {part:?}");
        }
    }
}
