//! What each target begins with: what the project's own tests and examples hold, read where it stands, and the recorded
//! answers of AWS where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Writes the seeds into the folder that `CROSSROLE_FUZZ_SEEDS` names; none where it names none, as when an input is tried
/// again.
///
/// # Panics
/// If they cannot be written.
pub fn plant(seeds: fn() -> Vec<String>) {
    let Some(folder) = std::env::var_os("CROSSROLE_FUZZ_SEEDS") else {
        return;
    };
    for (index, seed) in seeds().into_iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("seed-{index:04}")), seed).expect("the seeds' folder");
    }
}

/// Policy documents, statements and conditions.
pub fn documents() -> Vec<String> {
    let mut seeds = literals(&["iam/src/document", "plan/src/substitute"]);
    seeds.extend(read("examples/bootstrap", "json"));
    for file in ["policy-documents.json", "trust-examples.json"] {
        let text = fs::read_to_string(project().join("../shared/aws-recorded").join(file));
        let recorded: Value = text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or_default());
        for entry in recorded.as_array().into_iter().flatten() {
            let document = &entry["document"];
            seeds.push(document.as_str().map_or_else(|| document.to_string(), str::to_owned));
        }
    }
    seeds
}

/// Single texts, and pairs of patterns.
pub fn texts() -> Vec<String> {
    let single = literals(&["iam/src", "plan/src/rules", "plan/src/duration.rs"]);
    let pairs = single.iter().zip(single.iter().skip(1));
    let pairs: Vec<_> = pairs.map(|(first, second)| format!("{first}\n{second}")).collect();
    [single, pairs].concat()
}

/// Documents and pairs, of which a piece is to be repeated.
pub fn long() -> Vec<String> {
    let pieces = [(10, 90), (60, 100), (120, 5), (100, 60)];
    // Each takes long: one of sixteen.
    let all = documents().into_iter().chain(texts()).step_by(16);
    all.enumerate()
        .map(|(index, text)| {
            let (from, to): (u8, u8) = pieces[index % pieces.len()];
            format!("{}{}{text}", char::from(from), char::from(to))
        })
        .collect()
}

/// Roles, classes and accounts, as JSON.
pub fn declarations() -> Vec<String> {
    let mut seeds: Vec<_> = read("examples/quickstart", "yaml")
        .iter()
        .filter_map(|text| as_json(text))
        .collect();
    for spec in literals(&["plan/src"]) {
        let trust = if spec.lines().any(|line| line.starts_with("trust:")) {
            ""
        } else {
            "trust: [{from: {accounts: ['111111111111'], kind: Roles}}]"
        };
        seeds.extend(object(
            "CrossAccountRole",
            &format!("accounts: {{names: [prod]}}\n{trust}\n{spec}"),
        ));
    }
    seeds.retain(|seed| serde_json::from_str::<crossrole_api::CrossAccountRole>(seed).is_ok());
    seeds.push(class());
    seeds.push(account());
    seeds
}

/// A class that allows much.
pub fn class() -> String {
    let spec = "
bootstrapRole: {name: crossrole-bootstrap}
allowedNamespaces: {names: [security]}
guardrails:
  permissionsBoundary: None
  trust:
    accounts: ['111111111111']
    thirdParties: ['444444444444']
    organizations: [o-a1b2c3d4e5]
    services: [ec2.amazonaws.com, pods.eks.amazonaws.com, rolesanywhere.amazonaws.com]
    federation:
    - {issuer: token.actions.githubusercontent.com, audiences: [sts.amazonaws.com], subjects: ['repo:acme/*']}
    - {samlProviders: [okta]}
    requireMfa: Never
  maxSessionDuration: 12h
  managedPolicies: {aws: ['*'], account: ['*']}
  inlinePolicies: {denyActions: ['iam:*']}
  tagKeys: ['*']
  sessionTagKeys: ['*']
";
    object("AccountClass", spec).unwrap_or_default()
}

/// An account with a parameter.
pub fn account() -> String {
    object(
        "AWSAccount",
        "{accountId: '222222222222', class: audit, parameters: {bucket: logs}}",
    )
    .unwrap_or_default()
}

/// Calls, sign-ins and headers.
pub fn simulator() -> Vec<String> {
    let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut seeds: Vec<String> = CALLS.iter().map(|call| (*call).to_owned()).collect();
    seeds.extend(["iat", "exp"].map(|name| {
        let mut claims = json!({"iss": "https://idp.example.com", "aud": "sts.amazonaws.com", "sub": "a",
            "iat": 0, "exp": 99_999_999_999_u64, "https://aws.amazon.com/tags": {"principal_tags": {"team": ["a"]}}});
        claims[name] = json!(99_999_999_998_u64);
        format!("token {claims}")
    }));
    for document in documents().into_iter().filter(|text| text.contains("Statement")) {
        let document = coded(&document);
        let (role, again) = (
            "Action=CreateRole&RoleName=a&AssumeRolePolicyDocument",
            "root Action=GetRole&RoleName=a",
        );
        let policy = "root Action=PutRolePolicy&RoleName=role&PolicyName=p&PolicyDocument";
        let held = "iam Action=GetRolePolicy&RoleName=role&PolicyName=p\niam Action=GetAccountAuthorizationDetails";
        seeds.push(format!("iam {role}={document}\n{again}"));
        seeds.push(format!("{policy}={document}\n{held}\nsts Action=AssumeRole&RoleArn=arn:aws:iam::222222222222:role/role&RoleSessionName=ab"));
    }
    seeds
}

