//! Reading roles: one alone, or all of an account.

use std::collections::HashMap;

use aws_sdk_iam::Client;
use aws_sdk_iam::operation::get_account_authorization_details::builders::GetAccountAuthorizationDetailsFluentBuilder;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AttachedPermissionsBoundary, EntityType, ManagedPolicyDetail, RoleDetail, RoleLastUsed, Tag};
use crossrole_api::names::{CLUSTER_TAG, OWNER_TAG};
use crossrole_iam::{Path, RoleName};
use crossrole_plan::observed::Dates;
use crossrole_plan::outcome::Failure;
use crossrole_plan::quota::Quotas;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use litemap::LiteMap;

use super::Action;
use super::account::Depth;
use super::answer::RoleAnswer;
use super::error::CallError;
use super::gate::Gate;
use super::places::Lanes;

/// Where calls go: an account's client, behind its gate.
#[derive(Clone, Copy)]
pub(super) struct Door<'a> {
    pub(super) iam: &'a Client,
    pub(super) gate: &'a Gate,
    /// How many long answers, of all accounts, are held at the same time.
    pub(super) long_answers: &'a Lanes,
}

/// So many roles are asked for in one page: the most that IAM gives.
const PAGE: i32 = 1000;

/// A role that reading all of an account finds.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one is held at a time, and most are whole")]
pub(super) enum Found {
    /// Below the path that was asked for: everything that a declaration can hold.
    Whole(RoleAnswer),
    /// Elsewhere, or not there yet when the roles below the path were listed: its ARN, and those of its tags that say whose
    /// it is.
    Elsewhere(String, LiteMap<String, String>),
    /// Listed only, with this ARN.
    Listed(String),
}

/// Asks for all pages of a list, and gives each to `$take`. A page ends the list when `IsTruncated` is false, not when it
/// is short or empty. The place that `$place` waits for is kept until its page was taken.
macro_rules! each_page {
    ($door:ident, $action:ident, $request:expr, $place:expr, |$page:ident| $take:expr) => {{
        let mut marker: Option<String> = None;
        loop {
            let request = $request.set_marker(marker.clone());
            let ($page, _place) = $door
                .gate
                .call_in(Action::$action, || $place, || request.clone().send())
                .await?;
            let more = $page.is_truncated();
            marker = $page.marker().map(str::to_string);
            $take;
            // A page that promises more and names no place to go on from would be asked for for ever.
            match (more, &marker) {
                (true, Some(_)) => {}
                (true, None) => {
                    let problem = "the list is cut off, and the answer does not say where it goes on";
                    break Err(CallError::new(Action::$action, Failure::Unexpected, problem));
                }
                (false, _) => break Ok(()),
            }
        }
    }};
}

/// Gathers all pages of a list.
macro_rules! pages {
    ($door:ident, $action:ident, $request:expr, $items:ident) => {{
        let mut found = Vec::new();
        each_page!($door, $action, $request, std::future::ready(()), |page| found
            .extend_from_slice(page.$items()))
        .map(|()| found)
    }};
}

pub(super) use {each_page, pages};

