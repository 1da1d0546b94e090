//! Files → objects, strictly: what the API server would drop or refuse by its schema is refused here too.

mod cluster;
mod schema;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crossrole_api::names::GROUP;
use crossrole_api::{AWSAccount, AccountClass, AssumeRoleGrant, CrossAccountRole};
use crossrole_plan::grant::Grant;
use crossrole_plan::select::Labels;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A manifest that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ManifestError {
    /// The file, and the object in it as far as it is known.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

/// The objects of all files.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// CrossAccountRoles, in the order of the files.
    pub roles: Vec<CrossAccountRole>,
    /// AWSAccounts.
    pub accounts: Vec<AWSAccount>,
    /// AccountClasses.
    pub classes: Vec<AccountClass>,
    /// Namespaces by name, with their labels.
    pub namespaces: BTreeMap<String, Labels>,
    /// What was skipped.
    pub notes: Vec<String>,
    /// Where each object stands, by kind, namespace and name.
    seen: BTreeMap<(String, String, String), String>,
}

/// Members of `metadata` that Kubernetes knows. Source: Kubernetes API Reference, `ObjectMeta`.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

impl Manifests {
    /// Reads files, the YAML and JSON files of folders (not of folders in them), and standard input for `-`. An object
    /// without a namespace is of `namespace`.
    ///
    /// # Errors
    /// A file that cannot be read, or the first object that cannot be what it is.
    pub fn read(sources: &[PathBuf], namespace: &str) -> Result<Self, ManifestError> {
        let mut all = Self::default();
        for (source, text) in texts(sources)? {
            all.add(&text, &source, namespace)?;
        }
        Ok(all)
    }

    /// The same files, where there is nothing to say without a CrossAccountRole.
    ///
    /// # Errors
    /// As [`Manifests::read`]; and no CrossAccountRole at all.
    pub fn read_roles(sources: &[PathBuf], namespace: &str) -> Result<Self, ManifestError> {
        let all = Self::read(sources, namespace)?;
        if all.roles.is_empty() {
            let names: Vec<String> = sources.iter().map(|source| source.display().to_string()).collect();
            return Err(at(&names.join(", "), "there is no CrossAccountRole".to_string()));
        }
        Ok(all)
    }

    /// Adds the objects of a text: YAML or JSON, one document or several.
    ///
    /// # Errors
    /// The first object that cannot be what it is.
    pub fn add(&mut self, text: &str, source: &str, namespace: &str) -> Result<(), ManifestError> {
        // A key that stands twice is refused here: the API server would take the last and say nothing.
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| at(source, error.to_string()))?;
        for document in documents {
            self.add_object(document, source, namespace)?;
        }
        Ok(())
    }

    fn add_object(&mut self, value: Value, source: &str, namespace: &str) -> Result<(), ManifestError> {
        let Value::Object(mut object) = value else {
            return Err(at(
                source,
                "a manifest is an object with apiVersion, kind and metadata".to_string(),
            ));
        };
        let text = |object: &Map<String, Value>, key: &str| {
            object.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
        };
        let (version, kind) = (text(&object, "apiVersion"), text(&object, "kind"));
        if version.is_empty() || kind.is_empty() {
            return Err(at(source, "an object has no apiVersion or no kind".to_string()));
        }
        if version == "v1" && kind == "List" {
            let items = object.remove("items").unwrap_or_default();
            let Value::Array(items) = items else {
                return Err(at(source, "a List has no items".to_string()));
            };
            return items
                .into_iter()
                .try_for_each(|item| self.add_object(item, source, namespace));
        }
        let ours = version.split('/').next() == Some(GROUP) && version.contains('/');
        let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
        let name = name.and_then(Value::as_str).unwrap_or_default().to_string();
        let place = format!("{source}: {kind} {name}");
        let is_namespace = version == "v1" && kind == "Namespace";
        if !ours && !is_namespace {
            self.notes
                .push(format!("skipped {kind} {name} in {source}: it is not of {GROUP}"));
            return Ok(());
        }
        if ours && version != format!("{GROUP}/v1alpha1") {
            return Err(at(&place, format!("{version} is not known: write {GROUP}/v1alpha1")));
        }
        if name.is_empty() {
            return Err(at(&place, "metadata.name is missing".to_string()));
        }
        let namespaced = matches!(kind.as_str(), "CrossAccountRole" | "AssumeRoleGrant");
        if ours {
            check_members(&place, &object)?;
            if !is_object_name(&name) {
                return Err(at(
                    &place,
                    "metadata.name: lower-case letters, digits, - and . are allowed, and a letter or digit at both ends of each part".to_string(),
                ));
            }
            prepare(&mut object, namespaced.then_some(namespace));
        }
        let of = object.get("metadata").and_then(|metadata| metadata.get("namespace"));
        let of = of
            .and_then(Value::as_str)
            .filter(|_| namespaced)
            .unwrap_or_default()
            .to_string();
        if let Some(first) = self.seen.insert((kind.clone(), of, name.clone()), source.to_string()) {
            return Err(at(&place, format!("stands twice: {first} has it too")));
        }
        let value = Value::Object(object);
        let spec = value.get("spec").cloned();
        match kind.as_str() {
            "CrossAccountRole" => self.roles.push(typed(&place, value)?),
            // Nothing is planned from one, but it is held to its schema.
            "AssumeRoleGrant" => {
                let grant: AssumeRoleGrant = typed(&place, value)?;
                Grant::parse(&grant).map_err(|refusal| at(&place, refusal.to_string()))?;
                self.notes.push(format!(
                    "skipped AssumeRoleGrant {name} in {source}: only roles are planned"
                ));
            }
            "AWSAccount" => self.accounts.push(typed(&place, value)?),
            "AccountClass" => self.classes.push(typed(&place, value)?),
            "Namespace" => {
                let labels = value.pointer("/metadata/labels").cloned().unwrap_or_default();
                let labels = typed::<Option<Labels>>(&place, labels)?.unwrap_or_default();
                self.namespaces.insert(name, labels);
            }
            _ => {
                return Err(at(
                    &place,
                    format!(
                        "{GROUP}/v1alpha1 has no kind {kind}, but AccountClass, AWSAccount, CrossAccountRole and AssumeRoleGrant"
                    ),
                ));
            }
        }
        match spec.filter(|_| ours) {
            Some(spec) => schema::check(&kind, &spec).map_err(|problem| at(&place, problem)),
            None => Ok(()),
        }
    }
}

