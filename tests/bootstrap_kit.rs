//! `crossrole bootstrap`: what it prints is what the tests run with, what others take for right, and what they make the
//! same bootstrap role of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/emulators.rs"]
mod emulators;
#[path = "support/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crossrole_testkit::Simulator;
use crossrole_testkit::scene::EXTERNAL_ID;
use crossrole_testkit::tools::workspace;
use emulators::{Emulator, Folder};
use python::{python_with, say, succeeded};
use serde_json::{Value, json};

const OPERATOR: &str = "arn:aws:iam::111111111111:role/crossrole-operator";
const HOME: &str = "111111111111";
const PROD: &str = "222222222222";

/// Runs the command with the flags that examples/bootstrap was printed with, and these.
fn bootstrap(format: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command.args([
        "bootstrap",
        "--format",
        format,
        "--operator-role",
        OPERATOR,
        "--pod-identity",
    ]);
    command.args(more).current_dir(workspace()).env_clear();
    command.output().unwrap()
}

/// A class of the examples, and where the documents are that are printed for it.
struct Class {
    name: &'static str,
    manifests: &'static str,
    documents: &'static str,
    accounts: &'static [&'static str],
    trust: &'static str,
    has_grants: bool,
}

const QUICKSTART: Class = Class {
    name: "standard",
    manifests: "examples/quickstart",
    documents: "examples/bootstrap",
    accounts: &[PROD, "333333333333"],
    trust: "trust-prod.json",
    has_grants: false,
};

const GRANTS: Class = Class {
    name: "identity",
    manifests: "examples/grants",
    documents: "examples/grants/bootstrap",
    accounts: &[HOME],
    trust: "trust-identity.json",
    has_grants: true,
};

impl Class {
    fn arguments<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let class = ["--class", self.name, "-f", self.manifests];
        class.iter().chain(more).copied().collect()
    }

    fn printed(&self, format: &str, more: &[&str]) -> String {
        String::from_utf8(succeeded(bootstrap(format, &self.arguments(more)))).unwrap()
    }

    fn document(&self, file: &str) -> Value {
        let path = workspace().join(self.documents).join(file);
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The roles of its kit, each with the file of its rights.
    fn roles(&self) -> Vec<(&'static str, &'static str)> {
        let mut roles = vec![("crossrole-bootstrap", "permissions.json")];
        if self.has_grants {
            roles.push(("crossrole-grants", "grant-permissions.json"));
        }
        roles
    }
}

/// The files of a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

/// Installed once, for all tests of this process.
fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let requirements = workspace().join("tests/bootstrap-kit-requirements.txt");
    PYTHON
        .get_or_init(|| python_with("bootstrap_kit", &requirements))
        .clone()
}

/// Runs tests/bootstrap_kit.py.
fn asked(python: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = emulators::command(python);
    command.arg(workspace().join("tests/bootstrap_kit.py"));
    command.args(arguments).current_dir(folder);
    String::from_utf8(succeeded(command.output().unwrap())).unwrap()
}

#[test]
fn the_example_files_are_what_it_prints() {
    for class in [QUICKSTART, GRANTS] {
        let folder = Folder::new(&format!("kit-files-{}", class.name));
        class.printed("files", &["--output-dir", &folder.0.display().to_string()]);
        let expected = files(&workspace().join(class.documents));
        assert_eq!(files(&folder.0), expected, "run make generate");
    }
}

#[test]
fn every_format_has_the_grant_role_of_a_class_with_grants() {
    let groups = "arn:aws:iam::*:group/SecAuditors";
    for format in ["cloudformation", "stackset", "terraform", "cli"] {
        let with = GRANTS.printed(format, &[]);
        assert!(
            with.contains("crossrole-grants") && with.contains(groups),
            "{format}: {with}"
        );
        let without = QUICKSTART.printed(format, &[]);
        assert!(!without.contains("crossrole-grants"), "{format}: {without}");
    }
}

#[test]
fn an_account_without_an_external_id_gets_a_new_one_in_both_places() {
    let manifests = fs::read_to_string(workspace().join("examples/quickstart/accounts.yaml")).unwrap();
    let folder = Folder::new("kit-ids");
    let path = folder.0.join("accounts.yaml");
    fs::write(&path, manifests.replace(&format!("externalId: {EXTERNAL_ID}"), "")).unwrap();
    let path = path.display().to_string();
    let ids = || -> Vec<String> {
        let class = "examples/quickstart/class.yaml";
        let output = bootstrap("cli", &["--class", "standard", "-f", class, &path]);
        let text = String::from_utf8(succeeded(output)).unwrap();
        let after = |mark: &str, end: char| -> Vec<String> {
            let found = text.split(mark).skip(1);
            found.map(|rest| rest.split(end).next().unwrap().to_owned()).collect()
        };
        let ids = after(") external_id='", '\'');
        assert_eq!(after("\"externalId\": \"", '"'), ids, "{text}");
        ids
    };
    let (first, second) = (ids(), ids());
    let mut all = [first, second].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4, "two accounts, twice: {all:?}");
    for id in all {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
    }
}

