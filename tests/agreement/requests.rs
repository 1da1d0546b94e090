//! The requests: scenarios of a few calls each, drawn by a seed from the kinds of requests that there are.

use super::asker::Service;

/// The account in which everything happens, and the one that the caller of `AssumeRole` is in.
pub const ACCOUNT: &str = "222222222222";
pub const HOME: &str = "111111111111";

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The root of the account.
    Root,
    /// A user of another account who may assume every role.
    Ada,
    /// The session that the scenario got last, if there is one.
    Session,
}

/// A kind of request. `%` in a parameter stands for the scenario's own prefix, `#` for one that nothing else has: what
/// comes of it concerns nobody.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub caller: Caller,
    pub service: Service,
    pub action: &'static str,
    parameters: &'static [(&'static str, &'static str)],
}

/// A request as it is sent.
#[derive(Debug)]
pub struct Request {
    pub kind: Kind,
    /// True if it is about something that no other request is about.
    pub apart: bool,
    pub parameters: Vec<(String, String)>,
}

/// A few requests about things that no other scenario has.
#[derive(Debug)]
pub struct Scenario {
    /// What all its names begin with.
    pub prefix: String,
    pub requests: Vec<Request>,
}

const fn iam(name: &'static str, action: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Kind {
    Kind {
        name,
        caller: Caller::Root,
        service: Service::Iam,
        action,
        parameters,
    }
}

const fn sts(
    name: &'static str,
    caller: Caller,
    action: &'static str,
    parameters: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind {
        name,
        caller,
        service: Service::Sts,
        action,
        parameters,
    }
}

const ROLE: (&str, &str) = ("RoleName", "%role");
const OTHER_CASE: (&str, &str) = ("RoleName", "%ROLE");
const NOBODY: (&str, &str) = ("RoleName", "%nobody");
const APART: (&str, &str) = ("RoleName", "#role");
const PATH: (&str, &str) = ("Path", "/%/");
const POLICY: (&str, &str) = ("PolicyArn", "arn:aws:iam::222222222222:policy/%/%policy");
const NO_POLICY: (&str, &str) = ("PolicyArn", "arn:aws:iam::222222222222:policy/%/%missing");
const AUDIT: (&str, &str) = ("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit");
const READ: (&str, &str) = ("PolicyName", "read");
const PROFILE: (&str, &str) = ("InstanceProfileName", "%profile");

const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
const KEYED: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":["sts:AssumeRole"],"Condition":{"StringEquals":{"sts:ExternalId":["secret"]}}}]}"#;
const CLOSED: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
const EC2: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;
const LISTED: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","arn:aws:iam::222222222222:root"]},"Action":["sts:AssumeRole","sts:TagSession"]}]}"#;
const WITH_RESOURCE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole","Resource":"*"}]}"#;
const WITHOUT_PRINCIPAL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}"#;
const WRONG_ACTION: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject"}]}"#;
const DEAD_PRINCIPAL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/nobody"},"Action":"sts:AssumeRole"}]}"#;
const WRONG_OPERATOR: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole","Condition":{"StringMatches":{"sts:ExternalId":"x"}}}]}"#;
const NO_STATEMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