/// Reads what the account holds under a role's name; `None` where there is no such role.
pub(super) async fn role(door: Door<'_>, name: &RoleName, depth: Depth) -> Result<Option<RoleAnswer>, CallError> {
    let request = door.iam.get_role().role_name(name.as_str());
    let role = match door.gate.call(Action::GetRole, || request.clone().send()).await {
        Ok(answer) => answer.role,
        Err(error) if error.failure == Failure::RoleNotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let role = role.ok_or_else(|| CallError::empty(Action::GetRole, "role"))?;
    let (attached, inline, instance_profiles) =
        futures::try_join!(attached_policies(door, name), inline_policies(door, name), async {
            match depth {
                Depth::Declared => Ok(Vec::new()),
                Depth::Removal => instance_profiles(door, name).await,
            }
        })?;
    Ok(Some(RoleAnswer {
        arn: role.arn().to_string(),
        id: role.role_id().to_string(),
        dates: dates(Some(role.create_date()), role.role_last_used()),
        path: role.path().to_string(),
        trust: role.assume_role_policy_document().unwrap_or_default().to_string(),
        description: role.description().unwrap_or_default().to_string(),
        max_session: role.max_session_duration(),
        boundary: boundary(role.permissions_boundary()),
        tags: tags(role.tags()),
        attached,
        inline,
        instance_profiles,
    }))
}

/// Reads all roles of the account, and gives each to `take`, by its name in lower case, as IAM tells none apart by case:
/// those below `path` with everything that a declaration can hold, of the others little more than that they are there. A page
/// at a time: what is not kept of it takes no memory.
///
/// Neither call alone is complete. `ListRoles` tells description and session duration, and
/// `GetAccountAuthorizationDetails` boundary, tags, attached and inline policies. Sources: IAM API Reference, both
/// pages; at most 1,000 roles come in one page of either.
pub(super) async fn all_roles(
    door: Door<'_>,
    path: &Path,
    mut take: impl FnMut(String, Found),
) -> Result<(), CallError> {
    let mut listed: HashMap<String, Listed> = HashMap::new();
    let request = door.iam.list_roles().path_prefix(path.as_str()).max_items(PAGE);
    each_page!(
        door,
        ListRoles,
        request.clone(),
        door.long_answers.place(door.gate.is_slow()),
        |page| {
            listed.extend(page.roles.into_iter().map(|role| {
                let listed = Listed {
                    name: role.role_name.to_ascii_lowercase(),
                    arn: role.arn,
                    description: role.description,
                    max_session: role.max_session_duration,
                };
                (role.role_id, listed)
            }));
        }
    )?;
    let request = door.iam.get_account_authorization_details();
    let request = request.filter(EntityType::Role).max_items(PAGE);
    each_page!(
        door,
        GetAccountAuthorizationDetails,
        request.clone(),
        door.long_answers.place(door.gate.is_slow()),
        |page| {
            for role in page.role_detail_list() {
                let name = role.role_name().unwrap_or_default().to_ascii_lowercase();
                let listed = listed.remove(role.role_id().unwrap_or_default());
                let found = match listed {
                    Some(listed) => Found::Whole(of_details(role, listed)),
                    None => Found::Elsewhere(role.arn().unwrap_or_default().to_string(), own_tags(role.tags())),
                };
                take(name, found);
            }
        }
    )?;
    // They went before the second call, or came too late for it: nobody may take them for absent.
    for role in listed.into_values() {
        take(role.name, Found::Listed(role.arn));
    }
    Ok(())
}

/// What of a role `GetAccountAuthorizationDetails` does not tell.
struct Listed {
    name: String,
    arn: String,
    description: Option<String>,
    max_session: Option<i32>,
}

fn of_details(role: &RoleDetail, listed: Listed) -> RoleAnswer {
    let attached = role.attached_managed_policies().iter();
    let inline = role.role_policy_list().iter();
    RoleAnswer {
        arn: role.arn().unwrap_or_default().to_string(),
        id: role.role_id().unwrap_or_default().to_string(),
        dates: dates(role.create_date(), role.role_last_used()),
        path: role.path().unwrap_or_default().to_string(),
        trust: role.assume_role_policy_document().unwrap_or_default().to_string(),
        description: listed.description.unwrap_or_default(),
        max_session: listed.max_session,
        boundary: boundary(role.permissions_boundary()),
        tags: tags(role.tags()),
        attached: in_order(attached.map(|policy| policy.policy_arn().unwrap_or_default())),
        inline: by_name(inline.map(|policy| {
            let text = |text: Option<&str>| text.unwrap_or_default().to_string();
            (text(policy.policy_name()), text(policy.policy_document()))
        })),
        instance_profiles: Vec::new(),
    }
}

/// Reads the managed policies of the account that a request asks for.
pub(super) async fn policy_details(
    door: Door<'_>,
    request: &GetAccountAuthorizationDetailsFluentBuilder,
) -> Result<Vec<ManagedPolicyDetail>, CallError> {
    let request = request.clone().max_items(PAGE);
    pages!(door, GetAccountAuthorizationDetails, request.clone(), policies)
}

/// Reads an account's own quotas.
pub(super) async fn quotas(door: Door<'_>) -> Result<Quotas, CallError> {
    let answer = door
        .gate
        .call(Action::GetAccountSummary, || door.iam.get_account_summary().send())
        .await?;
    let summary = answer
        .summary_map()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str().to_string(), i64::from(*value)))
        .collect();
    Ok(Quotas::of_summary(&summary))
}