/// The texts of files, of the YAML and JSON files of folders (not of folders in them), and of standard input for `-`, each
/// with its name.
///
/// # Errors
/// A file that cannot be read.
pub fn texts(sources: &[PathBuf]) -> Result<Vec<(String, String)>, ManifestError> {
    let mut texts = Vec::new();
    for source in sources {
        if source.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| at("standard input", error.to_string()))?;
            texts.push(("standard input".to_string(), text));
            continue;
        }
        for file in files(source)? {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).map_err(|error| at(&name, error.to_string()))?;
            texts.push((name, text));
        }
    }
    Ok(texts)
}

fn at(place: &str, problem: String) -> ManifestError {
    ManifestError {
        place: place.to_string(),
        problem,
    }
}

/// Source: Kubernetes documentation, "Object Names and IDs" (DNS subdomain names).
fn is_object_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_end = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let bytes = part.as_bytes();
        is_end(bytes.first())
            && is_end(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

fn files(source: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let failed = |error: std::io::Error| at(&source.display().to_string(), error.to_string());
    if !std::fs::metadata(source).map_err(failed)?.is_dir() {
        return Ok(vec![source.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(source).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn check_members(place: &str, object: &Map<String, Value>) -> Result<(), ManifestError> {
    let unknown =
        |object: &Map<String, Value>, known: &[&str]| object.keys().find(|key| !known.contains(&key.as_str())).cloned();
    if let Some(key) = unknown(object, &["apiVersion", "kind", "metadata", "spec", "status"]) {
        return Err(at(place, format!("{key}: unknown field")));
    }
    let metadata = object.get("metadata").and_then(Value::as_object);
    if let Some(key) = metadata.and_then(|metadata| unknown(metadata, &METADATA)) {
        return Err(at(place, format!("metadata.{key}: unknown field")));
    }
    Ok(())
}

/// What a cluster says of an object is none of the file's business; its age decides between two that want the same.
fn prepare(object: &mut Map<String, Value>, namespace: Option<&str>) {
    object.remove("status");
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return;
    };
    for key in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "finalizers",
        "managedFields",
    ] {
        metadata.remove(key);
    }
    match namespace {
        Some(namespace) => {
            metadata.entry("namespace").or_insert_with(|| Value::from(namespace));
        }
        None => {
            metadata.remove("namespace");
        }
    }
}

fn typed<Object: DeserializeOwned>(place: &str, value: Value) -> Result<Object, ManifestError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        match path.as_str() {
            "." => at(place, problem),
            path => at(place, format!("{path}: {problem}")),
        }
    })
}

#[cfg(test)]
mod tests;
