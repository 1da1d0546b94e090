//! Who may have a role here, and where it may live.

use crossrole_api::Reason;

use super::Proposal;
use crate::refusal::Refusal;
use crate::select;

/// Names that others made, and that whole organisations depend on. Sources: AWS Organizations User Guide, "Accessing
/// member accounts"; AWS Control Tower User Guide, "How AWS Control Tower works with roles".
const PROTECTED_NAMES: [&str; 2] = ["OrganizationAccountAccessRole", "AWSControlTowerExecution"];

/// Paths that belong to AWS. Source: IAM User Guide, "Service-linked roles" and "IAM identifiers".
const PROTECTED_PATHS: [&str; 2] = ["/aws-service-role/", "/aws-reserved/"];

pub(super) fn namespace_is_allowed(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let namespace = &proposal.declaration.object.namespace;
    if select::chosen(&proposal.rules.namespaces, namespace, proposal.namespace_labels) {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::NamespaceNotAllowed,
        format!(
            "AccountClass {} does not allow namespace {namespace}: its owner can add it to spec.allowedNamespaces",
            proposal.rules.class
        ),
    ))
}

pub(super) fn path_is_below_role_path(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let allowed = proposal.rules.role_path_of(&proposal.declaration.object.namespace)?;
    if proposal.desired.path.as_str().starts_with(allowed.as_str()) {
        return Ok(());
    }
    Err(Refusal::of_field(
        Reason::PathNotAllowed,
        "spec.path",
        format!(
            "{} is not at or below {allowed}, the rolePath of AccountClass {}",
            proposal.desired.path, proposal.rules.class
        ),
    ))
}

pub(super) fn role_is_not_protected(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let name = &proposal.desired.name;
    let refuse = |what: &str| {
        Err(Refusal::of_field(
            Reason::ProtectedRole,
            "spec.roleName",
            format!("{name} is {what}, which crossrole never touches: choose another name"),
        ))
    };
    if PROTECTED_PATHS
        .iter()
        .any(|path| proposal.desired.path.as_str().starts_with(path))
    {
        return Err(Refusal::of_field(
            Reason::ProtectedRole,
            "spec.path",
            format!("{} belongs to AWS: choose another path", proposal.desired.path),
        ));
    }
    if PROTECTED_NAMES
        .iter()
        .any(|protected| protected.eq_ignore_ascii_case(name.as_str()))
    {
        return refuse("a role that the organisation itself depends on");
    }
    if proposal.rules.bootstrap.name.folded() == name.folded() {
        return refuse("the bootstrap role");
    }
    match proposal.hub_role {
        Some((account, hub)) if account == proposal.account.id.as_str() && hub.eq_ignore_ascii_case(name.as_str()) => {
            refuse("the role that the operator itself runs as")
        }
        _ => Ok(()),
    }
}
