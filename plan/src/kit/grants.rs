//! What the grant role may do: write policies at the path of grants, and attach those to the groups and roles that the class
//! lists, each by its name. IAM has no condition on what a policy says, so whoever is the grant role can give those groups
//! and roles anything; and nobody else.

use crossrole_api::names::GRANT_POLICY_PATH;
use crossrole_iam::PrincipalArn;
use crossrole_iam::document::{Condition, Document, OperatorName, Statement};

use super::{Call, Right, THIS_ACCOUNT, allow, any_account, never, untouchable};
use crate::grant::{GrantRole, Grantee};
use crate::rules::Rules;

/// The grant role, and what it may do; `None` where the class has no grants.
pub(super) fn document(rules: &Rules, operator: &PrincipalArn, calls: &[Call]) -> Option<(GrantRole, Document)> {
    let grants = rules.grants.as_ref()?;
    let partition = operator.partition();
    let arn = |resource: &str| any_account(partition, resource);
    let listed = |wanted: fn(&Grantee) -> bool| -> Vec<String> {
        let grantees = grants.grantees.iter().filter(|grantee| wanted(grantee));
        grantees.map(|grantee| grantee.arn_text(partition, "*")).collect()
    };
    let (groups, roles) = (
        listed(|grantee| matches!(grantee, Grantee::Group(..))),
        listed(|grantee| matches!(grantee, Grantee::Role(..))),
    );
    let policies = vec![arn(&format!("policy{GRANT_POLICY_PATH}*"))];
    let of_grants = || {
        let ours = format!("arn:{partition}:iam::{THIS_ACCOUNT}:policy{GRANT_POLICY_PATH}*");
        vec![Condition::new(OperatorName::ArnLike, "iam:PolicyARN", [ours])]
    };
    let rows: [(&str, Right, Vec<String>, Vec<Condition>); 9] = [
        ("ListPolicies", Right::ListGrants, vec!["*".into()], Vec::new()),
        ("ReadGrantPolicies", Right::ReadGrants, policies.clone(), Vec::new()),
        // IAM judges a role that is not there as one without a path; and one at another path has an ARN that is not listed. Both
        // are to be seen for what they are, rather than as a right that is missing.
        ("ReadRoles", Right::ReadGrantee, vec![arn("role/*")], Vec::new()),
        ("WriteGrantPolicies", Right::WriteGrants, policies, Vec::new()),
        ("GiveToListedGroups", Right::GiveToGroup, groups, of_grants()),
        ("GiveToListedRoles", Right::GiveToRole, roles, of_grants()),
        (
            "TakeFromGroups",
            Right::TakeFromGroup,
            vec![arn("group/*")],
            of_grants(),
        ),
        ("TakeFromRoles", Right::TakeFromRole, vec![arn("role/*")], of_grants()),
        ("TakeFromUsers", Right::TakeFromUser, vec![arn("user/*")], of_grants()),
    ];
    // A class may list no group, or no role.
    let rows = rows.into_iter().filter(|(_, _, resources, _)| !resources.is_empty());
    let allowed =
        rows.filter_map(|(sid, right, resources, conditions)| allow(calls, sid, &[right], resources, conditions));
    let mut statements: Vec<Statement> = allowed.collect();
    statements.push(never_touch(rules, operator));
    Some((grants.role.clone(), Document::new(statements)))
}

/// Itself, the bootstrap role, the operator, the roles that crossrole makes, and what others depend on. None of it is
/// allowed above but to take a grant away; this holds whatever else is ever attached to the role.
fn never_touch(rules: &Rules, operator: &PrincipalArn) -> Statement {
    let made = any_account(operator.partition(), &format!("role{}", rules.roles_pattern()));
    let harmless = ["iam:Get*", "iam:List*", "iam:DetachRolePolicy"];
    never("NeverTouchTheseRoles", &harmless, untouchable(rules, operator, [made]))
}
