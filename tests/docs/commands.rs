//! Somebody reads the book and types what stands there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crossrole_testkit::chart::{Manifests, OperatorContainer};
use crossrole_testkit::scene::{
    EXTERNAL_ID, IDENTITY_ACCOUNT, bootstrap_document, set_up_identity_account, set_up_target_account,
};
use crossrole_testkit::tools::{program, workspace};
use crossrole_testkit::{ControlPlane, ControlPlaneOptions, Operator, Scene, Simulator};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use super::manifests;
use super::page::{Block, Page, pages};
use super::support::granting;

const PROD: &str = "222222222222";
const STAGE: &str = "333333333333";
const ROLE: &str = "CrossAccountSecurityAudit";

/// These come first, in this order: they start with nothing.
const FIRST: [&str; 2] = ["docs/install.md", "docs/first-role.md"];

/// This comes last: it ends with crossrole gone.
const LAST: &str = "docs/faq.md";

/// Why a block cannot run here.
const REASONS: [&str; 5] = [
    "builds for minutes",
    "needs a real AWS account",
    "needs Pods",
    "needs files of your own",
    "needs the tools of a release",
];

/// What users type.
const PROGRAMS: [&str; 8] = ["$", "aws", "cargo", "crossrole", "helm", "kubectl", "make", "terraform"];

/// No command of the book takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// What whoever reads the other pages has.
const QUICKSTART: &str = "\
kubectl apply -f examples/quickstart
kubectl wait xar/security-audit -n security --for=condition=Ready --timeout=2m";

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_are_taken_and_the_commands_run_page_after_page() {
    let mut reader = Reader::start().await;
    let (first, mut others): (Vec<Page>, Vec<Page>) = pages()
        .into_iter()
        .filter(|page| page.blocks().iter().any(runs))
        .partition(|page| FIRST.contains(&page.path.as_str()));
    others.sort_by_key(|page| page.path == LAST);
    assert!(others.len() >= 6, "pages with commands are missing");
    for path in FIRST {
        reader
            .read(first.iter().find(|page| page.path == path).expect(path))
            .await;
    }
    manifests::are_taken(&reader.scene.control_plane).await;
    reader.let_in_with(|_| EXTERNAL_ID.to_owned()).await;
    reader.run("the quickstart", QUICKSTART).await;
    for page in others {
        if page.path == LAST {
            // The process that made the first role holds its account for a minute; nobody here waits for that.
            reader.start_operator().await;
        }
        reader.read(&page).await;
    }
    for account in [PROD, STAGE] {
        let role = reader.scene.simulator.role(account, ROLE).await.unwrap();
        let tags = role.expect("the role stays when crossrole is left").tags;
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["team"]);
    }
}

#[test]
fn every_command_runs_or_says_why_not() {
    for block in pages().iter().flat_map(|page| page.blocks()) {
        let known = ["console", "yaml", "json", "text", "ini"];
        assert!(
            known.contains(&block.language.as_str()),
            "{}: {}",
            block.place,
            block.language
        );
        let mut words = block.text.lines().filter_map(|line| line.split_whitespace().next());
        let command = words.find(|word| PROGRAMS.contains(word));
        assert!(
            block.language == "console" || command.is_none(),
            "{}: commands stand in blocks of console",
            block.place
        );
        let Some(comment) = &block.comment else { continue };
        if comment == manifests::VALUES {
            assert_eq!(block.language, "yaml", "{}", block.place);
            continue;
        }
        let expected = match comment.split_once(": ") {
            Some(("not run", reason)) => block.language == "console" && REASONS.contains(&reason),
            Some(("part of", _)) => block.language == "yaml",
            _ => false,
        };
        assert!(expected, "{}: {comment}", block.place);
    }
}

fn runs(block: &Block) -> bool {
    block.language == "console" && block.comment.is_none()
}

/// Somebody with a cluster, an AWS account, and the three programs.
struct Reader {
    operator: Option<Operator>,
    scene: Scene,
    folder: PathBuf,
    typed: BTreeSet<String>,
}

impl Reader {
    /// Nothing is installed, but the accounts have the kit.
    async fn start() -> Self {
        let (control_plane, simulator) =
            tokio::join!(ControlPlane::start(ControlPlaneOptions::default()), Simulator::start());
        let (control_plane, simulator) = (control_plane.unwrap(), simulator.unwrap());
        let hub = set_up_identity_account(&simulator).await.unwrap();
        for account in [PROD, STAGE] {
            set_up_target_account(&simulator, account).await.unwrap();
        }
        let folder = control_plane.folder().join("reader");
        fs::create_dir_all(folder.join("bin")).unwrap();
        for name in ["examples", "charts"] {
            symlink(workspace().join(name), folder.join(name)).unwrap();
        }
        let programs = [
            PathBuf::from(env!("CARGO_BIN_EXE_crossrole")),
            program("kubectl").await.unwrap(),
            program("helm").await.unwrap(),
        ];
        for path in programs {
            symlink(&path, folder.join("bin").join(path.file_name().unwrap())).unwrap();
        }
        let not_installed = OperatorContainer {
            args: Vec::new(),
            env: Vec::new(),
            namespace: String::new(),
            service_account: String::new(),
        };
        Self {
            operator: None,
            scene: Scene {
                control_plane,
                simulator,
                container: not_installed,
                hub,
            },
            folder,
            typed: BTreeSet::new(),
        }
    }

