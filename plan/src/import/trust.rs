//! Statements of a trust policy as entries of `spec.trust`, where those mean the same.
//!
//! An entry is a guess until it is rendered: it counts where what it becomes is, statement by statement, in the policy.
//! Statements of which no entry speaks stay as they are.

use std::collections::BTreeSet;

use crossrole_api::permissions::Permissions;
use crossrole_api::selector::{ConditionText, NamesOrSelector, StatementText};
use crossrole_api::trust::{
    Allow, From, IdentityCenter, Mfa, Oidc, PodIdentity, PrincipalKind, Require, RolesAnywhere, Saml, TrustEntry,
};
use crossrole_api::{CrossAccountRole, CrossAccountRoleSpec};
use crossrole_iam::document::{
    ActionElement, CanonicalStatement, Condition, Document, Effect, OperatorName, PrincipalElement, Principals,
    Qualifier, Statement,
};
use serde_json::{Map, Value, json};

use crate::access::{account_of, permission_set};
use crate::account::Account;
use crate::declaration::Declaration;
use crate::duration;
use crate::trust::{POD_IDENTITY, ROLES_ANYWHERE, is_known_everywhere, rendered};

/// The entries and the raw statements that together mean what a trust policy does.
pub(super) fn entries(document: &Document, account: &Account) -> (Vec<TrustEntry>, Vec<StatementText>) {
    let mut left: Vec<(CanonicalStatement, &Statement)> = Vec::new();
    for statement in &document.statements {
        let meaning = statement.canonical();
        if !left.iter().any(|(other, _)| *other == meaning) {
            left.push((meaning, statement));
        }
    }
    let mut entries = Vec::new();
    let assuming: Vec<&Statement> = left
        .iter()
        .map(|(_, statement)| *statement)
        .filter(|one| is_way_in(one))
        .collect();
    for statement in assuming {
        let meaning = statement.canonical();
        if !left.iter().any(|(other, _)| *other == meaning) {
            continue;
        }
        for guess in guesses(statement, &document.statements, account) {
            let Some(becomes) = becomes(&guess, account) else {
                continue;
            };
            let are_there = becomes.iter().all(|one| left.iter().any(|(other, _)| other == one));
            if are_there && becomes.contains(&meaning) {
                left.retain(|(other, _)| !becomes.contains(other));
                entries.push(guess);
                break;
            }
        }
    }
    let extra = left.iter().map(|(_, statement)| StatementText::new(text(statement)));
    (entries, extra.collect())
}

fn text(statement: &Statement) -> String {
    let document: Value = serde_json::from_str(&Document::new(vec![statement.clone()]).to_json()).unwrap_or_default();
    document["Statement"][0].to_string()
}

/// What an entry alone becomes; `None` where it cannot be declared.
fn becomes(entry: &TrustEntry, account: &Account) -> Option<BTreeSet<CanonicalStatement>> {
    let spec = CrossAccountRoleSpec {
        accounts: NamesOrSelector::default(),
        role_name: None,
        path: None,
        description: None,
        trust: vec![entry.clone()],
        extra_trust_statements: Vec::new(),
        max_session_duration: "1h".into(),
        permissions: None::<Permissions>,
        tags: Default::default(),
        permissions_boundary: None,
        validity: None,
        sessions: None,
        access: Default::default(),
        mode: Default::default(),
        suspend: false,
        adoption_policy: Default::default(),
        deletion_policy: Default::default(),
        notify: None,
    };
    let declaration = Declaration::parse(&CrossAccountRole::new("import", spec)).ok()?;
    let rendered = rendered(&declaration.trust, account.partition, &account.id).ok()?;
    Some(rendered.document.canonical().statements)
}

fn actions(statement: &Statement) -> BTreeSet<String> {
    match &statement.action {
        ActionElement::Action(patterns) => patterns.iter().map(|one| one.to_ascii_lowercase()).collect(),
        ActionElement::NotAction(_) => BTreeSet::new(),
    }
}

fn is_way_in(statement: &Statement) -> bool {
    let assumes = |action: &String| action.starts_with("sts:assumerole") && !action.contains(['*', '?']);
    statement.effect == Effect::Allow && actions(statement).iter().any(assumes)
}

