//! The actions of IAM.

mod account_details;
mod account_summary;
pub(crate) mod check;
mod groups;
mod instance_profiles;
mod lookup;
pub(crate) mod managed_policies;
mod policy_entities;
mod policy_tags;
mod policy_versions;
mod role_boundary;
mod role_policies;
pub(crate) mod role_tags;
pub(crate) mod roles;
mod service_linked_roles;
pub(crate) mod shapes;
pub(crate) mod users;

use crate::call::Call;
use crate::wire::error::{Answer, AwsError};

/// Carries out one action.
pub(crate) fn dispatch(action: &str, call: &mut Call<'_>) -> Answer {
    if call.caller.is_session_token() && call.caller.mfa_at.is_none() {
        // Keys of GetSessionToken may call IAM only if they were made with MFA.
        return Err(AwsError::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        ));
    }
    match action {
        "CreateRole" => roles::create_role(call),
        "GetRole" => roles::get_role(call),
        "ListRoles" => roles::list_roles(call),
        "UpdateRole" => roles::update_role(call),
        "UpdateRoleDescription" => roles::update_role_description(call),
        "UpdateAssumeRolePolicy" => roles::update_assume_role_policy(call),
        "DeleteRole" => roles::delete_role(call),
        "TagRole" => role_tags::tag_role(call),
        "UntagRole" => role_tags::untag_role(call),
        "ListRoleTags" => role_tags::list_role_tags(call),
        "PutRolePolicy" => role_policies::put_role_policy(call),
        "GetRolePolicy" => role_policies::get_role_policy(call),
        "DeleteRolePolicy" => role_policies::delete_role_policy(call),
        "ListRolePolicies" => role_policies::list_role_policies(call),
        "AttachRolePolicy" => role_policies::attach_role_policy(call),
        "DetachRolePolicy" => role_policies::detach_role_policy(call),
        "ListAttachedRolePolicies" => role_policies::list_attached_role_policies(call),
        "PutRolePermissionsBoundary" => role_boundary::put_role_permissions_boundary(call),
        "DeleteRolePermissionsBoundary" => role_boundary::delete_role_permissions_boundary(call),
        "CreateInstanceProfile" => instance_profiles::create_instance_profile(call),
        "DeleteInstanceProfile" => instance_profiles::delete_instance_profile(call),
        "GetInstanceProfile" => instance_profiles::get_instance_profile(call),
        "AddRoleToInstanceProfile" => instance_profiles::add_role_to_instance_profile(call),
        "RemoveRoleFromInstanceProfile" => instance_profiles::remove_role_from_instance_profile(call),
        "ListInstanceProfiles" => instance_profiles::list_instance_profiles(call),
        "ListInstanceProfilesForRole" => instance_profiles::list_instance_profiles_for_role(call),
        "CreatePolicy" => managed_policies::create_policy(call),
        "GetPolicy" => managed_policies::get_policy(call),
        "ListPolicies" => managed_policies::list_policies(call),
        "GetPolicyVersion" => policy_versions::get_policy_version(call),
        "ListPolicyVersions" => policy_versions::list_policy_versions(call),
        "CreatePolicyVersion" => policy_versions::create_policy_version(call),
        "SetDefaultPolicyVersion" => policy_versions::set_default_policy_version(call),
        "DeletePolicyVersion" => policy_versions::delete_policy_version(call),
        "TagPolicy" => policy_tags::tag_policy(call),
        "UntagPolicy" => policy_tags::untag_policy(call),
        "ListPolicyTags" => policy_tags::list_policy_tags(call),
        "ListEntitiesForPolicy" => policy_entities::list_entities_for_policy(call),
        "CreateServiceLinkedRole" => service_linked_roles::create_service_linked_role(call),
        "DeleteServiceLinkedRole" => service_linked_roles::delete_service_linked_role(call),
        "GetServiceLinkedRoleDeletionStatus" => service_linked_roles::get_service_linked_role_deletion_status(call),
        "CreateGroup" => groups::create_group(call),
        "GetGroup" => groups::get_group(call),
        "DeleteGroup" => groups::delete_group(call),
        "AddUserToGroup" => groups::add_user_to_group(call),
        "RemoveUserFromGroup" => groups::remove_user_from_group(call),
        "PutGroupPolicy" => groups::put_group_policy(call),
        "DeleteGroupPolicy" => groups::delete_group_policy(call),
        "AttachGroupPolicy" => groups::attach_group_policy(call),
        "DetachGroupPolicy" => groups::detach_group_policy(call),
        "ListAttachedGroupPolicies" => groups::list_attached_group_policies(call),
        "DeletePolicy" => managed_policies::delete_policy(call),
        "CreateUser" => users::create_user(call),
        "GetUser" => users::get_user(call),
        "DeleteUser" => users::delete_user(call),
        "CreateAccessKey" => users::create_access_key(call),
        "PutUserPolicy" => users::put_user_policy(call),
        "DeleteUserPolicy" => users::delete_user_policy(call),
        "AttachUserPolicy" => users::attach_user_policy(call),
        "DetachUserPolicy" => users::detach_user_policy(call),
        "GetAccountSummary" => account_summary::get_account_summary(call),
        "GetAccountAuthorizationDetails" => account_details::get_account_authorization_details(call),
        other => Err(AwsError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2010-05-08"),
        )),
    }
}
