//! Services, EKS Pod Identity, Roles Anywhere.

use std::collections::BTreeSet;

use crossrole_api::trust::{PodIdentity, RolesAnywhere};
use crossrole_iam::{Arn, ArnError, Partition};

use super::values::list;
use super::{Entry, PodIdentityTrust, RolesAnywhereTrust, ServicesTrust, conditions, session};
use crate::refusal::Refusal;
use crate::substitute::problem_without_ours;
use crate::trust::{POD_IDENTITY, ROLES_ANYWHERE};

pub(super) fn parse_services(entry: &Entry<'_>) -> Result<ServicesTrust, Refusal> {
    let require = &entry.require;
    Ok(ServicesTrust {
        services: list(entry, "from.services", &entry.from.services, service)?,
        source_accounts: list(entry, "require.sourceAccounts", &require.source_accounts, str::parse)?,
        source_arns: list(
            entry,
            "require.sourceArns",
            &require.source_arns,
            |text| match problem_without_ours(text) {
                Some(problem) => Err(problem),
                None => text.parse().map_err(|error: ArnError| error.to_string()),
            },
        )?,
        conditions: conditions::parse(entry)?,
    })
}

fn service(text: &str) -> Result<String, String> {
    match text {
        POD_IDENTITY => {
            return Err(format!("{text} needs more than one action: write from.podIdentity"));
        }
        ROLES_ANYWHERE => {
            return Err(format!("{text} needs more than one action: write from.rolesAnywhere"));
        }
        _ => {}
    }
    let fits = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if text.contains('.') && text.split('.').all(fits) {
        Ok(text.to_string())
    } else {
        Err(format!(
            "{text:?} is not a service principal: write one such as ec2.amazonaws.com, without wildcards"
        ))
    }
}

pub(super) fn parse_pods(entry: &Entry<'_>, pods: &PodIdentity) -> Result<PodIdentityTrust, Refusal> {
    const CLUSTERS: &str = "from.podIdentity.clusters";
    if pods.clusters.is_empty() {
        return entry.refuse(
            CLUSTERS,
            "is empty: name the clusters, or every cluster of the account could hand the role to its pods",
        );
    }
    let clusters: BTreeSet<Arn> = list(entry, CLUSTERS, &pods.clusters, |text| {
        one_of(
            text,
            "eks",
            "cluster/",
            "the ARN of an EKS cluster, such as arn:aws:eks:eu-west-1:123456789012:cluster/name",
        )
    })?;
    let label = |field: &str, text: &Option<String>, most: usize, extra: &str| match text.as_deref() {
        Some(name)
            if !(1..=most).contains(&name.len())
                || !name.chars().all(|character| {
                    character.is_ascii_lowercase() || character.is_ascii_digit() || extra.contains(character)
                }) =>
        {
            entry.refuse(
                &format!("from.podIdentity.{field}"),
                format!("{name:?} is not a name that Kubernetes takes; patterns are not possible here"),
            )
        }
        name => Ok(name.map(str::to_string)),
    };
    Ok(PodIdentityTrust {
        accounts: clusters.iter().filter_map(Arn::account_id).collect(),
        clusters,
        namespace: label("namespace", &pods.namespace, 63, "-")?,
        service_account: label("serviceAccount", &pods.service_account, 253, "-.")?,
        conditions: conditions::parse(entry)?,
    })
}

pub(super) fn parse_machines(entry: &Entry<'_>, machines: &RolesAnywhere) -> Result<RolesAnywhereTrust, Refusal> {
    const ANCHORS: &str = "from.rolesAnywhere.trustAnchors";
    if machines.trust_anchors.is_empty() {
        return entry.refuse(
            ANCHORS,
            "is empty: name the trust anchors, or certificates of every anchor of the account would do",
        );
    }
    let trust = RolesAnywhereTrust {
        trust_anchors: list(entry, ANCHORS, &machines.trust_anchors, |text| {
            one_of(
                text,
                "rolesanywhere",
                "trust-anchor/",
                "the ARN of a trust anchor, such as arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
            )
        })?,
        common_names: list(
            entry,
            "from.rolesAnywhere.commonNames",
            &machines.common_names,
            |text| match text {
                "" => Err("a common name is empty; was a variable replaced by nothing?"),
                text if text.contains("${") => Err("a common name takes the wildcards * and ?, and no policy variable"),
                text if session::is_anything(text) => {
                    Err("\"*\" matches every certificate, so it requires nothing: leave the field out")
                }
                text => Ok(text.to_string()),
            },
        )?,
        source_identities: session::source_identities(entry)?,
        session_names: session::names(entry)?,
        conditions: conditions::parse(entry)?,
    };
    session::refuse_user_names(entry)?;
    Ok(trust)
}

/// The ARN of one thing of a service, in one Region of one account.
fn one_of(text: &str, service: &str, resource: &str, form: &str) -> Result<Arn, String> {
    let arn: Arn = text.parse().map_err(|error| format!("{error}"))?;
    let is_one = arn.partition().parse::<Partition>().is_ok()
        && arn.service() == service
        && !arn.region().is_empty()
        && arn.account_id().is_some()
        && arn
            .resource()
            .strip_prefix(resource)
            .is_some_and(|name| !name.is_empty() && !name.contains('/'));
    if is_one {
        Ok(arn)
    } else {
        Err(format!("{text:?} is not {form}"))
    }
}
