//! What holds of every statement, whatever it says.

use std::sync::LazyLock;

use crossrole_api::class::{RequireExternalId, RequireMfa};
use crossrole_iam::document::{Effect, PrincipalElement, Statement};
use crossrole_iam::pattern;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::request::{self, ANCHOR, Caller, Request};
use super::statement_pool::{ACTIONS, CONDITIONS, PRINCIPALS, statement};
use super::statements::LISTS;
use super::{Labels, Proposal, check};
use crate::account::Account;
use crate::declaration::Declaration;
use crate::desired::Desired;
use crate::refusal::Refusal;
use crate::rules::{Federation, Rules};
use crate::testing::{account, cases, declaration, desired, rules};

/// Statements that IAM takes; two conditions of one operator and key make none.
fn statements() -> impl Strategy<Value = Statement> {
    (
        subsequence(PRINCIPALS, 1..3),
        select(ACTIONS),
        subsequence(CONDITIONS, 0..5),
    )
        .prop_filter_map("IAM would refuse it", |(principals, action, conditions)| {
            statement(&principals, &[action], &conditions).ok()
        })
}

/// Classes that list some of what there is to list.
fn classes() -> impl Strategy<Value = Rules> {
    let requirements = (
        select(vec![RequireMfa::Users, RequireMfa::Never]),
        select(vec![
            RequireExternalId::ThirdParties,
            RequireExternalId::Always,
            RequireExternalId::Never,
        ]),
    );
    (prop::collection::vec(prop::bool::weighted(0.8), 7), requirements).prop_map(
        |(listed, (require_mfa, require_external_id))| {
            let mut some = LISTED.clone();
            some.require_mfa = require_mfa;
            some.require_external_id = require_external_id;
            for (number, listed) in listed.iter().enumerate() {
                if !listed {
                    clear(&mut some, number);
                }
            }
            some
        },
    )
}

fn clear(rules: &mut Rules, list: usize) {
    match list {
        0 => rules.trusted_accounts.clear(),
        1 => rules.organizations.clear(),
        2 => rules.services.clear(),
        3 => rules.federation.clear(),
        4 => rules.trust_anchors.clear(),
        5 => rules.session_tag_keys.clear(),
        _ => rules.third_parties.clear(),
    }
}

static LISTED: LazyLock<Rules> = LazyLock::new(|| rules(&[LISTS]).unwrap());
static DECLARATION: LazyLock<Declaration> = LazyLock::new(|| declaration(""));
static DESIRED: LazyLock<Desired> = LazyLock::new(|| desired(""));
static ACCOUNT: LazyLock<Account> = LazyLock::new(account);
static REQUESTS: LazyLock<Vec<Request>> = LazyLock::new(request::all);

fn judge(statements: Vec<Statement>, rules: &Rules) -> Result<(), Refusal> {
    let mut role = DESIRED.clone();
    role.trust_fields = (0..statements.len()).map(|index| format!("[{index}]")).collect();
    role.trust.statements = statements;
    check(&Proposal {
        declaration: &DECLARATION,
        desired: &role,
        account: &ACCOUNT,
        rules,
        namespace_labels: &Labels::new(),
        hub_role: None,
        namespace_roles: None,
    })
}

fn passes(statement: &Statement, rules: &Rules) -> bool {
    judge(vec![statement.clone()], rules).is_ok()
}

