//! The generated CRDs say what the types say, in `crds/` and in the chart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crossrole_testkit::Chart;
use crossrole_testkit::tools::workspace;
use serde_json::{Value, json};

const FOLDERS: [&str; 2] = ["crds", "charts/crossrole/crds-files"];

fn from_the_types() -> Vec<(&'static str, Value)> {
    let all = crossrole::api::crd::all().unwrap();
    all.into_iter()
        .map(|(file, crd)| (file, serde_json::to_value(crd).unwrap()))
        .collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_generated_files_say_what_the_types_say() {
    let expected = from_the_types();
    let names: BTreeSet<String> = expected.iter().map(|(file, _)| (*file).to_owned()).collect();
    for folder in FOLDERS {
        let folder = workspace().join(folder);
        assert_eq!(files(&folder), names, "in {}: run `make generate`", folder.display());
        for (file, crd) in &expected {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).unwrap();
            let found: Value = serde_saphyr::from_str(&text).unwrap();
            assert!(
                found == *crd,
                "{} is not what the types say: run `make generate`",
                path.display()
            );
        }
    }
}

#[test]
fn the_generated_files_are_real_files() {
    for folder in FOLDERS {
        for file in files(&workspace().join(folder)) {
            let path = workspace().join(folder).join(file);
            assert!(
                fs::symlink_metadata(&path).unwrap().is_file(),
                "{} is a link",
                path.display()
            );
        }
    }
}

#[test]
fn the_program_prints_them_and_writes_them() {
    let printed = Command::new(env!("CARGO_BIN_EXE_crossrole"))
        .arg("crd")
        .output()
        .unwrap();
    assert!(printed.status.success());
    let text = String::from_utf8(printed.stdout).unwrap();
    let printed: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let expected: Vec<Value> = from_the_types().into_iter().map(|(_, crd)| crd).collect();
    assert!(printed == expected, "`crossrole crd` does not print what the types say");

    let folder = std::env::temp_dir().join(format!("crossrole-crds-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let written = Command::new(env!("CARGO_BIN_EXE_crossrole"))
        .args(["crd", "--output-dir"])
        .arg(&folder)
        .status();
    let same: Vec<bool> = from_the_types()
        .iter()
        .map(|(file, _)| fs::read(folder.join(file)).ok() == fs::read(workspace().join("crds").join(file)).ok())
        .collect();
    fs::remove_dir_all(&folder).unwrap();
    assert!(written.unwrap().success());
    assert_eq!(
        same, [true; 4],
        "crds/ is not what the program writes: run `make generate`"
    );
}

// Helm reads the files as YAML 1.1 and writes them anew; nothing may change its meaning on the way.
#[tokio::test]
async fn the_chart_renders_what_the_types_say() {
    let manifests = Chart::of_this_workspace().render(&[]).await.unwrap();
    let mut rendered: Vec<Value> = manifests.of_kind("CustomResourceDefinition").cloned().collect();
    for crd in &mut rendered {
        let metadata = crd["metadata"].as_object_mut().unwrap();
        assert_eq!(
            metadata.remove("annotations").unwrap(),
            json!({"helm.sh/resource-policy": "keep"})
        );
        assert_eq!(
            metadata.remove("labels").unwrap()["app.kubernetes.io/managed-by"],
            "Helm"
        );
    }
    rendered.sort_by_key(|crd| crd["metadata"]["name"].to_string());
    let mut expected: Vec<Value> = from_the_types().into_iter().map(|(_, crd)| crd).collect();
    expected.sort_by_key(|crd| crd["metadata"]["name"].to_string());
    rendered.iter_mut().chain(&mut expected).for_each(plain_numbers);
    assert!(rendered == expected, "the chart's CRDs are not what the types say");
}

/// Helm writes a bound of 1.0 as 1.
fn plain_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(items) => items.iter_mut().for_each(plain_numbers),
        Value::Object(members) => members.values_mut().for_each(plain_numbers),
        _ => {}
    }
}
