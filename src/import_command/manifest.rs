//! An object as it is printed.

use crossrole_api::CrossAccountRole;
use crossrole_plan::import::{NotDeclared, Source};
use crossrole_plan::observed::ObservedRole;
use serde_json::Value;

use crate::manifests::Manifests;

/// Members of `spec` that say what the schema says anyway.
const USUAL: [(&str, &str); 2] = [("access", "Open"), ("mode", "Enforce")];

fn yaml(object: &CrossAccountRole) -> Result<String, String> {
    let mut value = serde_json::to_value(object).map_err(|error| error.to_string())?;
    if let Some(members) = value.as_object_mut() {
        members.remove("status");
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        for (member, usual) in USUAL {
            if spec.get(member).and_then(Value::as_str) == Some(usual) {
                spec.remove(member);
            }
        }
    }
    serde_saphyr::to_string(&value).map_err(|error| error.to_string())
}

/// Whether what is printed is what was meant, and what the API server takes.
///
/// # Errors
/// Why it is not.
pub(super) fn read_back(role: &ObservedRole, object: CrossAccountRole) -> Result<CrossAccountRole, NotDeclared> {
    let refused = |reason: String| NotDeclared {
        role: role.arn.clone(),
        reasons: vec![reason],
    };
    let text = yaml(&object).map_err(refused)?;
    let mut read = Manifests::default();
    read.add(&text, "the manifest", "default")
        .map_err(|error| refused(error.to_string()))?;
    match read.roles.as_slice() {
        [again] if again.spec == object.spec => Ok(object),
        _ => Err(refused("what is printed does not read back as what is meant".into())),
    }
}

/// All objects as one text, with what their class must say.
pub(super) fn written(source: &Source, declared: &[(&ObservedRole, CrossAccountRole)]) -> String {
    if declared.is_empty() {
        return String::new();
    }
    let account = &source.account;
    let mut text = format!(
        "# What account {} ({}) holds. To take these roles over, its AccountClass lists them:\n# adoption:\n#   roles:\n",
        account.name, account.id
    );
    for (role, _) in declared {
        let name = role.arn.rsplit('/').next().unwrap_or_default();
        text.push_str(&format!("#   - \"{}{name}\"\n", role.path));
    }
    for (_, object) in declared {
        // It was written before, to be read back.
        if let Ok(yaml) = yaml(object) {
            text.push_str("---\n");
            text.push_str(yaml.trim_end());
            text.push('\n');
        }
    }
    text
}
