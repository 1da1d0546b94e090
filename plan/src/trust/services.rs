//! Services, EKS Pod Identity, Roles Anywhere.

use crossrole_iam::document::{Condition, OperatorName, Principals, Statement};

use super::{POD_IDENTITY, ROLES_ANYWHERE, Target, allow, condition, matching};
use crate::declaration::{PodIdentityTrust, RolesAnywhereTrust, ServicesTrust};
use crate::refusal::Refusal;

/// Source of the keys: IAM User Guide, "The confused deputy problem".
pub(super) fn render_services(
    trust: &ServicesTrust,
    target: Target<'_>,
    field: &str,
) -> Result<Vec<Statement>, Refusal> {
    for service in &trust.services {
        // AWS China's own suffix; everywhere else services have the common one.
        if service.ends_with(".amazonaws.com.cn") {
            target.check_partition(service, "aws-cn", format!("{field}.from.services"))?;
        }
    }
    let mut conditions = Vec::new();
    if !trust.source_accounts.is_empty() {
        conditions.push(source_account(&trust.source_accounts));
    }
    if !trust.source_arns.is_empty() {
        for arn in &trust.source_arns {
            target.check_partition(arn, arn.partition(), format!("{field}.require.sourceArns"))?;
        }
        conditions.push(condition(OperatorName::ArnLike, "aws:SourceArn", &trust.source_arns));
    }
    conditions.extend(trust.conditions.iter().cloned());
    Ok(vec![allow(
        Principals::services(&trust.services),
        &["sts:AssumeRole"],
        conditions,
    )])
}

/// EKS always sets tags.
///
/// Source: Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Grant Pods
/// access to AWS resources based on tags" for the tags.
pub(super) fn render_pods(
    trust: &PodIdentityTrust,
    target: Target<'_>,
    field: &str,
) -> Result<Vec<Statement>, Refusal> {
    for cluster in &trust.clusters {
        target.check_partition(
            cluster,
            cluster.partition(),
            format!("{field}.from.podIdentity.clusters"),
        )?;
    }
    let tag = |name: &str, value: &Option<String>| {
        value
            .as_ref()
            .map(|value| condition(OperatorName::StringEquals, format!("aws:RequestTag/{name}"), [value]))
    };
    let mut conditions = vec![
        source_account(&trust.accounts),
        condition(OperatorName::ArnEquals, "aws:SourceArn", &trust.clusters),
    ];
    conditions.extend(tag("kubernetes-namespace", &trust.namespace));
    conditions.extend(tag("kubernetes-service-account", &trust.service_account));
    Ok(together(
        POD_IDENTITY,
        &["sts:TagSession"],
        conditions,
        Vec::new(),
        &trust.conditions,
    ))
}

/// Roles Anywhere always sets tags and a source identity.
///
/// Source: IAM Roles Anywhere User Guide, "The IAM Roles Anywhere trust model".
pub(super) fn render_machines(
    trust: &RolesAnywhereTrust,
    target: Target<'_>,
    field: &str,
) -> Result<Vec<Statement>, Refusal> {
    for anchor in &trust.trust_anchors {
        target.check_partition(
            anchor,
            anchor.partition(),
            format!("{field}.from.rolesAnywhere.trustAnchors"),
        )?;
    }
    let mut conditions = vec![condition(
        OperatorName::ArnEquals,
        "aws:SourceArn",
        &trust.trust_anchors,
    )];
    if !trust.common_names.is_empty() {
        conditions.push(matching("aws:PrincipalTag/x509Subject/CN", &trust.common_names));
    }
    if !trust.source_identities.is_empty() {
        conditions.push(condition(
            OperatorName::StringLike,
            "sts:SourceIdentity",
            &trust.source_identities,
        ));
    }
    let mut of_the_session = Vec::new();
    if !trust.session_names.is_empty() {
        of_the_session.push(condition(
            OperatorName::StringLike,
            "sts:RoleSessionName",
            &trust.session_names,
        ));
    }
    let beside = ["sts:SetSourceIdentity", "sts:TagSession"];
    Ok(together(
        ROLES_ANYWHERE,
        &beside,
        conditions,
        of_the_session,
        &trust.conditions,
    ))
}

/// One statement for `sts:AssumeRole` and the actions that always come with it; two where something is asked of the
/// session, such as its name, which is in the request of `sts:AssumeRole` only.
fn together(
    service: &str,
    beside: &[&str],
    mut narrowed: Vec<Condition>,
    mut of_the_session: Vec<Condition>,
    raw: &[Condition],
) -> Vec<Statement> {
    for condition in raw {
        let key = condition.key.to_ascii_lowercase();
        let shared = ["sts:sourceidentity", "sts:transitivetagkeys"].contains(&key.as_str());
        if key.starts_with("sts:") && !shared {
            of_the_session.push(condition.clone());
        } else {
            narrowed.push(condition.clone());
        }
    }
    let principals = || Principals::services([service]);
    if of_the_session.is_empty() {
        let actions = [&["sts:AssumeRole"], beside].concat();
        return vec![allow(principals(), &actions, narrowed)];
    }
    let assume = [narrowed.clone(), of_the_session].concat();
    vec![
        allow(principals(), &["sts:AssumeRole"], assume),
        allow(principals(), beside, narrowed),
    ]
}

fn source_account(accounts: impl IntoIterator<Item = impl ToString>) -> Condition {
    condition(OperatorName::StringEquals, "aws:SourceAccount", accounts)
}
