//! `crossrole profiles`: profiles for the AWS CLI and links for the console, for those whom roles trust. It asks AWS nothing
//! and writes nothing.
//!
//! Whom a trust policy lets in with what is decided in [`crossrole_plan::profile`].

use std::collections::BTreeMap;
use std::error::Error;

use crossrole_iam::Partition;
use crossrole_plan::access::Place;
use crossrole_plan::profile::{Given, LeftOut, Profile, profiles};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::access_command::objects;
use crate::access_command::rows::{self, Question};
use crate::cli::ProfilesFlags;
use crate::output;
use crate::plan_command::OutputFormat;

/// Prints the profiles, and on standard error which roles are left out and why.
///
/// # Errors
/// Files or a cluster that cannot be read.
pub async fn run(flags: &ProfilesFlags) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let manifests = objects(&flags.objects).await?;
    for note in &manifests.notes {
        eprintln!("note: {}", output::plain(note));
    }
    // All rows of a role are needed: a Deny that speaks of others may speak of the caller too.
    let rows = rows::asked(&manifests, &flags.objects, Question::default(), now);
    let given = Given {
        mfa: flags.mfa_serial.is_some(),
        organization: flags.organization.clone(),
    };
    let mut named = Vec::new();
    let mut is_complete = true;
    for found in profiles(&rows, &flags.caller, &given, now) {
        match found {
            Ok(profile) => named.push(profile),
            Err(left) => {
                is_complete = false;
                eprintln!("{}", told(&left));
            }
        }
    }
    let named = sections(named);
    if named.is_empty() {
        let why = if is_complete {
            "no role lets"
        } else {
            "of no role it is sure that it lets"
        };
        eprintln!("no profile: {why} {} in", flags.caller);
    }
    let text = match flags.output {
        OutputFormat::Text => text(&named, flags),
        OutputFormat::Json => format!("{:#}\n", json(&named, flags)),
    };
    output::print(&text)?;
    Ok(())
}

/// A role that is left out, in a line.
fn told(LeftOut { place, who, why }: &LeftOut) -> String {
    let whom = who.as_ref().map_or_else(String::new, |who| format!(" for {who}"));
    output::plain(&format!("left out: {} in {}{whom}: {why}", place.object, place.account))
}

/// A profile, its name, and everybody for whom it is.
struct Section {
    name: String,
    profile: Profile,
    whom: Vec<String>,
}

/// Names the profiles: by account, namespace and object, which no two roles share. Of one role there can be several, where
/// it asks different things of different principals.
fn sections(profiles: Vec<Profile>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut numbers: BTreeMap<Place, usize> = BTreeMap::new();
    for profile in profiles {
        let settings = |one: &Profile| {
            let Profile {
                place,
                who: _,
                mfa,
                external_id,
                session_name,
                duration,
            } = one;
            (
                place.clone(),
                *mfa,
                external_id.clone(),
                session_name.clone(),
                *duration,
            )
        };
        let whom = profile.who.to_string();
        if let Some(same) = sections
            .iter_mut()
            .find(|one| settings(&one.profile) == settings(&profile))
        {
            same.whom.push(whom);
            continue;
        }
        let number = numbers.entry(profile.place.clone()).or_default();
        *number += 1;
        let place = &profile.place;
        let mut name = format!("{}/{}/{}", place.account, place.object.namespace, place.object.name);
        if *number > 1 {
            name.push_str(&format!("/{number}"));
        }
        sections.push(Section {
            name,
            profile,
            whom: vec![whom],
        });
    }
    sections
}

impl Section {
    /// The settings, in the words of the AWS CLI. Source: AWS CLI User Guide, "Using an IAM role in the AWS CLI".
    fn settings(&self, flags: &ProfilesFlags) -> Vec<(&'static str, String)> {
        let profile = &self.profile;
        let settings = [
            ("role_arn", Some(profile.place.role_arn.clone())),
            ("source_profile", Some(flags.source_profile.clone())),
            ("region", region(&profile.place.role_arn)),
            ("mfa_serial", flags.mfa_serial.clone().filter(|_| profile.mfa)),
            ("external_id", profile.external_id.clone()),
            ("role_session_name", profile.session_name.clone()),
            ("duration_seconds", Some(profile.duration.to_string())),
        ];
        settings
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }
}

/// The Region in which a role is assumed, for a partition whose STS no other partition's credentials get to: a profile takes none
/// from its `source_profile`, and without one the CLI calls the STS of `aws`. Source: AWS CLI User Guide, "Using an IAM role in
/// the AWS CLI".
fn region(role_arn: &str) -> Option<String> {
    let partition: Partition = role_arn.split(':').nth(1)?.parse().ok()?;
    (partition != Partition::Aws).then(|| partition.home_region().to_string())
}

fn text(sections: &[Section], flags: &ProfilesFlags) -> String {
    let blocks = sections.iter().map(|section| {
        let mut lines = vec![format!("# for {}", section.whom.join(", "))];
        lines.extend(section.profile.console_link().map(|link| format!("# console: {link}")));
        lines.push(format!("[profile {}]", section.name));
        let settings = section.settings(flags).into_iter();
        lines.extend(settings.map(|(name, value)| format!("{name} = {value}")));
        // A line that ended early would go on as configuration, and that can name a program to be run.
        lines.iter().map(|line| format!("{}\n", output::plain(line))).collect()
    });
    blocks.collect::<Vec<String>>().join("\n")
}

fn json(sections: &[Section], flags: &ProfilesFlags) -> Value {
    let all = sections.iter().map(|section| {
        let settings = section.settings(flags);
        let settings: Map<String, Value> = settings
            .into_iter()
            .map(|(name, value)| (name.into(), json!(value)))
            .collect();
        json!({
            "name": section.name,
            "for": section.whom,
            "console": section.profile.console_link(),
            "settings": settings,
        })
    });
    json!({"profiles": all.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests;
