//! `crossrole bootstrap`: what AWS accounts need before crossrole can work there, in the form in which somebody makes it.
//!
//! | module | holds |
//! |---|---|
//! | [`accounts`] | the accounts of a class, each with its external id |
//! | [`external_id`] | 128 random bits |
//! | `kit_file` | what all formats share: the words at the top, documents as text |
//! | `cloudformation` | a template for one account |
//! | `stack_set` | a template for an organisation |
//! | `terraform` | a module |
//! | `script` | commands of the AWS CLI |
//! | `feed` | with `--events`: what sends CloudTrail's events about roles to one queue |
//!
//! What is in the documents is decided in [`crossrole_plan::kit`], from the class and from the calls that crossrole makes.

pub mod accounts;
mod cloudformation;
pub mod external_id;
mod feed;
mod kit_file;
mod script;
mod stack_set;
mod terraform;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::Path;

use clap::ValueEnum;
use crossrole_iam::{Document, DocumentKind};
use crossrole_plan::kit::{Boundary, Kit, Order, Reader};
use crossrole_plan::rules::PolicyReference;

use crate::aws::Action;
use crate::cli::BootstrapFlags;
use crate::manifests::Manifests;
use crate::output;
use accounts::{ClassAccounts, Entry};
use kit_file::{KitFile, json_file};

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A CloudFormation template for one account.
    Cloudformation,
    /// A CloudFormation template with a StackSet for the accounts of an organisation.
    Stackset,
    /// A Terraform module.
    Terraform,
    /// A shell script of AWS CLI commands.
    Cli,
    /// The policy documents alone, each in a file.
    Files,
}

/// Reads the files, and prints what the accounts of the class need.
///
/// # Errors
/// Files that cannot be read, accounts that cannot be what they are, or documents that IAM would not take.
pub fn run(flags: &BootstrapFlags) -> Result<(), Box<dyn Error>> {
    let manifests = Manifests::read(&flags.filename, "default")?;
    if flags.feed.events {
        return feed::run(flags, &manifests);
    }
    let class = flags.class.as_deref().unwrap_or_default();
    let found = ClassAccounts::of(&manifests, class, &flags.account)?;
    let partition = flags.operator_role.partition();
    let entries = found.entries(partition, &mut external_id::random)?;
    let order = Order {
        operator: flags.operator_role.clone(),
        organization: flags.organization.clone(),
        pod_identity: flags.pod_identity,
        discovery: match &flags.organization_role {
            Some(role) => Reader::Role(role.clone()),
            None if flags.discover_organization => Reader::Operator,
            None => Reader::Nobody,
        },
    };
    let boundary = match (&found.rules.boundary, flags.boundary_exists) {
        (Some(PolicyReference::Name(_)), false) => Some(boundary(flags.boundary_document.as_deref())?),
        _ => None,
    };
    let calls = [Action::CALLS, Action::GRANT_CALLS, Action::ORGANIZATION_CALLS].concat();
    let kit = Kit::new(&found.rules, order, &calls, boundary)?;
    let files = files(flags.format, &kit, &entries);
    match &flags.output_dir {
        Some(folder) => write(folder, &files),
        // The first holds all that matters; the others repeat what stands in it.
        None => Ok(output::print(
            files.first().map(|file| file.text.as_str()).unwrap_or_default(),
        )?),
    }
}

/// The files of a format; the first is the one that is printed where no folder was named.
pub(crate) fn files(format: Format, kit: &Kit, entries: &[Entry]) -> Vec<KitFile> {
    let mut files = match format {
        Format::Cloudformation => vec![cloudformation::file(kit, entries)],
        Format::Stackset => vec![stack_set::file(kit, entries)],
        Format::Terraform => vec![terraform::file(kit, entries)],
        Format::Cli => vec![script::file(kit, entries)],
        Format::Files => documents(kit, entries),
    };
    files.push(json_file("operator-permissions", &kit.operator));
    if let Some((trust, permissions)) = kit.reader(Action::ORGANIZATION_CALLS) {
        files.push(json_file("organization-trust", &trust));
        files.push(json_file("organization-permissions", &permissions));
    }
    files.extend(kit_file::accounts(entries));
    files
}

fn documents(kit: &Kit, entries: &[Entry]) -> Vec<KitFile> {
    let mut files = vec![json_file("permissions", &kit.permissions)];
    if let Some((_, permissions)) = &kit.grants {
        files.push(json_file("grant-permissions", permissions));
    }
    if let Boundary::Made { document, .. } = &kit.boundary {
        files.push(json_file("boundary", document));
    }
    for entry in entries {
        files.push(json_file(
            &format!("trust-{}", entry.name),
            &kit.trust(&entry.external_id),
        ));
    }
    files
}

fn boundary(file: Option<&Path>) -> Result<Document, Box<dyn Error>> {
    let Some(file) = file else {
        return Ok(Kit::usual_boundary());
    };
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    Ok(Document::parse(&text, DocumentKind::Managed).map_err(|error| format!("{name}: {error}"))?)
}

fn write(folder: &Path, files: &[KitFile]) -> Result<(), Box<dyn Error>> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    for file in files {
        let path = folder.join(&file.name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        }
        std::fs::write(&path, &file.text).map_err(|error| failed(&path, error))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}
