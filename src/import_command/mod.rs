//! `crossrole import`: existing roles as CrossAccountRoles that declare exactly them. It reads and writes nothing.
//!
//! What declares a role, and what cannot be declared, is decided in [`crossrole_plan::import`].
//!
//! | module | holds |
//! |---|---|
//! | `source` | where roles are read: an account, through its bootstrap role or not, or files |
//! | `manifest` | an object as it is printed, and read back |

mod manifest;
mod source;

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;

use crossrole_api::CrossAccountRole;
use crossrole_plan::import::{self, NotDeclared};
use crossrole_plan::observed::ObservedRole;

use crate::cli::ImportFlags;
use crate::output;
use source::Found;

/// Prints the objects, and on standard error which roles no object declares and why. The exit code is 1 where there is one.
///
/// # Errors
/// Files or an account that cannot be read, or no role that was asked for.
pub async fn run(flags: &ImportFlags) -> Result<ExitCode, Box<dyn Error>> {
    let Found {
        source,
        roles,
        mut refused,
        labels,
    } = source::found(flags).await?;
    let mut taken = BTreeSet::new();
    let mut declared: Vec<(&ObservedRole, CrossAccountRole)> = Vec::new();
    for role in &roles {
        let role_name = role.arn.rsplit('/').next().unwrap_or_default();
        let name = import::object_name(role_name, &source.account, &mut taken);
        match import::import(role, &name, &source).and_then(|object| manifest::read_back(role, object)) {
            Ok(object) => declared.push((role, object)),
            Err(not) => refused.push(not),
        }
    }
    if declared.is_empty() && refused.is_empty() {
        return Err("there is no such role".into());
    }
    if let Some(rules) = &source.rules {
        for (_, object) in &declared {
            if let Err(refusal) = import::allowed(object, &source, rules, &labels) {
                let name = object.metadata.name.as_deref().unwrap_or_default();
                eprintln!(
                    "note: {name}: as it is, AccountClass {} refuses it: {refusal}",
                    rules.class
                );
            }
        }
    }
    for NotDeclared { role, reasons } in &refused {
        for reason in reasons {
            eprintln!("not declared: {role}: {reason}");
        }
    }
    output::print(&manifest::written(&source, &declared))?;
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
