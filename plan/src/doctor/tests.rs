use crossrole_iam::document::DocumentKind;
use serde_json::{Value, json};

use super::*;
use crate::kit::{Order, Reader};
use crate::testing::{account as account_of_tests, class};

mod door;
mod grants;

const CALLS: &[Call] = &[
    call("sts:AssumeRole", Right::Enter),
    call("iam:GetRole", Right::ReadRole),
    call("iam:ListRolePolicies", Right::ReadRole),
    call("iam:ListRoles", Right::ReadAccount),
    call("iam:GetAccountSummary", Right::ReadAccount),
    call("iam:GetAccountAuthorizationDetails", Right::ReadAccount),
    call("iam:CreateRole", Right::Make),
    call("iam:PutRolePolicy", Right::Widen),
    call("iam:AttachRolePolicy", Right::Attach),
    call("iam:DetachRolePolicy", Right::Narrow),
    call("iam:DeleteRolePermissionsBoundary", Right::TakeBoundaryOff),
    call("iam:RemoveRoleFromInstanceProfile", Right::LeaveInstanceProfile),
];

const fn call(action: &'static str, right: Right) -> Call {
    Call { action, right }
}

const BOUNDARY: &str = "arn:aws:iam::222222222222:policy/crossrole-boundary";

/// The kit as the account has it, and what was read there, as JSON, so that a test can break one thing.
struct Setting {
    rules: Rules,
    kit: Kit,
    account: Account,
    trust: Value,
    permissions: Value,
    facts: Facts,
}

/// Of a role that has inline policies, which were not read, and nothing else.
fn rights() -> OwnRights {
    OwnRights {
        attached: Ok(BTreeSet::new()),
        boundary: Ok(None),
        ..OwnRights::not_read("not read")
    }
}

/// A document as the account gives it.
fn given(document: &Value, kind: DocumentKind) -> Read<Document> {
    let text = document.to_string().replace('%', "%25");
    Document::parse_encoded(&text, kind).map_err(|error| error.to_string())
}

