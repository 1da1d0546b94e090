//! What all formats share: the words at the top, and documents as text.

use std::fmt::Write as _;

use crossrole_iam::Document;
use crossrole_plan::kit::Kit;
use serde_json::json;

use super::accounts::Entry;

/// One file of a kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KitFile {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) text: String,
}

/// Stands in a trust policy where the external id is put in later.
const HERE: &str = "EXTERNAL-ID-HERE";

/// What the resources of a kit say of themselves.
pub(super) const ABOUT_ROLE: &str = "Assumed by crossrole, which keeps the IAM roles below its path true";
pub(super) const ABOUT_GRANTS: &str =
    "Assumed by crossrole, which gives the groups and roles of its class leave to assume roles";
pub(super) const ABOUT_BOUNDARY: &str = "The most that a role of crossrole can do";

pub(crate) fn json_file(name: &str, document: &Document) -> KitFile {
    KitFile {
        name: format!("{name}.json"),
        text: document.to_pretty_json() + "\n",
    }
}

/// The AWSAccounts that got an external id: they must be applied, or crossrole presents none.
pub(super) fn accounts(entries: &[Entry]) -> Option<KitFile> {
    let text = manifests(entries);
    (!text.is_empty()).then(|| KitFile {
        name: "awsaccounts.yaml".to_string(),
        text,
    })
}

/// The trust policy as JSON, with `external_id` (which is JSON, too) in the place of the external id.
pub(super) fn trust(kit: &Kit, external_id: &str) -> String {
    kit.trust(HERE)
        .to_pretty_json()
        .replace(&format!("\"{HERE}\""), external_id)
}

/// A text whose lines after the first begin so many spaces further in.
pub(super) fn indented(text: &str, spaces: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(spaces)))
}

/// The words at the top of a file, as comments: what it is, how it is used, and what else is to be done.
pub(super) fn header(kit: &Kit, entries: &[Entry], how: &str) -> String {
    let mut text = format!(
        "What crossrole needs in the AWS accounts of AccountClass {}: its bootstrap role, and the boundary of the roles \
         that it makes.\nPrinted by `crossrole bootstrap`. Do not edit it: change the class or the flags, and print it \
         again.\n\n{how}\n\nThe operator's own role needs this policy:\n\n{}\n",
        kit.class,
        kit.operator.to_pretty_json()
    );
    let manifests = manifests(entries);
    if !manifests.is_empty() {
        let _ = write!(
            text,
            "\nThese AWSAccounts had no external id. Apply them as they stand here, or crossrole cannot get in:\n\n{manifests}"
        );
    }
    commented(&text)
}

/// A text as comments of YAML, Terraform and shells.
pub(super) fn commented(text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() {
            "#\n".to_string()
        } else {
            format!("# {line}\n")
        }
    };
    text.lines().map(line).collect()
}

fn manifests(entries: &[Entry]) -> String {
    let changed = entries.iter().filter_map(|entry| entry.changed.as_ref());
    let manifest = |account: &crossrole_api::AWSAccount| {
        let metadata = &account.metadata;
        let mut manifest = json!({
            "apiVersion": "crossrole.dev/v1alpha1",
            "kind": "AWSAccount",
            "metadata": {"name": metadata.name},
            "spec": account.spec,
        });
        if let Some(labels) = &metadata.labels {
            manifest["metadata"]["labels"] = json!(labels);
        }
        if let Some(annotations) = &metadata.annotations {
            manifest["metadata"]["annotations"] = json!(annotations);
        }
        // Flow style: no text in it can be taken for anything else.
        format!("---\n{manifest:#}\n")
    };
    changed.map(manifest).collect()
}