const GET: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::%/*"}]}"#;
const LIST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::%"]}}"#;
const WITHOUT_RESOURCE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject"}]}"#;
const WITH_PRINCIPAL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":"*"}]}"#;
const BARE_ACTION: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"GetObject","Resource":"*"}]}"#;

/// What most scenarios begin with.
const MAKE_ROLE: [Kind; 4] = [
    iam(
        "make a role",
        "CreateRole",
        &[ROLE, PATH, ("AssumeRolePolicyDocument", OPEN)],
    ),
    iam(
        "make a role with an external id",
        "CreateRole",
        &[ROLE, PATH, ("AssumeRolePolicyDocument", KEYED)],
    ),
    iam(
        "make a role with all there is",
        "CreateRole",
        &[
            ROLE,
            PATH,
            ("AssumeRolePolicyDocument", LISTED),
            ("Description", "A role of a test"),
            ("MaxSessionDuration", "7200"),
            ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/boundary"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "red"),
        ],
    ),
    iam(
        "make a role of a service",
        "CreateRole",
        &[ROLE, PATH, ("AssumeRolePolicyDocument", EC2)],
    ),
];
/// What every scenario ends with.
const READS: [Kind; 2] = [
    iam("read a role", "GetRole", &[ROLE]),
    iam(
        "read the account's details",
        "GetAccountAuthorizationDetails",
        &[("Filter.member.1", "Role"), ("MaxItems", "1000")],
    ),
];
const MAKE_POLICY: Kind = iam(
    "make a policy",
    "CreatePolicy",
    &[("PolicyName", "%policy"), PATH, ("PolicyDocument", GET)],
);
const MAKE_PROFILE: Kind = iam("make an instance profile", "CreateInstanceProfile", &[PROFILE, PATH]);

/// What may come after it.
const KINDS: [Kind; 97] = [
    iam(
        "make a role again",
        "CreateRole",
        &[ROLE, PATH, ("AssumeRolePolicyDocument", OPEN)],
    ),
    iam(
        "make a role in another case",
        "CreateRole",
        &[OTHER_CASE, PATH, ("AssumeRolePolicyDocument", OPEN)],
    ),
    iam(
        "make a role with trust that is no JSON",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", "{")],
    ),
    iam(
        "make a role with a resource in its trust",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", WITH_RESOURCE)],
    ),
    iam(
        "make a role with trust in nobody",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", WITHOUT_PRINCIPAL)],
    ),
    iam(
        "make a role with an action of S3 in its trust",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", WRONG_ACTION)],
    ),
    iam(
        "make a role with trust in a user that is not there",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", DEAD_PRINCIPAL)],
    ),
    iam(
        "make a role with an operator that is none",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", WRONG_OPERATOR)],
    ),
    iam(
        "make a role with empty trust",
        "CreateRole",
        &[APART, ("AssumeRolePolicyDocument", NO_STATEMENT)],
    ),
    iam("make a role without trust", "CreateRole", &[APART]),
    iam(
        "make a role without a name",
        "CreateRole",
        &[("AssumeRolePolicyDocument", OPEN), ("Description", "#")],
    ),
    iam(
        "make a role with a slash in its name",
        "CreateRole",
        &[("RoleName", "#a/b"), ("AssumeRolePolicyDocument", OPEN)],
    ),
    iam(
        "make a role with a path that does not end",
        "CreateRole",
        &[APART, ("Path", "/x"), ("AssumeRolePolicyDocument", OPEN)],
    ),
    iam(
        "make a role with a session too short",
        "CreateRole",
        &[
            APART,
            ("MaxSessionDuration", "3599"),
            ("AssumeRolePolicyDocument", OPEN),
        ],
    ),
    iam(
        "make a role with a session too long",
        "CreateRole",
        &[
            APART,
            ("MaxSessionDuration", "43201"),
            ("AssumeRolePolicyDocument", OPEN),
        ],
    ),
    iam(
        "make a role with a tag twice",
        "CreateRole",
        &[
            APART,
            ("AssumeRolePolicyDocument", OPEN),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "a"),
            ("Tags.member.2.Key", "Team"),
            ("Tags.member.2.Value", "b"),
        ],
    ),
    iam(
        "make a role with a boundary that is not there",
        "CreateRole",
        &[
            APART,
            ("AssumeRolePolicyDocument", OPEN),
            ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/no-boundary"),
        ],
    ),
    iam(
        "make a role below the path of services",
        "CreateRole",
        &[
            APART,
            ("Path", "/aws-service-role/x/"),
            ("AssumeRolePolicyDocument", OPEN),
        ],
    ),
    iam("read a role in another case", "GetRole", &[OTHER_CASE]),
    iam("read a role that is not there", "GetRole", &[NOBODY]),
    iam("list roles", "ListRoles", &[("PathPrefix", "/%/")]),
    iam("list roles elsewhere", "ListRoles", &[("PathPrefix", "/%-elsewhere/")]),
    iam(
        "list one role",
        "ListRoles",
        &[("PathPrefix", "/%/"), ("MaxItems", "1")],
    ),
    iam("list no roles at all", "ListRoles", &[("MaxItems", "0")]),
    iam("describe a role", "UpdateRole", &[ROLE, ("Description", "changed")]),
    iam("take a description away", "UpdateRole", &[ROLE, ("Description", "")]),
    iam(
        "lengthen sessions",
        "UpdateRole",
        &[ROLE, ("MaxSessionDuration", "14400")],
    ),
    iam("change nothing of a role", "UpdateRole", &[ROLE]),
    iam(
        "shorten sessions too far",
        "UpdateRole",
        &[ROLE, ("MaxSessionDuration", "60")],
    ),
    iam(
        "change a role that is not there",
        "UpdateRole",
        &[NOBODY, ("Description", "x")],
    ),
    iam(
        "describe a role the old way",
        "UpdateRoleDescription",
        &[ROLE, ("Description", "the old way")],
    ),
    iam(
        "close trust",
        "UpdateAssumeRolePolicy",
        &[ROLE, ("PolicyDocument", CLOSED)],
    ),
    iam(
        "open trust",
        "UpdateAssumeRolePolicy",
        &[ROLE, ("PolicyDocument", LISTED)],
    ),
    iam(
        "ask for an external id",
        "UpdateAssumeRolePolicy",
        &[ROLE, ("PolicyDocument", KEYED)],
    ),
    iam(
        "put a resource into trust",
        "UpdateAssumeRolePolicy",
        &[ROLE, ("PolicyDocument", WITH_RESOURCE)],
    ),
    iam(
        "change trust of a role that is not there",
        "UpdateAssumeRolePolicy",
        &[NOBODY, ("PolicyDocument", OPEN)],
    ),
    iam(
        "tag a role",
        "TagRole",
        &[ROLE, ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")],
    ),
    iam(
        "tag a role in another case",
        "TagRole",
        &[ROLE, ("Tags.member.1.Key", "TEAM"), ("Tags.member.1.Value", "green")],
    ),
    iam(
        "tag a role with nothing",
        "TagRole",
        &[ROLE, ("Tags.member.1.Key", "empty"), ("Tags.member.1.Value", "")],
    ),
    iam(
        "tag a role for AWS",
        "TagRole",
        &[ROLE, ("Tags.member.1.Key", "aws:x"), ("Tags.member.1.Value", "v")],
    ),
    iam(
        "tag a role with a mark",
        "TagRole",
        &[ROLE, ("Tags.member.1.Key", "a!"), ("Tags.member.1.Value", "v")],
    ),
    iam(
        "tag a role that is not there",
        "TagRole",
        &[NOBODY, ("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")],
    ),
    iam("untag a role", "UntagRole", &[ROLE, ("TagKeys.member.1", "team")]),
    iam(
        "untag a role in another case",
        "UntagRole",
        &[ROLE, ("TagKeys.member.1", "Team")],
    ),
    iam(
        "untag what is not tagged",
        "UntagRole",
        &[ROLE, ("TagKeys.member.1", "nothing")],
    ),
    iam("list tags", "ListRoleTags", &[ROLE]),
    iam("list tags of a role that is not there", "ListRoleTags", &[NOBODY]),
    iam(
        "put an inline policy",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", GET)],
    ),
    iam(
        "replace an inline policy",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", LIST)],
    ),
    iam(
        "put an inline policy without a resource",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", WITHOUT_RESOURCE)],
    ),
    iam(
        "put an inline policy with a principal",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", WITH_PRINCIPAL)],
    ),
    iam(
        "put an inline policy with an action of nobody",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", BARE_ACTION)],
    ),
    iam(
        "put an inline policy that is no JSON",
        "PutRolePolicy",
        &[ROLE, READ, ("PolicyDocument", "[")],
    ),
    iam(
        "put an inline policy on a role that is not there",
        "PutRolePolicy",
        &[NOBODY, READ, ("PolicyDocument", GET)],
    ),
    iam("read an inline policy", "GetRolePolicy", &[ROLE, READ]),
    iam(
        "read an inline policy that is not there",
        "GetRolePolicy",
        &[ROLE, ("PolicyName", "nothing")],
    ),
    iam("delete an inline policy", "DeleteRolePolicy", &[ROLE, READ]),
    iam(
        "delete an inline policy that is not there",
        "DeleteRolePolicy",
        &[ROLE, ("PolicyName", "nothing")],
    ),
    iam("list inline policies", "ListRolePolicies", &[ROLE]),
    iam(
        "list inline policies of a role that is not there",
        "ListRolePolicies",
        &[NOBODY],
    ),
    iam("attach a policy of AWS", "AttachRolePolicy", &[ROLE, AUDIT]),
    iam("attach a policy", "AttachRolePolicy", &[ROLE, POLICY]),
    iam(
        "attach a policy that is not there",
        "AttachRolePolicy",
        &[ROLE, NO_POLICY],
    ),
    iam(
        "attach what is no ARN",
        "AttachRolePolicy",
        &[ROLE, ("PolicyArn", "SecurityAudit-without-ARN")],
    ),
    iam(
        "attach to a role that is not there",
        "AttachRolePolicy",
        &[NOBODY, AUDIT],
    ),
    iam("detach a policy of AWS", "DetachRolePolicy", &[ROLE, AUDIT]),
    iam("detach a policy", "DetachRolePolicy", &[ROLE, POLICY]),
    iam(
        "detach a policy that is not there",
        "DetachRolePolicy",
        &[ROLE, NO_POLICY],
    ),
    iam("list attached policies", "ListAttachedRolePolicies", &[ROLE]),
    iam(
        "bound a role",
        "PutRolePermissionsBoundary",
        &[
            ROLE,
            ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/boundary"),
        ],
    ),
    iam(
        "bound a role by a policy that is not there",
        "PutRolePermissionsBoundary",
        &[
            ROLE,
            ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/no-boundary"),
        ],
    ),
    iam("unbound a role", "DeleteRolePermissionsBoundary", &[ROLE]),
    iam(
        "put a role into a profile",
        "AddRoleToInstanceProfile",
        &[PROFILE, ROLE],
    ),
    iam(
        "take a role out of a profile",
        "RemoveRoleFromInstanceProfile",
        &[PROFILE, ROLE],
    ),
    iam("read a profile", "GetInstanceProfile", &[PROFILE]),
    iam(
        "read a profile that is not there",
        "GetInstanceProfile",
        &[("InstanceProfileName", "%missing")],
    ),
    iam("delete a profile", "DeleteInstanceProfile", &[PROFILE]),
    iam("list the profiles of a role", "ListInstanceProfilesForRole", &[ROLE]),
    iam(
        "make a policy again",
        "CreatePolicy",
        &[("PolicyName", "%policy"), PATH, ("PolicyDocument", GET)],
    ),
    iam(
        "make a policy without a resource",
        "CreatePolicy",
        &[("PolicyName", "#broken"), ("PolicyDocument", WITHOUT_RESOURCE)],
    ),
    iam("read a policy", "GetPolicy", &[POLICY]),
    iam("read a policy that is not there", "GetPolicy", &[NO_POLICY]),
    iam("read a version", "GetPolicyVersion", &[POLICY, ("VersionId", "v1")]),
    iam(
        "add a version",
        "CreatePolicyVersion",
        &[POLICY, ("PolicyDocument", LIST), ("SetAsDefault", "true")],
    ),
    iam("list versions", "ListPolicyVersions", &[POLICY]),
    iam(
        "set the first version in force",
        "SetDefaultPolicyVersion",
        &[POLICY, ("VersionId", "v1")],
    ),
    iam(
        "delete the first version",
        "DeletePolicyVersion",
        &[POLICY, ("VersionId", "v1")],
    ),
    iam("delete a policy", "DeletePolicy", &[POLICY]),
    iam("list whom a policy is attached to", "ListEntitiesForPolicy", &[POLICY]),
    iam("delete a role", "DeleteRole", &[ROLE]),
    iam("delete a role that is not there", "DeleteRole", &[NOBODY]),
    iam("do what nobody can", "CreateKingdom", &[ROLE]),
    sts(
        "assume a role",
        Caller::Ada,
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::222222222222:role/%/%role"),
            ("RoleSessionName", "ada"),
        ],
    ),
    sts(
        "assume a role with the external id",
        Caller::Ada,
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::222222222222:role/%/%role"),
            ("RoleSessionName", "ada"),
            ("ExternalId", "secret"),
        ],
    ),
    sts(
        "assume a role for too long",
        Caller::Ada,
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::222222222222:role/%/%role"),
            ("RoleSessionName", "ada"),
            ("ExternalId", "secret"),
            ("DurationSeconds", "43200"),
        ],
    ),
    sts(
        "assume a role that is not there",
        Caller::Ada,
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::222222222222:role/%/%nobody"),
            ("RoleSessionName", "ada"),
        ],
    ),
    sts("ask who a session is", Caller::Session, "GetCallerIdentity", &[]),
];

/// All scenarios of a seed.
pub fn scenarios(seed: u64, count: usize, length: usize) -> Vec<Scenario> {
    let mut random = Random(seed);
    // Each kind comes up in turn before any comes up again, so that none is left out.
    let mut deck: Vec<usize> = Vec::new();
    (0..count)
        .map(|number| {
            let prefix = format!("agree-{number:03}-");
            let mut kinds = vec![MAKE_ROLE[random.below(MAKE_ROLE.len())]];
            if random.below(2) == 0 {
                kinds.push(MAKE_POLICY);
            }
            if random.below(3) == 0 {
                kinds.push(MAKE_PROFILE);
            }
            while kinds.len() < length {
                if deck.is_empty() {
                    deck = (0..KINDS.len()).collect();
                    for last in (1..deck.len()).rev() {
                        deck.swap(last, random.below(last + 1));
                    }
                }
                kinds.extend(deck.pop().map(|at| KINDS[at]));
            }
            // In the end everything is looked at, so that no difference of state goes unseen.
            kinds.extend(READS);
            let request = |(at, kind): (usize, Kind)| Request {
                kind,
                apart: kind.parameters.iter().any(|(_, value)| value.contains('#')),
                parameters: kind
                    .parameters
                    .iter()
                    .map(|(name, value)| {
                        let value = value.replace('#', &format!("apart-{number}-{at}-"));
                        ((*name).to_owned(), value.replace('%', &prefix))
                    })
                    .collect(),
            };
            Scenario {
                requests: kinds.into_iter().enumerate().map(request).collect(),
                prefix,
            }
        })
        .collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % bound as u64).unwrap()
    }
}