/// Entries that may mean a statement and those beside it, the one that says most first.
fn guesses(statement: &Statement, all: &[Statement], account: &Account) -> Vec<TrustEntry> {
    let Some(base) = entry(statement, account) else {
        return Vec::new();
    };
    let beside = |action: &str| {
        let mut others = all.iter().filter(|other| {
            let only = BTreeSet::from([action.to_ascii_lowercase()]);
            other.effect == Effect::Allow
                && actions(other) == only
                && other.canonical().principal == statement.canonical().principal
        });
        others.next()
    };
    let tags: Vec<String> = all
        .iter()
        .filter(|other| actions(other) == BTreeSet::from(["sts:tagsession".to_string()]))
        .filter(|other| other.canonical().principal == statement.canonical().principal)
        .flat_map(|other| other.conditions.iter().find_map(tag_keys))
        .next()
        .unwrap_or_default();
    let tags = if tags.is_empty() {
        vec![Vec::new()]
    } else {
        vec![tags, Vec::new()]
    };
    let identities: &[bool] = if beside("sts:SetSourceIdentity").is_some() {
        &[true, false]
    } else {
        &[false]
    };
    let mut guesses = Vec::new();
    for session_tags in &tags {
        for source_identity in identities {
            let allow = Allow {
                session_tags: session_tags.clone(),
                source_identity: *source_identity,
            };
            guesses.push(TrustEntry {
                allow: (allow != Allow::default()).then(|| allow.into()),
                ..base.clone()
            });
        }
    }
    guesses
}

fn tag_keys(condition: &Condition) -> Option<Vec<String>> {
    let is_list = condition.operator.qualifier == Some(Qualifier::ForAllValues)
        && condition.operator.base == OperatorName::StringEquals
        && condition.is_about("aws:TagKeys");
    is_list.then(|| condition.values.clone())
}

/// The conditions that are not yet said by a field.
struct Rest(Vec<Condition>);

impl Rest {
    /// Takes out the condition of one of these plain operators on a key.
    fn take(&mut self, operators: &[OperatorName], key: &str) -> Vec<String> {
        let is_it = |one: &Condition| operators.iter().any(|name| one.operator == (*name).into()) && one.is_about(key);
        match self.0.iter().position(is_it) {
            Some(index) => self.0.remove(index).values,
            None => Vec::new(),
        }
    }

    fn take_one(&mut self, operators: &[OperatorName], key: &str) -> Option<String> {
        let is_one = |one: &Condition| one.is_about(key) && one.values.len() == 1;
        if self.0.iter().any(is_one) {
            self.take(operators, key).pop()
        } else {
            None
        }
    }

    fn block(self) -> Option<ConditionText> {
        if self.0.is_empty() {
            return None;
        }
        let mut operators: Map<String, Value> = Map::new();
        for condition in self.0 {
            let keys = operators
                .entry(condition.operator.to_string())
                .or_insert_with(|| json!({}));
            keys[condition.key] = json!(condition.values);
        }
        Some(ConditionText::new(Value::Object(operators).to_string()))
    }
}

const EQUALS: &[OperatorName] = &[OperatorName::StringEquals];
const LIKE: &[OperatorName] = &[OperatorName::StringLike];
const MATCHING: &[OperatorName] = &[OperatorName::StringEquals, OperatorName::StringLike];
const ARN: &[OperatorName] = &[OperatorName::ArnLike, OperatorName::ArnEquals];

/// The entry that a statement reads like.
fn entry(statement: &Statement, account: &Account) -> Option<TrustEntry> {
    let Some(PrincipalElement::Principal(principals)) = &statement.principal else {
        return None;
    };
    let mut rest = Rest(statement.conditions.clone());
    let mut require = Require {
        external_ids: rest.take(EQUALS, "sts:ExternalId"),
        source_cidrs: rest.take(&[OperatorName::IpAddress], "aws:SourceIp"),
        source_identity: rest.take(LIKE, "sts:SourceIdentity"),
        session_name: rest.take(LIKE, "sts:RoleSessionName"),
        organization: rest.take_one(EQUALS, "aws:PrincipalOrgID"),
        mfa: mfa(&mut rest),
        ..Require::default()
    };
    let from = from(principals, &mut rest, &mut require, account)?;
    require.conditions = rest.block();
    Some(TrustEntry {
        from,
        require: (require != Require::default()).then_some(require),
        allow: None,
    })
}

fn mfa(rest: &mut Rest) -> Option<Mfa> {
    let has = |rest: &Rest, key: &str| rest.0.iter().any(|one| one.is_about(key));
    if !has(rest, "aws:MultiFactorAuthPresent") || !has(rest, "aws:MultiFactorAuthAge") {
        return None;
    }
    rest.take(&[OperatorName::Bool], "aws:MultiFactorAuthPresent");
    let age = rest.take_one(&[OperatorName::NumericLessThan], "aws:MultiFactorAuthAge")?;
    Some(Mfa {
        max_age: duration::written(age.parse().ok()?),
    })
}

