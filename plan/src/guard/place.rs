//! Who may have a role here, and where it may live.

use crossrole_api::Reason;

use super::Proposal;
use crate::refusal::Refusal;
use crate::rules::{Protected, protected_because};
use crate::select;

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
    // A role that is there elsewhere may be taken over, where the class names it; none is made there.
    if proposal.desired.below_role_path || proposal.desired.adopts {
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
            format!("{name} is {what}, which crossrole never touches: make an object with another roleName"),
        ))
    };
    match protected_because(&proposal.desired.path, name) {
        Some(Protected::Path) => {
            return Err(Refusal::of_field(
                Reason::ProtectedRole,
                "spec.path",
                format!("{} belongs to AWS: choose another path", proposal.desired.path),
            ));
        }
        Some(Protected::Name) => return refuse("a role that the organisation itself depends on"),
        None => {}
    }
    if proposal.rules.bootstrap.name.folded() == name.folded() {
        return refuse("the bootstrap role");
    }
    if proposal.rules.is_entered_as(name) {
        return refuse("the grant role");
    }
    match proposal.hub_role {
        Some((account, hub)) if account == proposal.account.id.as_str() && hub.eq_ignore_ascii_case(name.as_str()) => {
            refuse("the role that the operator itself runs as")
        }
        _ => Ok(()),
    }
}

/// Refuses new roles only: those that are there stay, and what is taken away makes room.
pub(super) fn namespace_has_room(proposal: &Proposal<'_>) -> Result<(), Refusal> {
    let (Some(most), Some(roles)) = (proposal.rules.max_roles, proposal.namespace_roles) else {
        return Ok(());
    };
    let held = roles(most);
    if held < most {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::TooManyRoles,
        format!(
            "namespace {} has {held} roles in accounts of AccountClass {}, and guardrails.maxRolesPerNamespace allows {most}",
            proposal.declaration.object.namespace, proposal.rules.class
        ),
    ))
}