    /// Types what stands on a page. What was typed before, word for word, is not typed again.
    async fn read(&mut self, page: &Page) {
        for block in page.blocks() {
            if !runs(&block) {
                self.make_in_aws(&block).await;
                continue;
            }
            if !self.typed.insert(block.text.clone()) {
                continue;
            }
            for (script, expected) in steps(&block.text) {
                let printed = self.run(&block.place, &script).await;
                if let Some(expected) = expected {
                    assert_eq!(shape(&printed), shape(&expected), "{}:\n{printed}", block.place);
                }
            }
            if self.operator.is_none() && block.text.contains("helm upgrade --install crossrole") {
                self.start_operator().await;
            }
        }
    }

    /// What commands that need a real AWS account make there, as far as later ones need it.
    async fn make_in_aws(&self, block: &Block) {
        match block.text.lines().next() {
            Some("sh kit/bootstrap.sh") => {
                let script = fs::read_to_string(self.folder.join("kit/bootstrap.sh")).unwrap();
                self.let_in_with(|account| {
                    let (_, rest) = script.split_once(&format!("{account}) external_id='")).expect(account);
                    rest.split('\'').next().unwrap().to_owned()
                })
                .await;
            }
            Some("sh identity-kit/bootstrap.sh") => {
                let scene = &self.scene;
                set_up_target_account(&scene.simulator, IDENTITY_ACCOUNT).await.unwrap();
                let permissions = granting::document("grant-permissions.json");
                granting::make_grant_role(scene, IDENTITY_ACCOUNT, permissions).await;
                granting::make_group(scene, IDENTITY_ACCOUNT, "SecAuditors").await;
                granting::let_operator_grant(scene).await;
            }
            _ => {}
        }
    }

    /// Has each account let the operator in with this external id, and no other.
    async fn let_in_with(&self, external_id: impl Fn(&str) -> String) {
        let trust = bootstrap_document("trust-prod.json").unwrap().to_string();
        for account in [PROD, STAGE] {
            let trust: Value = serde_json::from_str(&trust.replace(EXTERNAL_ID, &external_id(account))).unwrap();
            let simulator = &self.scene.simulator;
            let edited = simulator.edit_role(account, "crossrole-bootstrap", json!({"trust": trust}));
            edited.await.unwrap();
        }
    }

    /// What the kubelet would do; one that runs is stopped first.
    async fn start_operator(&mut self) {
        if let Some(mut operator) = self.operator.take() {
            operator.stop().await.unwrap();
        }
        let installed = Manifests::installed(&self.scene.control_plane).await.unwrap();
        self.scene.container = installed.operator().unwrap();
        self.operator = Some(self.scene.operator(&[]).await.unwrap());
    }

    /// Runs commands as a shell does, and returns what they print.
    async fn run(&self, place: &str, script: &str) -> String {
        let control_plane = &self.scene.control_plane;
        let hub = &self.scene.hub;
        let path = format!(
            "{}:{}",
            self.folder.join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.folder)
            .env("KUBECONFIG", control_plane.kubeconfig())
            .env("AWS_ENDPOINT_URL", &self.scene.simulator.endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", &hub.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &hub.secret_access_key)
            .env("AWS_SESSION_TOKEN", hub.session_token.as_deref().unwrap_or_default())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(LIMIT, output).await.expect(place).unwrap();
        let (stdout, stderr) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{place}: {}\n{script}\n{stdout}\n{stderr}\n{}",
            output.status,
            self.operator.as_ref().map(Operator::log).unwrap_or_default()
        );
        stdout
    }
}

/// The commands of a block, with what each one is to print where the block says so.
fn steps(text: &str) -> Vec<(String, Option<String>)> {
    if !text.lines().any(|line| line.starts_with("$ ")) {
        return vec![(text.to_owned(), None)];
    }
    let mut steps: Vec<(String, Option<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), Some(String::new()))),
            (None, Some((_, Some(expected)))) => {
                expected.push_str(line);
                expected.push('\n');
            }
            (None, _) => panic!("what prints this? {line}"),
        }
    }
    steps
}

/// What is printed, but for the width of columns and for ages.
fn shape(printed: &str) -> Vec<String> {
    let word = |word: &str| match word.strip_suffix(['s', 'm', 'h']) {
        Some(number) if number.starts_with(|first: char| first.is_ascii_digit()) => "AGE".to_owned(),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    printed.lines().map(line).filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_block_with_prompts_says_what_is_printed() {
    assert_eq!(steps("a \\\n  b\nc\n"), [("a \\\n  b\nc\n".to_owned(), None)]);
    assert_eq!(
        steps("$ a\nx  9s\n$ b\n"),
        [
            ("a".to_owned(), Some("x  9s\n".to_owned())),
            ("b".to_owned(), Some(String::new()))
        ]
    );
    assert_eq!(shape("NAME    AGE\nx       1m12s\n\n"), shape("NAME AGE\nx 9s\n"));
    assert_ne!(shape("x True"), shape("x False"));
}