/// By hand: no test holds these as texts.
const CALLS: [&str; 12] = [
    "sts Action=GetCallerIdentity",
    "sts Action=GetSessionToken&DurationSeconds=900&SerialNumber=a&TokenCode=123456",
    "sts Action=AssumeRole&RoleArn=arn:aws:iam::222222222222:role/role&RoleSessionName=ab&Tags.member.1.Key=k&Tags.member.1.Value=v&TransitiveTagKeys.member.1=k&SourceIdentity=ann&PolicyArns.member.1.arn=arn:aws:iam::aws:policy/ReadOnlyAccess",
    "root Action=ListRoles&PathPrefix=/&MaxItems=1&Marker=AA61",
    "iam Action=TagRole&RoleName=role&Tags.member.1.Key=a%20b&Tags.member.1.Value=%26%3C\niam Action=ListRoleTags&RoleName=role",
    "iam Action=UpdateRole&RoleName=role&Description=%E2%82%AC%0D%0A&MaxSessionDuration=43200\niam Action=GetRole&RoleName=role",
    "root Action=CreatePolicy&PolicyName=p&PolicyDocument=%7B%7D\nroot Action=ListPolicies",
    "iam Action=AttachRolePolicy&RoleName=role&PolicyArn=arn:aws:iam::aws:policy/ReadOnlyAccess\niam Action=DeleteRole&RoleName=role",
    "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/iam/aws4_request, SignedHeaders=host\tAction=GetRole",
    "saml <Assertion IssueInstant='2026-11-22T10:00:00Z'><Issuer>https://okta.example.com</Issuer><NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">ann</NameID><SubjectConfirmationData NotOnOrAfter='2099-11-22T10:00:00Z' Recipient='https://signin.aws.amazon.com/saml'/><Audience>urn:amazon:webservices</Audience><Attribute Name='https://aws.amazon.com/SAML/Attributes/Role'><AttributeValue>arn:aws:iam::222222222222:role/role,arn:aws:iam::222222222222:saml-provider/okta</AttributeValue></Attribute><Attribute Name='https://aws.amazon.com/SAML/Attributes/RoleSessionName'><AttributeValue>ann</AttributeValue></Attribute></Assertion>",
    "saml <Assertion IssueInstant='99999999999'><Issuer>https://okta.example.com</Issuer><Audience>urn:amazon:webservices</Audience><Attribute Name='https://aws.amazon.com/SAML/Attributes/PrincipalTag:team'><AttributeValue>a</AttributeValue></Attribute></Assertion>",
    "2026-11-22T10:00:00.5+01:00",
];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a folder, or the file, whose names end so, in order.
fn read(place: &str, extension: &str) -> Vec<String> {
    fn walk(path: &Path, extension: &str, texts: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(path) else {
            if path.extension().is_some_and(|held| held == extension) {
                texts.extend(fs::read_to_string(path));
            }
            return;
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| walk(path, extension, texts));
    }
    let mut texts = Vec::new();
    walk(&project().join(place), extension, &mut texts);
    texts
}

/// The string literals of Rust sources: raw ones, and those that end on their line. Roughly: a seed may be anything.
fn literals(places: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for text in places.iter().flat_map(|place| read(place, "rs")) {
        let raw = text
            .split("r#\"")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("\"#")?.0.to_owned()));
        found.extend(raw);
        for line in text
            .lines()
            .filter(|line| !line.contains("r#\"") && !line.trim_start().starts_with("//"))
        {
            let line = line.replace("\\\"", "\u{1}");
            let plain = line.split('"').skip(1).step_by(2);
            found.extend(plain.map(|literal| {
                literal
                    .replace('\u{1}', "\"")
                    .replace("\\n", "\n")
                    .replace("{{", "{")
                    .replace("}}", "}")
            }));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn as_json(yaml: &str) -> Option<String> {
    serde_saphyr::from_str::<Value>(yaml)
        .ok()
        .map(|value| value.to_string())
}

fn object(kind: &str, spec: &str) -> Option<String> {
    let spec: Value = serde_saphyr::from_str(spec).ok()?;
    let metadata = json!({"name": "audit", "namespace": "security"});
    Some(json!({"apiVersion": "crossrole.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}).to_string())
}