fn from(principals: &Principals, rest: &mut Rest, require: &mut Require, account: &Account) -> Option<From> {
    let others = [&principals.service, &principals.federated, &principals.canonical_user];
    let is_anyone = principals.anyone || principals.aws.iter().any(|one| one == "*");
    match (
        principals.aws.is_empty() && !is_anyone,
        others.map(|list| list.is_empty()),
    ) {
        (false, [true, true, true]) if is_anyone => anyone(rest, require, account),
        (false, [true, true, true]) => aws(&principals.aws, rest),
        (true, [false, true, true]) => services(&principals.service, rest, require),
        (true, [true, false, true]) => federated(&principals.federated, rest),
        // An entry speaks of one kind.
        _ => None,
    }
}

fn anyone(rest: &mut Rest, require: &mut Require, account: &Account) -> Option<From> {
    let patterns = rest.take(ARN, "aws:PrincipalArn");
    let users = format!("arn:{}:iam::*:user/*", account.partition);
    if patterns.is_empty() || (require.mfa.is_some() && patterns == [users]) {
        return Some(From {
            organization: Some(require.organization.take()?),
            ..From::default()
        });
    }
    Some(From {
        principal_patterns: patterns,
        ..From::default()
    })
}

fn aws(principals: &[String], rest: &mut Rest) -> Option<From> {
    let ids: Vec<String> = principals
        .iter()
        .filter_map(|one| account_of(one))
        .map(str::to_string)
        .collect();
    if ids.is_empty() {
        return Some(From {
            principals: principals.to_vec(),
            ..From::default()
        });
    }
    if ids.len() < principals.len() {
        return None;
    }
    let patterns = rest.take(ARN, "aws:PrincipalArn");
    let of_kind = |kind: &str| {
        let is_kind = |pattern: &String| pattern.splitn(6, ':').nth(5) == Some(&format!("{kind}/*"));
        let named: BTreeSet<&str> = patterns.iter().filter_map(|one| one.split(':').nth(4)).collect();
        patterns.iter().all(is_kind) && named == ids.iter().map(String::as_str).collect()
    };
    let sets: Option<BTreeSet<&str>> = patterns
        .iter()
        .map(|pattern| permission_set(pattern.splitn(6, ':').nth(5)?))
        .collect();
    let set = sets
        .filter(|sets| sets.len() == 1)
        .and_then(|sets| sets.first().map(ToString::to_string));
    let accounts = |kind| From {
        accounts: ids.clone(),
        kind,
        ..From::default()
    };
    Some(match (patterns.is_empty(), set, ids.as_slice()) {
        (true, ..) => accounts(None),
        _ if of_kind("user") => accounts(Some(PrincipalKind::Users)),
        _ if of_kind("role") => accounts(Some(PrincipalKind::Roles)),
        (false, Some(permission_set), [account]) => From {
            identity_center: Some(Box::new(IdentityCenter {
                account: account.clone(),
                permission_set,
            })),
            ..From::default()
        },
        _ => From {
            principal_patterns: patterns,
            ..From::default()
        },
    })
}

fn services(services: &[String], rest: &mut Rest, require: &mut Require) -> Option<From> {
    match services {
        [service] if service == POD_IDENTITY => {
            rest.take(EQUALS, "aws:SourceAccount");
            Some(From {
                pod_identity: Some(Box::new(PodIdentity {
                    clusters: rest.take(ARN, "aws:SourceArn"),
                    namespace: rest.take_one(EQUALS, "aws:RequestTag/kubernetes-namespace"),
                    service_account: rest.take_one(EQUALS, "aws:RequestTag/kubernetes-service-account"),
                })),
                ..From::default()
            })
        }
        [service] if service == ROLES_ANYWHERE => Some(From {
            roles_anywhere: Some(Box::new(RolesAnywhere {
                trust_anchors: rest.take(ARN, "aws:SourceArn"),
                common_names: rest.take(MATCHING, "aws:PrincipalTag/x509Subject/CN"),
            })),
            ..From::default()
        }),
        services => {
            require.source_accounts = rest.take(EQUALS, "aws:SourceAccount");
            require.source_arns = rest.take(ARN, "aws:SourceArn");
            Some(From {
                services: services.to_vec(),
                ..From::default()
            })
        }
    }
}

fn federated(providers: &[String], rest: &mut Rest) -> Option<From> {
    let [provider] = providers else { return None };
    if let Some((_, name)) = provider.split_once(":saml-provider/") {
        rest.take(EQUALS, "SAML:aud");
        return Some(From {
            saml: Some(Box::new(Saml { provider: name.into() })),
            ..From::default()
        });
    }
    let issuer = match provider.split_once(":oidc-provider/") {
        Some((_, issuer)) => issuer,
        None if is_known_everywhere(provider) => provider,
        None => return None,
    };
    Some(From {
        oidc: Some(Box::new(Oidc {
            issuer: issuer.to_string(),
            audiences: rest.take(EQUALS, &format!("{issuer}:aud")),
            subjects: rest.take(MATCHING, &format!("{issuer}:sub")),
        })),
        ..From::default()
    })
}