#[test]
fn what_cannot_be_printed_says_why_and_ends_with_one() {
    let other = "arn:aws-cn:iam::111111111111:role/o";
    for (arguments, expected) in [
        (
            vec!["--class", "gold", "-f", "examples/quickstart"],
            "there is no AccountClass gold",
        ),
        (
            QUICKSTART.arguments(&["--account", "nobody"]),
            "AWSAccount nobody is not in these files",
        ),
        (
            QUICKSTART.arguments(&["--boundary-document", "examples/bootstrap/trust-prod.json"]),
            "trust-prod.json: Statement[0]",
        ),
    ] {
        let output = bootstrap("cli", &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossrole"));
    command
        .args(["bootstrap", "--format", "cli", "--operator-role", other])
        .args(QUICKSTART.arguments(&[]));
    let said = String::from_utf8(command.current_dir(workspace()).output().unwrap().stderr).unwrap();
    assert!(said.contains("one operator serves one partition"), "{said}");
}

#[test]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
fn cfn_lint_has_nothing_to_say() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-lint");
    let mut names = Vec::new();
    for (name, class, format, more) in [
        ("one.yaml", QUICKSTART, "cloudformation", vec!["--account", "prod"]),
        (
            "all.yaml",
            QUICKSTART,
            "cloudformation",
            vec!["--organization", "o-a1b2c3d4e5"],
        ),
        ("set.yaml", QUICKSTART, "stackset", Vec::new()),
        (
            "no-boundary.yaml",
            QUICKSTART,
            "cloudformation",
            vec!["--boundary-exists"],
        ),
        ("grants.yaml", GRANTS, "cloudformation", Vec::new()),
        ("grants-set.yaml", GRANTS, "stackset", Vec::new()),
    ] {
        fs::write(folder.0.join(name), class.printed(format, &more)).unwrap();
        names.push(name);
    }
    let arguments: Vec<&str> = std::iter::once("lint").chain(names).collect();
    assert_eq!(asked(&python, &folder.0, &arguments), "");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
async fn a_stack_of_the_template_is_the_role_that_the_tests_run_with() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-stack");
    for (name, class, more) in [
        ("one.yaml", QUICKSTART, vec!["--account", "prod"]),
        ("all.yaml", QUICKSTART, Vec::new()),
        ("grants.yaml", GRANTS, Vec::new()),
    ] {
        fs::write(folder.0.join(name), class.printed("cloudformation", &more)).unwrap();
    }
    let moto = Emulator::moto(&python, &folder.0).await;
    let made = |file: &str, more: &[&str]| -> Value {
        let arguments: Vec<&str> = ["stack", file, &moto.endpoint].iter().chain(more).copied().collect();
        serde_json::from_str(&asked(&python, &folder.0, &arguments)).unwrap()
    };
    let roles = |class: &Class| -> Value {
        let role = |(name, rights): (&str, &str)| {
            let inline = json!({"crossrole": class.document(rights)});
            (
                name.to_owned(),
                json!({"path": "/", "trust": class.document(class.trust), "inline": inline}),
            )
        };
        class.roles().into_iter().map(role).collect()
    };
    let boundary = |class: &Class, account: &str| {
        let arn = format!("arn:aws:iam::{account}:policy/crossrole-boundary");
        json!({arn: class.document("boundary.json")})
    };
    let one = made("one.yaml", &[PROD]);
    assert_eq!(one["roles"], roles(&QUICKSTART));
    assert_eq!(one["policies"], boundary(&QUICKSTART, PROD));
    // The roles that crossrole made name the boundary, whoever takes the stack away.
    assert_eq!(one["left"], json!({"roles": {}, "policies": one["policies"]}));
    // Of several accounts, each must say which external id is its own.
    let other = made("all.yaml", &["333333333333", EXTERNAL_ID]);
    assert_eq!(other["roles"], roles(&QUICKSTART));
    assert_eq!(made("all.yaml", &["555555555555"])["roles"], json!({}));
    let grants = made("grants.yaml", &[HOME]);
    assert_eq!(grants["roles"], roles(&GRANTS));
    assert_eq!(grants["policies"], boundary(&GRANTS, HOME));
}

#[test]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
fn the_terraform_module_holds_the_same_documents() {
    let Some(python) = python() else { return };
    for class in [QUICKSTART, GRANTS] {
        let folder = Folder::new(&format!("kit-module-{}", class.name));
        let file = folder.0.join("main.tf");
        fs::write(&file, class.printed("terraform", &[])).unwrap();
        let parsed: Value = serde_json::from_str(&asked(&python, &folder.0, &["module", "main.tf"])).unwrap();
        let ids: BTreeMap<&str, &str> = class.accounts.iter().map(|account| (*account, EXTERNAL_ID)).collect();
        assert_eq!(parsed["external_ids"], json!(ids));
        let mut trust = class.document(class.trust);
        trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] =
            json!("${local.external_ids[data.aws_caller_identity.current.account_id]}");
        for (name, rights) in class.roles() {
            let resource = name.trim_start_matches("crossrole-");
            let role = &parsed[format!("aws_iam_role.{resource}")];
            assert_eq!((&role["name"], &role["assume_role_policy"]), (&json!(name), &trust));
            let policy = &parsed[format!("aws_iam_role_policy.{resource}")];
            assert_eq!(policy["policy"], class.document(rights), "{name}");
        }
        assert_eq!(
            parsed["aws_iam_policy.boundary"]["policy"],
            class.document("boundary.json")
        );
        match Command::new("terraform")
            .args(["fmt", "-check", "-diff"])
            .arg(&file)
            .output()
        {
            Ok(output) => {
                drop(succeeded(output));
                terraform_takes(&folder.0);
            }
            Err(_) => say(
                "bootstrap_kit",
                "SKIPPED: terraform is missing, so it was not asked about the module",
            ),
        }
    }
}