/// Why a request must not be admitted under these rules, in words of its own.
fn objection(request: &Request, rules: &Rules) -> Option<String> {
    let key = |key: &str| request.key(key).first().map(String::as_str);
    let lists = |account: &str| rules.trusted_accounts.iter().any(|id| id.as_str() == account);
    let is_assuming = request.action.starts_with("sts:AssumeRole");
    let foreign_tag = request.key("aws:tagkeys").iter().find(|tag| {
        !rules
            .session_tag_keys
            .iter()
            .any(|listed| pattern::matches_ignoring_case(listed, tag))
    });
    let fixed_tags = matches!(&request.caller, Caller::Service(name) if name.starts_with("pods.") || name.starts_with("rolesanywhere."));
    if request.action == "sts:TagSession" && foreign_tag.is_some() && !fixed_tags {
        return Some(format!("sets {foreign_tag:?}"));
    }
    match &request.caller {
        Caller::Signed { account, arn } => {
            let third_party = rules.third_parties.iter().any(|id| id.as_str() == *account);
            let member = key("aws:principalorgid").is_some_and(|id| rules.organizations.contains(id));
            let without_id = key("sts:externalid").is_none();
            let needs_id = match rules.require_external_id {
                RequireExternalId::Never => false,
                RequireExternalId::ThirdParties => third_party,
                RequireExternalId::Always => true,
            };
            if !(lists(account) || third_party || member) {
                Some("is a stranger".into())
            } else if is_assuming && needs_id && without_id {
                Some("has no external id".into())
            } else if is_assuming
                && rules.require_mfa == RequireMfa::Users
                && arn.contains(":user/")
                && key("aws:multifactorauthpresent") != Some("true")
            {
                Some("is a user without MFA".into())
            } else {
                None
            }
        }
        Caller::Service(service) if !rules.services.contains(*service) => Some("is an unlisted service".into()),
        Caller::Service("rolesanywhere.amazonaws.com") => {
            let listed = key("aws:sourcearn").is_some_and(|anchor| rules.trust_anchors.contains(anchor));
            (!listed).then(|| "comes from an unlisted anchor".into())
        }
        Caller::Service("pods.eks.amazonaws.com") => {
            let unknown = is_assuming && key("aws:sourceaccount").is_none();
            unknown.then(|| "acts for nobody knows which cluster".into())
        }
        Caller::Service(_) => None,
        Caller::Federated(provider) => {
            let listed = rules.federation.iter().any(|federation| match federation {
                Federation::Saml(names) => names
                    .iter()
                    .any(|name| provider.ends_with(&format!("saml-provider/{name}"))),
                Federation::Oidc {
                    issuer,
                    audiences,
                    subjects,
                } => {
                    provider.ends_with(&format!("oidc-provider/{issuer}"))
                        && key(&format!("{issuer}:aud")).is_some_and(|audience| audiences.contains(audience))
                        && key(&format!("{issuer}:sub"))
                            .is_some_and(|subject| subjects.iter().any(|listed| pattern::matches(listed, subject)))
                }
            });
            let for_nobody = request.action.ends_with("SAML") && key("saml:aud").is_none();
            (!listed || for_nobody)
                .then(|| "is an identity that the class does not list, or an assertion for nobody".into())
        }
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn whomever_a_passing_statement_admits_the_class_lists(statement in statements(), rules in classes()) {
        if passes(&statement, &rules) {
            for request in REQUESTS.iter() {
                if request.is_admitted_by(&statement) {
                    prop_assert_eq!(objection(request, &rules), None, "{:?}", request);
                }
            }
        }
    }

    #[test]
    fn a_further_condition_never_turns_what_passes_into_what_is_refused(statement in statements(), rules in classes(), dropped in any::<prop::sample::Index>()) {
        let mut fewer = statement.clone();
        if !fewer.conditions.is_empty() {
            fewer.conditions.remove(dropped.index(statement.conditions.len()));
        }
        prop_assert!(!passes(&fewer, &rules) || passes(&statement, &rules), "{:?}", judge(vec![statement], &rules));
    }

    #[test]
    fn everybody_is_judged_alike_wherever_it_stands(statement in statements(), rules in classes()) {
        let mut other = statement.clone();
        if let Some(PrincipalElement::Principal(principals)) = &mut other.principal
            && principals.anyone
        {
            principals.anyone = false;
            principals.aws.push("*".into());
        }
        prop_assert_eq!(judge(vec![statement], &rules), judge(vec![other], &rules));
    }

    #[test]
    fn a_principal_less_never_turns_what_passes_into_what_is_refused(statement in statements(), rules in classes()) {
        let mut fewer = statement.clone();
        if let Some(PrincipalElement::Principal(principals)) = &mut fewer.principal {
            principals.aws.pop();
            if !principals.is_empty() {
                prop_assert!(!passes(&statement, &rules) || passes(&fewer, &rules));
            }
        }
    }

    // To call an account a third party asks more of it, so that list alone is no allow list where external ids are asked
    // of third parties.
    #[test]
    fn a_longer_list_of_the_class_never_refuses_what_passed(statement in statements(), rules in classes(), list in 0_usize..7) {
        let mut fewer = rules.clone();
        clear(&mut fewer, list);
        if list < 6 || rules.require_external_id == RequireExternalId::Never {
            prop_assert!(!passes(&statement, &fewer) || passes(&statement, &rules));
        }
    }

    #[test]
    fn a_deny_beside_it_never_changes_what_is_said(statement in statements(), deny in statements(), rules in classes()) {
        let deny = Statement { effect: Effect::Deny, ..deny };
        prop_assert_eq!(judge(vec![statement.clone(), deny], &rules), judge(vec![statement], &rules));
    }
}

#[test]
fn the_properties_are_not_empty() {
    let admitted = |principal: (&str, &str), action: &str, conditions: &[(&str, &str, &str)]| {
        let statement = statement(&[principal], &[action], conditions).unwrap();
        assert!(passes(&statement, &LISTED), "{:?}", judge(vec![statement], &LISTED));
        REQUESTS
            .iter()
            .filter(|request| request.is_admitted_by(&statement))
            .count()
    };
    assert!(admitted(PRINCIPALS[2], "sts:AssumeRole", &[]) > 0);
    assert!(admitted(PRINCIPALS[0], "sts:AssumeRole", &[CONDITIONS[0], CONDITIONS[16]]) > 0);
    assert!(admitted(PRINCIPALS[5], "sts:AssumeRole", &[CONDITIONS[19]]) > 0);
    assert!(admitted(PRINCIPALS[8], "sts:AssumeRole", &[]) > 0);
    let anchored = [("ArnEquals", "aws:SourceArn", &*format!("{ANCHOR:?}"))];
    assert!(admitted(PRINCIPALS[11], "sts:AssumeRole", &anchored) > 0);
    assert!(
        admitted(
            PRINCIPALS[12],
            "sts:AssumeRoleWithWebIdentity",
            &[CONDITIONS[25], CONDITIONS[27]]
        ) > 0
    );
    assert!(admitted(PRINCIPALS[13], "sts:AssumeRoleWithSAML", &[CONDITIONS[35]]) > 0);
    assert!(admitted(PRINCIPALS[2], "sts:TagSession", &[CONDITIONS[31]]) > 0);
}
