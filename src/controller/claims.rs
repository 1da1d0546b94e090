//! The claims of objects on the names of roles.

use crossrole_api::CrossAccountRole;
use crossrole_iam::RoleName;
use crossrole_plan::claim::Claim;
use kube::ResourceExt;

use super::context::object_name;
use super::resolve::Request;
use super::work::Visit;
use super::{holding, looks, removals};

impl Visit<'_> {
    /// The other objects that could have a role of this name in this account.
    pub(super) fn claims(&self, role: &RoleName) -> Vec<Claim> {
        let (context, world) = (&self.job.context, &self.job.context.world());
        let objects = context.caches.index.of_role_name(&role.folded()).into_iter();
        let roles: Vec<_> = objects
            .filter_map(|object| context.caches.roles.get(&looks::reference(&object)))
            .collect();
        let roles = roles.iter().filter_map(|cached| cached.0.as_ref().ok());
        other_claims(&self.job.claim, role, roles, |other| {
            let request = Request {
                role: other,
                world,
                hub: Some(&context.aws.hub.identity),
                cluster_id: &context.cluster_id,
                predecessor: None,
                load: &|| removals::load(context, world, other),
                settled: &|_| true,
                rooms: &|_| 0,
                statusless: false,
                max_removals: context.settings.max_removals,
            };
            world.selection(other).contains(&self.task.account) && holding::may_have(&request, &self.task.account)
        })
    }
}

/// The claims of other objects on a role's name in an account, out of those that can have it there.
pub fn other_claims<'a>(
    ours: &Claim,
    role: &RoleName,
    all: impl Iterator<Item = &'a CrossAccountRole>,
    can_have_it: impl Fn(&CrossAccountRole) -> bool,
) -> Vec<Claim> {
    let claims = all
        .filter(|other| other.metadata.deletion_timestamp.is_none())
        .filter_map(|other| {
            let claim = claim(other);
            let name = other.spec.role_name.as_deref().unwrap_or(&claim.object.name);
            let same = name.eq_ignore_ascii_case(role.as_str()) && claim.object != ours.object;
            (same && can_have_it(other)).then_some(claim)
        });
    claims.collect()
}

/// An object's claim on the roles that it declares.
pub fn claim(role: &CrossAccountRole) -> Claim {
    Claim {
        created: role.creation_timestamp().map_or(i64::MAX, |time| time.0.as_second()),
        object: object_name(role),
    }
}
