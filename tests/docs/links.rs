//! The book hangs together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crossrole_testkit::tools::workspace;

use super::page::{Page, files_in_docs, pages, read};

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = read("docs/README.md");
    let mut missing = files_in_docs(".md");
    missing.remove("README.md");
    missing.retain(|page| !contents.contains(&format!("]({page})")));
    assert_eq!(missing, BTreeSet::new(), "docs/README.md lists no such page");
}

#[test]
fn every_picture_is_on_a_page_and_says_what_it_shows() {
    let pages = pages();
    for picture in files_in_docs(".svg") {
        let shown = format!("]({picture})");
        assert!(pages.iter().any(|page| page.text.contains(&shown)), "{picture}");
        let text = read(&format!("docs/{picture}"));
        for part in ["<title", "<desc", "prefers-color-scheme: dark"] {
            assert!(text.contains(part), "{picture} lacks {part}");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = workspace().join(&page.path).parent().unwrap().to_owned();
        for link in page.links() {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link
                .split_once('#')
                .map_or((link.as_str(), None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() {
                workspace().join(&page.path)
            } else {
                folder.join(path)
            };
            let leads = target.exists() && anchor.is_none_or(|anchor| has_anchor(&target, anchor));
            if !leads {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

fn has_anchor(target: &Path, anchor: &str) -> bool {
    let path = target.display().to_string();
    let text = fs::read_to_string(target).unwrap();
    Page { path, text }.anchors().contains(anchor)
}

// In a row that says what a test shows: `file`, or `file`: `name`.
#[test]
fn every_test_that_the_security_model_names_is_there() {
    let page = read("docs/security.md");
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let mut text: Option<String> = None;
        for word in row.split('`').skip(1).step_by(2) {
            let is_file = word.contains('/') && (word.ends_with(".rs") || word.ends_with(".yaml"));
            if is_file {
                text = Some(read(word));
                named += 1;
            } else if let Some(text) = &text {
                assert!(text.contains(&format!("fn {word}(")), "{word} is not there: {row}");
            }
        }
    }
    assert!(named >= 20, "only {named} tests are named");
}

#[test]
fn the_readme_fits_on_a_screen_and_shows_the_quickstart_as_it_is() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 90, "README.md is long");
    let shown = format!("```yaml\n{}```", read("examples/quickstart/role.yaml"));
    assert!(
        readme.contains(&shown),
        "README.md does not show examples/quickstart/role.yaml as it is"
    );
}
