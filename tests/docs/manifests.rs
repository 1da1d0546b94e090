//! Every manifest that users read is one that the API server takes.

use std::fs;
use std::path::{Path, PathBuf};

use crossrole_testkit::tools::workspace;
use crossrole_testkit::{Chart, ControlPlane};
use serde_json::Value;

use super::page::{pages, read};

/// Groups of others, of which the API server here knows no kinds: Argo CD, and Flux, of which tests/gitops knows them.
const OF_OTHERS: [&str; 2] = ["argoproj.io/", "toolkit.fluxcd.io/"];

/// What stands above a block of values of the chart.
pub const VALUES: &str = "values of the chart";

/// A manifest, and where it stands.
struct Manifest {
    place: String,
    object: Value,
}

/// Applies every manifest, but for a dry run.
pub async fn are_taken(control_plane: &ControlPlane) {
    let all = all();
    assert!(all.len() >= 10, "only {} manifests were found", all.len());
    let (namespaces, others): (Vec<&Manifest>, Vec<&Manifest>) =
        all.iter().partition(|manifest| manifest.object["kind"] == "Namespace");
    let text = |manifests: &[&Manifest]| -> String {
        let documents = manifests
            .iter()
            .map(|manifest| format!("---\n# {}\n{}\n", manifest.place, manifest.object));
        documents.collect()
    };
    control_plane.apply(&text(&namespaces)).await.unwrap();
    // All at once, for kubectl names each object that is refused.
    let arguments = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    let output = control_plane
        .kubectl_with_input(arguments, &text(&others))
        .await
        .unwrap();
    let places: Vec<&str> = others.iter().map(|manifest| manifest.place.as_str()).collect();
    assert!(output.success, "{output}\nin {places:?}");
}

#[tokio::test]
async fn the_chart_takes_its_values_and_does_something_with_them() {
    let chart = Chart::of_this_workspace();
    let default = chart.render(&[]).await.unwrap();
    let blocks = pages().iter().flat_map(|page| page.blocks()).collect::<Vec<_>>();
    let blocks = blocks.iter().filter(|block| block.comment.as_deref() == Some(VALUES));
    let mut found = 0;
    for block in blocks {
        let values: serde_json::Map<String, Value> = serde_saphyr::from_str(&block.text).unwrap();
        let settings: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let rendered = chart.render_json(&settings).await;
        let rendered = rendered.unwrap_or_else(|error| panic!("{}: {error}", block.place));
        assert_ne!(rendered.all(), default.all(), "{}", block.place);
        found += 1;
    }
    assert!(found > 0);
}

fn all() -> Vec<Manifest> {
    let mut found = Vec::new();
    for block in pages().iter().flat_map(|page| page.blocks()) {
        if block.language != "yaml" || block.comment.as_deref() == Some(VALUES) {
            continue;
        }
        for object in documents(&block.place, &block.text) {
            let object = match &block.comment {
                _ if object["kind"].is_string() => object,
                Some(comment) => completed(comment.strip_prefix("part of: ").expect(&block.place), &object),
                None => completed("CrossAccountRole", &object),
            };
            found.push(Manifest {
                place: block.place.clone(),
                object,
            });
        }
    }
    for path in files(&workspace().join("examples")) {
        let place = path.strip_prefix(workspace()).unwrap().display().to_string();
        for object in documents(&place, &read(&place)) {
            found.push(Manifest {
                place: place.clone(),
                object,
            });
        }
    }
    found.retain(|manifest| {
        let object = &manifest.object;
        let version = object["apiVersion"].as_str().expect(&manifest.place);
        assert!(object["metadata"]["name"].is_string(), "{}", manifest.place);
        !OF_OTHERS.iter().any(|group| version.contains(group))
    });
    found
}

fn documents(place: &str, text: &str) -> Vec<Value> {
    let documents: Result<Vec<Option<Value>>, _> = serde_saphyr::from_multiple(text);
    let documents = documents.unwrap_or_else(|error| panic!("{place}: {error}"));
    documents.into_iter().flatten().collect()
}

/// A piece of an object, put into that of the quickstart.
fn completed(kind: &str, piece: &Value) -> Value {
    let quickstart =
        ["class.yaml", "accounts.yaml", "role.yaml"].map(|file| read(&format!("examples/quickstart/{file}")));
    let mut objects = quickstart
        .iter()
        .flat_map(|text| documents("examples/quickstart", text));
    let mut object = objects.find(|object| object["kind"] == kind).expect(kind);
    merge(&mut object, piece);
    object
}

fn merge(object: &mut Value, piece: &Value) {
    match (object, piece) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (object, piece) => *object = piece.clone(),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}
