//! What the class of an account does not allow, before any call of AWS. What is taken away is never asked for.

use std::collections::BTreeSet;

use crossrole_api::Reason;
use crossrole_api::class::OnViolation;
use crossrole_iam::RoleName;

use super::desired::Grant;
use super::grantee::{Grantee, Holder};
use super::rules::GrantRules;
use crate::account::Account;
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::select::{self, Labels};

/// What a grant asks for, and what it is judged by.
pub struct Request<'a> {
    /// The grant.
    pub grant: &'a Grant,
    /// The account.
    pub account: &'a Account,
    /// The rules of its class.
    pub rules: &'a Rules,
    /// The labels of the grant's namespace.
    pub namespace_labels: &'a Labels,
    /// The role that the operator itself runs as: its account's id, and its name.
    pub hub_role: Option<(&'a str, &'a str)>,
    /// Whether an object holds a role of this name in the account.
    pub is_made_here: &'a dyn Fn(&RoleName) -> bool,
    /// Whether any class has a bootstrap role or a grant role of this name: an account may have been of another class.
    pub is_entered_as: &'a dyn Fn(&RoleName) -> bool,
}

/// Whether the class allows a grant.
///
/// # Errors
/// The first thing that it does not allow.
pub fn judge(request: &Request<'_>) -> Result<(), Refusal> {
    let class = &request.rules.class;
    let Some(grants) = &request.rules.grants else {
        return Err(nobody_grants(class));
    };
    if !is_chosen(request, grants) {
        let namespace = &request.grant.object.namespace;
        return Err(Refusal::new(
            Reason::NamespaceNotAllowed,
            format!(
                "AccountClass {class} does not allow namespace {namespace} to grant: its owner can add it to spec.grants.allowedNamespaces"
            ),
        ));
    }
    let mut grantees = request.grant.grantees.iter();
    grantees.try_for_each(|grantee| judge_grantee(request, grants, grantee))
}

/// The class of an account has no grants.
pub fn nobody_grants(class: &str) -> Refusal {
    Refusal::of_field(
        Reason::GrantNotAllowed,
        "spec.account",
        format!(
            "AccountClass {class} has no spec.grants: nobody can grant in its accounts, nor take back what was granted there; \
             put spec.grants back (empty lists of groups and roles will do) until no grant is left"
        ),
    )
}

/// Of whom a refused grant is given to those that keep what they have: all of them, or where the class wants closed what it no
/// longer allows, those that it allows still.
pub fn keeping(request: &Request<'_>) -> BTreeSet<Holder> {
    let grantees = request.grant.grantees.iter();
    if request.rules.on_violation == OnViolation::Freeze {
        return grantees.map(Grantee::holder).collect();
    }
    let Some(grants) = request
        .rules
        .grants
        .as_ref()
        .filter(|grants| is_chosen(request, grants))
    else {
        return BTreeSet::new();
    };
    let allowed = grantees.filter(|grantee| judge_grantee(request, grants, grantee).is_ok());
    allowed.map(Grantee::holder).collect()
}

fn is_chosen(request: &Request<'_>, grants: &GrantRules) -> bool {
    let namespace = &request.grant.object.namespace;
    select::chosen(&grants.namespaces, namespace, request.namespace_labels)
}

fn judge_grantee(request: &Request<'_>, grants: &GrantRules, grantee: &Grantee) -> Result<(), Refusal> {
    is_never_given_anything(request, grantee)?;
    if grants.grantees.contains(grantee) {
        return Ok(());
    }
    let (class, list) = (&request.rules.class, list_of(grantee));
    Err(Refusal::of_field(
        Reason::GrantNotAllowed,
        format!("spec.to.{list}"),
        format!(
            "AccountClass {class} does not allow anything to be given to {grantee}: its owner can add it to spec.grants.{list}"
        ),
    ))
}

fn list_of(grantee: &Grantee) -> &'static str {
    match grantee {
        Grantee::Group(..) => "groups",
        Grantee::Role(..) => "roles",
    }
}

/// Whatever the class lists.
fn is_never_given_anything(request: &Request<'_>, grantee: &Grantee) -> Result<(), Refusal> {
    let Grantee::Role(_, name) = grantee else { return Ok(()) };
    let is_hub = request.hub_role.is_some_and(|(account, hub)| {
        account == request.account.id.as_str() && hub.eq_ignore_ascii_case(name.as_str())
    });
    let what = if is_hub {
        "the role that the operator itself runs as"
    } else if (request.is_entered_as)(name) {
        "a bootstrap role or a grant role of an AccountClass"
    } else if (request.is_made_here)(name) {
        "a role that crossrole makes"
    } else {
        return Ok(());
    };
    Err(Refusal::of_field(
        Reason::ProtectedRole,
        "spec.to.roles",
        format!("{name} is {what}, and is given nothing: take it out"),
    ))
}
