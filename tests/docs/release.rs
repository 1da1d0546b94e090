//! The version stands in one place, and wherever else it has to be said, it is the same.

use std::process::Command;

use crossrole_testkit::tools::workspace;
use serde_json::Value;

use super::page::read;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_chart_the_changelog_and_the_page_of_releases_name_the_version_of_the_program() {
    let chart: Value = serde_saphyr::from_str(&read("charts/crossrole/Chart.yaml")).unwrap();
    assert_eq!(chart["version"], VERSION);
    assert_eq!(chart["appVersion"], VERSION);
    let changelog = read("CHANGELOG.md");
    let newest = changelog.lines().find(|line| line.starts_with("## ")).unwrap();
    let date = newest.strip_prefix(&format!("## [{VERSION}] - ")).expect(newest);
    assert!(date.parse::<jiff::civil::Date>().is_ok(), "{date}");
    let page = read("docs/release.md");
    for name in [
        format!("crossrole-{VERSION}-linux-amd64.oci.tar"),
        format!("crossrole-{VERSION}.tgz"),
        format!("crossrole-{VERSION}-changes.md"),
        format!("registry.example.com/crossrole:{VERSION}"),
    ] {
        assert!(page.contains(&name), "docs/release.md does not name {name}");
    }
}

#[test]
fn a_release_says_what_changed_in_its_version_and_in_no_other() {
    let mut command = Command::new(workspace().join("release/changes"));
    // Without it, the date is asked of git.
    let output = command.env("SOURCE_DATE_EPOCH", "0").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with(&format!("## [{VERSION}] - ")), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("## ")).count(), 1, "{text}");
    assert!(read("CHANGELOG.md").contains(&text));
}

#[test]
fn the_dockerfile_builds_with_the_rust_of_the_project_and_says_what_the_image_is() {
    let toolchain = read("rust-toolchain.toml");
    let rust = toolchain.split('"').nth(1).unwrap();
    let dockerfile = read("Dockerfile");
    let description = env!("CARGO_PKG_DESCRIPTION");
    for line in [
        format!("FROM rust:{rust}-bookworm AS build"),
        format!("ENV RUSTUP_TOOLCHAIN={rust}"),
        format!("      org.opencontainers.image.description=\"{description}\" \\"),
    ] {
        assert!(dockerfile.lines().any(|found| found == line), "{line}");
    }
}
