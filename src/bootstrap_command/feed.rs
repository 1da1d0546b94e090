//! `crossrole bootstrap --events`: what sends CloudTrail's events about roles to one queue, in the form in which somebody
//! makes it.
//!
//! | module | holds |
//! |---|---|
//! | `cloudformation` | a template for the central account, and one for the others |
//! | `stack_set` | that other one, for the accounts of an organisation |
//! | `terraform` | the same as modules |
//!
//! What is in the documents is decided in [`crossrole_plan::kit::feed`].

mod cloudformation;
mod stack_set;
mod terraform;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::error::Error;

use crossrole_plan::kit::feed::{Center, Feed, iam_region};
use crossrole_plan::rules::Rules;
use kube::ResourceExt;
use serde_json::Value;

use super::accounts::{AccountsError, ClassAccounts};
use super::kit_file::{KitFile, commented, json_file};
use super::{Format, write};
use crate::aws::Action;
use crate::cli::BootstrapFlags;
use crate::manifests::Manifests;

/// Stands in a document where whoever makes it puts in the account's own id.
const HERE: &str = "ACCOUNT-ID-HERE";

/// What the resources say of themselves.
const ABOUT_SENDER: &str = "Assumed by EventBridge, which sends events about roles of crossrole to the central bus";
const ABOUT_USE: &str = "Roles of crossrole that somebody assumes, or is not let assume";
const ABOUT_CHANGE: &str = "Roles that somebody changes";
const ABOUT_ALL: &str = "Events about roles of crossrole, to its queue";

/// Reads the files, and writes what the feed needs into a folder.
pub(super) fn run(flags: &BootstrapFlags, manifests: &Manifests) -> Result<(), Box<dyn Error>> {
    let feed = feed(flags, manifests)?;
    let files = files(flags.format, &feed, &regions(&feed, &flags.feed.region))?;
    let folder = flags.output_dir.as_deref().ok_or("--events needs --output-dir")?;
    write(folder, &files)
}

fn feed(flags: &BootstrapFlags, manifests: &Manifests) -> Result<Feed, Box<dyn Error>> {
    let operator = flags.operator_role.clone();
    let names: Vec<String> = match &flags.class {
        Some(class) => vec![class.clone()],
        None => manifests.classes.iter().map(ResourceExt::name_any).collect(),
    };
    let mut classes: Vec<Rules> = Vec::new();
    let mut targets = BTreeMap::new();
    for name in &names {
        match ClassAccounts::of(manifests, name, &[]) {
            Ok(found) => {
                targets.extend(found.ids(operator.partition())?);
                classes.push(found.rules);
            }
            // Of several, one may have none yet.
            Err(AccountsError::NoAccounts { .. }) if flags.class.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if classes.is_empty() {
        return Err("there is no AccountClass with AWSAccounts in these files".into());
    }
    targets.retain(|_, name| flags.account.is_empty() || flags.account.contains(name));
    if let Some(missing) = flags
        .account
        .iter()
        .find(|name| !targets.values().any(|of| of == *name))
    {
        return Err(format!("AWSAccount {missing} is not in these files, or not of such a class, or Abandoned").into());
    }
    let center = Center {
        account: flags.feed.events_account.as_ref().unwrap_or(operator.account()).clone(),
        region: match &flags.feed.events_region {
            Some(region) => region.clone(),
            None => iam_region(operator.partition()).to_string(),
        },
        operator,
        organization: flags.organization.clone(),
        calls: Action::EVENT_CALLS,
    };
    Ok(Feed::new(center, &classes, targets)?)
}

/// The Regions to deploy to: the one of IAM comes first, for the role that sends is made there.
fn regions(feed: &Feed, enabled: &[String]) -> Vec<String> {
    let first = feed.iam_region();
    let mut regions: Vec<String> = enabled.iter().filter(|region| *region != first).cloned().collect();
    regions.sort();
    regions.dedup();
    regions.insert(0, first.to_string());
    regions
}

fn files(format: Format, feed: &Feed, regions: &[String]) -> Result<Vec<KitFile>, Box<dyn Error>> {
    let mut files = match format {
        Format::Cloudformation => vec![cloudformation::central(feed), cloudformation::account(feed, regions)],
        Format::Stackset => vec![cloudformation::central(feed), stack_set::file(feed, regions)],
        Format::Terraform => vec![terraform::central(feed), terraform::account(feed, regions)],
        Format::Cli | Format::Files => {
            return Err(
                "--events is printed as cloudformation, stackset or terraform: choose one with --format".into(),
            );
        }
    };
    files.push(json_file("events-operator-permissions", &feed.reader()));
    Ok(files)
}

/// The words at the top of a file, as comments.
fn header(feed: &Feed, what: &str, how: &str) -> String {
    commented(&format!(
        "{what}\nPrinted by `crossrole bootstrap --events`. Do not edit it: change the classes, the accounts or the flags, \
         and print it again.\n\n{how}\n\nThe operator runs with --event-queue-url={}, and its own role needs the policy in \
         events-operator-permissions.json.\n",
        feed.queue_url()
    ))
}

/// Which accounts hold roles, and which are only trusted: a line for each.
fn lists(feed: &Feed) -> String {
    let targets = feed.targets.iter().map(|(id, name)| format!("  {id}  {name}\n"));
    let trusted = feed.trusted.iter().map(|id| format!("  {id}\n"));
    let (targets, trusted): (String, String) = (targets.collect(), trusted.collect());
    let trusted = if trusted.is_empty() {
        String::new()
    } else {
        format!("\nAccounts that are trusted, and hold no roles:\n{trusted}")
    };
    let organizations: String = feed.organizations.iter().map(|id| format!("  {id}\n")).collect();
    let organizations = if organizations.is_empty() {
        organizations
    } else {
        format!(
            "\nOrganizations that are trusted as a whole. Their other accounts are not listed here: give those that are yours the \
             same, as accounts that hold no roles. Who comes from one without is told by an id alone, and not when denied:\n\
             {organizations}"
        )
    };
    format!("Accounts that hold roles:\n{targets}{trusted}{organizations}")
        .trim_end()
        .to_string()
}

/// JSON whose lines after the first begin so many spaces further in.
fn pretty(value: &Value, spaces: usize) -> String {
    super::kit_file::indented(&format!("{value:#}"), spaces)
}