/// The days that IAM names: a role that is in use all day changes once a day.
pub(super) fn dates(created: Option<&DateTime>, last_used: Option<&RoleLastUsed>) -> Dates {
    let day = |time: &DateTime| {
        let time = Timestamp::from_second(time.secs()).ok()?;
        Some(time.to_zoned(TimeZone::UTC).date())
    };
    Dates {
        created: created.and_then(day),
        last_used: last_used.and_then(RoleLastUsed::last_used_date).and_then(day),
    }
}

fn boundary(boundary: Option<&AttachedPermissionsBoundary>) -> Option<String> {
    let arn = boundary?.permissions_boundary_arn()?;
    Some(arn.to_string())
}

pub(super) fn tags(tags: &[Tag]) -> LiteMap<String, String> {
    by_name(tags.iter().map(text))
}

/// Texts by their names, with no more room than they take: the answers of many roles are kept.
fn by_name(pairs: impl ExactSizeIterator<Item = (String, String)>) -> LiteMap<String, String> {
    let mut by_name = LiteMap::with_capacity(pairs.len());
    by_name.extend(pairs);
    by_name
}

/// Names in order, each once, with no more room than they take.
fn in_order<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Vec<String> {
    let mut in_order = Vec::with_capacity(names.len());
    in_order.extend(names.map(str::to_string));
    in_order.sort_unstable();
    in_order.dedup();
    in_order
}

/// The tags that say whose a role is. An account may hold thousands of roles that are nobody's of ours.
fn own_tags(tags: &[Tag]) -> LiteMap<String, String> {
    let says_whose = |tag: &&Tag| OWN_TAGS.iter().any(|own| tag.key().eq_ignore_ascii_case(own));
    tags.iter().filter(says_whose).map(text).collect()
}

const OWN_TAGS: [&str; 2] = [CLUSTER_TAG, OWNER_TAG];

fn text(tag: &Tag) -> (String, String) {
    (tag.key().to_string(), tag.value().to_string())
}

pub(super) async fn attached_policies(door: Door<'_>, name: &RoleName) -> Result<Vec<String>, CallError> {
    let request = door.iam.list_attached_role_policies().role_name(name.as_str());
    let policies = pages!(door, ListAttachedRolePolicies, request.clone(), attached_policies)?;
    let arns = policies.iter().map(|policy| policy.policy_arn().unwrap_or_default());
    Ok(in_order(arns))
}

pub(super) async fn inline_policies(door: Door<'_>, name: &RoleName) -> Result<LiteMap<String, String>, CallError> {
    let request = door.iam.list_role_policies().role_name(name.as_str());
    let names = pages!(door, ListRolePolicies, request.clone(), policy_names)?;
    let mut found = LiteMap::new();
    for policy in names {
        let request = door.iam.get_role_policy().role_name(name.as_str()).policy_name(&policy);
        let answer = match door.gate.call(Action::GetRolePolicy, || request.clone().send()).await {
            Ok(answer) => answer,
            // It was taken away since its name was read.
            Err(error) if matches!(error.failure, Failure::RoleNotFound | Failure::PolicyNotFound) => continue,
            Err(error) => return Err(error),
        };
        found.insert(policy, answer.policy_document);
    }
    Ok(found)
}

pub(super) async fn instance_profiles(door: Door<'_>, name: &RoleName) -> Result<Vec<String>, CallError> {
    let request = door.iam.list_instance_profiles_for_role().role_name(name.as_str());
    let profiles = pages!(door, ListInstanceProfilesForRole, request.clone(), instance_profiles)?;
    let names = profiles.iter().map(|profile| profile.instance_profile_name());
    Ok(in_order(names))
}