/// Has terraform validate a module, with the provider's own schema and without any network.
fn terraform_takes(module: &Path) {
    let Some(plugins) = std::env::var_os("CROSSROLE_TERRAFORM_PLUGINS") else {
        say(
            "bootstrap_kit",
            "SKIPPED: CROSSROLE_TERRAFORM_PLUGINS names no folder with hashicorp/aws (terraform providers mirror makes one), \
             so terraform did not validate the module",
        );
        return;
    };
    let terraform = |arguments: &[&OsStr]| {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(module);
        succeeded(command.output().unwrap())
    };
    let mut plugin_dir = OsString::from("-plugin-dir=");
    plugin_dir.push(plugins);
    terraform(&["init".as_ref(), "-input=false".as_ref(), &plugin_dir]);
    terraform(&["validate".as_ref()]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs cfn-lint, moto and the AWS CLI: make kit"]
async fn the_script_makes_the_role_and_repairs_it_when_it_is_run_again() {
    let Some(python) = python() else { return };
    let folder = Folder::new("kit-script");
    for class in [QUICKSTART, GRANTS] {
        fs::write(folder.0.join(class.name), class.printed("cli", &[])).unwrap();
    }
    let aws = folder.0.join("aws");
    fs::write(
        &aws,
        format!("#!/bin/sh\nexec '{}' -m awscli \"$@\"\n", python.display()),
    )
    .unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let simulator = Simulator::start().await.unwrap();
    for account in [HOME, PROD, "999999999999"] {
        simulator.create_account(account, None).await.unwrap();
    }
    // Its trust policy names the operator's role.
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let operator = json!({"name": "crossrole-operator", "trust": trust});
    simulator.create_role(HOME, operator).await.unwrap();
    let run_of = async |class: &Class, account: &str| -> Output {
        let keys = simulator.root_keys(account).await.unwrap();
        let mut command = emulators::command(Path::new("/bin/sh"));
        let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
        command.arg(class.name).current_dir(&folder.0).env("PATH", path);
        command
            .env("AWS_ENDPOINT_URL", &simulator.endpoint)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    };
    let run = async |account: &str| run_of(&QUICKSTART, account).await;
    let expect = async |class: &Class| {
        for (name, rights) in class.roles() {
            let role = simulator.role(class.accounts[0], name).await.unwrap().unwrap();
            assert_eq!(role.trust, class.document(class.trust), "{name}");
            let inline = BTreeMap::from([("crossrole".to_owned(), class.document(rights))]);
            assert_eq!(role.inline, inline, "{name}");
        }
    };
    let said = String::from_utf8(succeeded(run(PROD).await)).unwrap();
    assert!(said.contains("made the policy crossrole-boundary"), "{said}");
    expect(&QUICKSTART).await;
    let edits = json!({"trust": trust, "inline": {"crossrole": null}});
    simulator.edit_role(PROD, "crossrole-bootstrap", edits).await.unwrap();
    let said = String::from_utf8(succeeded(run(PROD).await)).unwrap();
    assert!(said.contains("is there, and stays as it is"), "{said}");
    expect(&QUICKSTART).await;
    // A class with a grant role.
    for _ in ["made", "there"] {
        succeeded(run_of(&GRANTS, HOME).await);
        expect(&GRANTS).await;
    }
    // An account of which it knows no external id, and one that says no.
    let other = run("999999999999").await;
    assert_eq!(other.status.code(), Some(1));
    assert!(
        String::from_utf8(other.stderr)
            .unwrap()
            .contains("is none of AccountClass standard")
    );
    assert_eq!(simulator.roles("999999999999").await.unwrap().len(), 0);
    simulator.deny_account(PROD).await.unwrap();
    let denied = run(PROD).await;
    let said = String::from_utf8(denied.stderr).unwrap();
    assert!(!denied.status.success() && said.contains("AccessDenied"), "{said}");
}