fn setting(pod_identity: bool) -> Setting {
    let rules = Rules::parse(&class(
        "bootstrapRole: {name: crossrole-bootstrap}
guardrails:
  permissionsBoundary: crossrole-boundary
  managedPolicies: {aws: [SecurityAudit, job-function/*], account: [team/*], deny: [AdministratorAccess]}
adoption: {roles: ['/*']}
",
    ))
    .unwrap();
    let kit = |operator: &str| {
        let order = Order {
            operator: operator.parse().unwrap(),
            organization: None,
            pod_identity,
            discovery: Reader::Nobody,
        };
        Kit::new(&rules, order, CALLS, None).unwrap()
    };
    // What was applied knows the operator's path; who looks does not.
    let applied = kit("arn:aws:iam::111111111111:role/platform/crossrole-operator");
    let looking = kit(&format!(
        "arn:aws:iam::111111111111:role{PATH_NOT_KNOWN}crossrole-operator"
    ));
    let mut account = account_of_tests();
    account.external_id = Some("0123".parse().unwrap());
    let json = |document: &Document| serde_json::from_str(&document.to_json()).unwrap();
    Setting {
        trust: json(&applied.trust("0123")),
        permissions: json(&applied.permissions),
        facts: Facts {
            trust: Err("not read".to_string()),
            rights: rights(),
            policies: Ok(BTreeSet::from([BOUNDARY.to_string()])),
            tried: CALLS
                .iter()
                .filter(|call| !call.right.writes())
                .map(|call| (call.action, None))
                .collect(),
        },
        kit: looking,
        rules,
        account,
    }
}

impl Setting {
    fn findings(mut self, read: bool) -> Vec<Finding> {
        if read {
            self.facts.trust = given(&self.trust, DocumentKind::Trust);
            let permissions = given(&self.permissions, DocumentKind::Permission);
            self.facts.rights.inline = Ok(BTreeMap::from([("crossrole".to_string(), permissions)]));
        }
        let operator = Operator {
            account: "111111111111",
            name: "crossrole-operator",
        };
        examine(&self.facts, &self.rules, &self.kit, &self.account, operator, CALLS)
    }

    fn statement(&mut self, sid: &str) -> &mut Value {
        let mut statements = self.permissions["Statement"].as_array_mut().unwrap().iter_mut();
        statements.find(|statement| statement["Sid"] == sid).unwrap()
    }

    fn remove(&mut self, sid: &str) {
        let statements = self.permissions["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] != sid);
    }

    fn add(&mut self, statement: Value) {
        self.permissions["Statement"].as_array_mut().unwrap().push(statement);
    }
}

#[test]
fn an_account_with_the_kit_has_nothing_wrong() {
    assert_eq!(setting(false).findings(true), Vec::new());
    assert_eq!(setting(true).findings(true), Vec::new());
}

#[test]
fn a_right_on_everything_is_no_more_where_the_kit_has_all_of_its_kind_or_a_deny_takes_the_rest() {
    let mut setting = setting(false);
    // The class lets every role be taken over.
    setting.statement("NarrowRepairAndRemove")["Resource"] = json!("*");
    setting.statement("LeaveInstanceProfiles")["Resource"] = json!("*");
    setting.add(json!({"Effect": "Allow", "Action": "iam:DeleteRolePermissionsBoundary", "Resource": "*"}));
    assert_eq!(setting.findings(true), Vec::new());
}

type Break = fn(&mut Setting);

#[test]
fn each_broken_account_is_told_with_what_mends_it() {
    use Level::{Problem, Unknown, Warning};
    let table: &[(&str, Break, Level, &str, &str)] = &[
        (
            "no right to make roles",
            |s| s.remove("MakeOnlyWithinTheBoundary"),
            Problem,
            "may not iam:CreateRole on arn:aws:iam::222222222222:role/crossrole/*: nothing allows it",
            "allow iam:CreateRole",
        ),
        (
            "a right on other roles alone",
            |s| s.statement("NarrowRepairAndRemove")["Resource"] = json!("arn:aws:iam::*:role/other/*"),
            Problem,
            "may not iam:DetachRolePolicy on arn:aws:iam::222222222222:role/crossrole/*, arn:aws:iam::222222222222:role/*: it is allowed elsewhere only",
            "allow iam:DetachRolePolicy",
        ),
        (
            "a right in another account alone",
            |s| {
                s.statement("LeaveInstanceProfiles")["Resource"] = json!("arn:aws:iam::333333333333:instance-profile/*")
            },
            Problem,
            "may not iam:RemoveRoleFromInstanceProfile",
            "allow iam:RemoveRoleFromInstanceProfile",
        ),
        (
            "another boundary in the condition",
            |s| {
                s.statement("WidenOnlyWithinTheBoundary")["Condition"]["StringEquals"]["iam:PermissionsBoundary"] =
                    json!("arn:aws:iam::222222222222:policy/old")
            },
            Problem,
            "may not iam:PutRolePolicy",
            "allow iam:PutRolePolicy",
        ),
        (
            "a policy that may not be attached",
            |s| {
                s.statement("AttachOnlyWithinTheBoundary")["Condition"]["ArnLike"]["iam:PolicyARN"] =
                    json!("arn:aws:iam::aws:policy/SecurityAudit")
            },
            Problem,
            "may not iam:AttachRolePolicy",
            "allow iam:AttachRolePolicy",
        ),
        (
            "a right in office hours alone",
            |s| {
                s.statement("NarrowRepairAndRemove")["Condition"] =
                    json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
            },
            Problem,
            "it is allowed only where aws:SourceIp IpAddress 203.0.113.0/24",
            "allow iam:DetachRolePolicy",
        ),
        (
            "a Deny of its own",
            |s| s.add(json!({"Sid": "Frozen", "Effect": "Deny", "Action": "iam:Create*", "Resource": "*"})),
            Problem,
            "a Deny (Frozen) of the bootstrap role's own policies speaks of iam:CreateRole",
            "take that statement out",
        ),
        (
            "a Deny at times",
            |s| {
                s.add(json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}))
            },
            Unknown,
            "a Deny (without a Sid)",
            "take that statement out",
        ),
        (
            "widening without a boundary",
            |s| {
                s.statement("WidenOnlyWithinTheBoundary")
                    .as_object_mut()
                    .unwrap()
                    .remove("Condition");
            },
            Problem,
            "may iam:PutRolePolicy beyond what the class allows",
            "with the kit's conditions alone",
        ),
        (
            "any policy can be attached",
            |s| s.statement("AttachOnlyWithinTheBoundary")["Condition"]["ArnLike"]["iam:PolicyARN"] = json!("*"),
            Problem,
            "may iam:AttachRolePolicy beyond what the class allows",
            "with the kit's conditions alone",
        ),
        (
            "rights that nobody needs",
            |s| s.add(json!({"Effect": "Allow", "Action": ["iam:CreateUser", "s3:*"], "Resource": "*"})),
            Warning,
            "may do more than it ever needs: iam:CreateUser, s3:*",
            "what crossrole needs alone",
        ),
        (
            "a way on from the account",
            |s| s.add(json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})),
            Warning,
            "may do more than it ever needs: sts:AssumeRole",
            "what crossrole needs alone",
        ),
        (
            "roles are made anywhere",
            |s| s.statement("MakeOnlyWithinTheBoundary")["Resource"] = json!("*"),
            Problem,
            "may iam:CreateRole beyond what the class allows: it is allowed on *",
            "the kit's resources",
        ),
        (
            "a second right, on one role more",
            |s| {
                s.add(json!({"Effect": "Allow", "Action": "iam:DetachRolePolicy", "Resource": ["arn:aws:iam::*:role/crossrole/*", "arn:aws:iam::*:user/*"]}))
            },
            Problem,
            "may iam:DetachRolePolicy beyond what the class allows: it is allowed on arn:aws:iam::222222222222:user/*",
            "the kit's resources",
        ),
        (
            "a right on all but some",
            |s| {
                s.add(json!({"Effect": "Allow", "Action": "iam:PutRolePolicy", "NotResource": "arn:aws:iam::*:role/admin"}))
            },
            Problem,
            "may iam:PutRolePolicy beyond what the class allows: it is allowed on all but arn:aws:iam::*:role/admin",
            "the kit's resources",
        ),
        (
            "boundaries can be taken off",
            |s| {
                s.remove("NeverLoseTheBoundaryOrPassRoles");
                s.add(json!({"Effect": "Allow", "Action": "iam:DeleteRolePermissionsBoundary", "Resource": "arn:aws:iam::*:role/crossrole/*"}));
            },
            Problem,
            "may iam:DeleteRolePermissionsBoundary beyond what the class allows",
            "the kit's resources",
        ),
        (
            "no denial of itself",
            |s| s.remove("NeverTouchItselfOrTheBoundary"),
            Warning,
            "lacks denials of the kit: NeverTouchItselfOrTheBoundary",
            "put them back",
        ),
        (
            "a denial that forgets the boundary",
            |s| {
                s.statement("NeverTouchItselfOrTheBoundary")["Resource"] =
                    json!("arn:aws:iam::*:role/crossrole-bootstrap")
            },
            Warning,
            "lacks denials of the kit",
            "put them back",
        ),
        (
            "a policy that cannot be read",
            |s| s.permissions = json!({"Statement": "?"}),
            Unknown,
            "what the bootstrap role's policy crossrole allows",
            "write that policy anew",
        ),
        (
            "AdministratorAccess",
            |s| s.facts.rights.attached = Ok(BTreeSet::from(["arn:aws:iam::aws:policy/AdministratorAccess".into()])),
            Warning,
            "AdministratorAccess is attached",
            "detach it",
        ),
        (
            "another policy attached",
            |s| s.facts.rights.attached = Ok(BTreeSet::from([BOUNDARY.into()])),
            Unknown,
            "what the policies allow that are attached to the bootstrap role",
            "detach them",
        ),
        (
            "a boundary of its own",
            |s| s.facts.rights.boundary = Ok(Some("arn:aws:iam::222222222222:policy/c".into())),
            Unknown,
            "the bootstrap role's own boundary arn:aws:iam::222222222222:policy/c",
            "take it off",
        ),
        (
            "no boundary policy",
            |s| s.facts.policies = Ok(BTreeSet::new()),
            Problem,
            "the boundary policy arn:aws:iam::222222222222:policy/crossrole-boundary is not there",
            "make that policy",
        ),
        (
            "policies cannot be listed",
            |s| s.facts.policies = Err("AccessDenied".into()),
            Unknown,
            "whether the boundary policy",
            "allow iam:GetAccountAuthorizationDetails",
        ),
        (
            "roles cannot be read at once",
            |s| {
                s.facts.tried.insert("iam:ListRoles", Some("AccessDenied".into()));
            },
            Warning,
            "iam:ListRoles does not work, so each role is read alone",
            "allow iam:ListRoles",
        ),
        (
            "quotas cannot be read",
            |s| {
                s.facts
                    .tried
                    .insert("iam:GetAccountSummary", Some("AccessDenied".into()));
            },
            Warning,
            "IAM's default quotas are assumed",
            "allow iam:GetAccountSummary",
        ),
        (
            "roles cannot be read",
            |s| {
                s.facts.tried.insert("iam:GetRole", Some("AccessDenied".into()));
            },
            Problem,
            "iam:GetRole does not work, so roles cannot be read",
            "allow iam:GetRole",
        ),
        (
            "others are trusted",
            |s| s.trust["Statement"][0]["Principal"] = json!({"AWS": ["arn:aws:iam::111111111111:role/platform/crossrole-operator", "arn:aws:iam::999999999999:root"]}),
            Warning,
            "others than the operator's role may assume the bootstrap role: arn:aws:iam::999999999999:root",
            "name the operator's role alone",
        ),
        (
            "the whole account of the operator is trusted",
            |s| s.trust["Statement"][0]["Principal"] = json!({"AWS": "111111111111"}),
            Warning,
            "others than the operator's role may assume the bootstrap role: 111111111111",
            "name the operator's role alone",
        ),
        (
            "no external id is required",
            |s| {
                s.trust["Statement"][0].as_object_mut().unwrap().remove("Condition");
            },
            Warning,
            "requires no external id",
            "StringEquals on sts:ExternalId",
        ),
        (
            "no external id is presented",
            |s| s.account.external_id = None,
            Warning,
            "the AWSAccount has no externalId",
            "set spec.externalId",
        ),
    ];
    for (name, broken, level, what, fix) in table {
        let mut setting = setting(false);
        broken(&mut setting);
        let findings = setting.findings(true);
        let is_it = |finding: &&Finding| finding.what.contains(what) && finding.fix.contains(fix);
        let found = findings.iter().find(is_it);
        assert_eq!(
            found.map(|finding| finding.level),
            Some(*level),
            "{name}: {findings:#?}"
        );
    }
}

#[test]
fn without_tag_session_a_pod_does_not_get_in() {
    let mut setting = setting(true);
    setting.trust["Statement"].as_array_mut().unwrap().truncate(1);
    let findings = setting.findings(true);
    assert!(
        findings[0].what.contains("does not allow sts:TagSession"),
        "{findings:?}"
    );
    assert!(findings[0].fix.contains("--pod-identity"), "{findings:?}");
}

#[test]
fn what_could_not_be_read_is_not_known_and_no_problem() {
    let mut setting = setting(false);
    setting.facts.rights.attached = Err("AccessDenied".to_string());
    let levels: Vec<Level> = setting.findings(false).iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::Unknown; 3]);
}
