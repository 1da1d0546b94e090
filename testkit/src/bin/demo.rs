//! `make demo`: shows crossrole at work on this machine, and leaves nothing behind.
//!
//! The Kubernetes API server, the chart and the operator are real. AWS is simulated: the same calls over the same
//! protocol, with trust policies and permissions evaluated. Every step is checked; one that does not come about ends
//! the demo with an error.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crossrole_testkit::person::{Answer, assume};
use crossrole_testkit::scene::{IDENTITY_ACCOUNT, PATIENCE, Scene};
use crossrole_testkit::simulator::User;
use crossrole_testkit::{Error, Operator, eventually};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

const PROD: &str = "222222222222";
const STAGE: &str = "333333333333";
const STRANGERS: &str = "444444444444";

const NAMESPACE: &str = "security";
const OBJECT: &str = "security-audit";
const ROLE: &str = "CrossAccountSecurityAudit";

/// How often the operator looks at everything here; by default it is every ten minutes.
const RESYNC: &str = "5s";

#[tokio::main]
async fn main() -> ExitCode {
    match until_told_to_stop(demo()).await {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("\ndemo: {error:?}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("\ndemo: stopped; nothing is left running");
            ExitCode::from(130)
        }
    }
}

/// Ends early on Ctrl-C or SIGTERM. What was started ends with the future that holds it.
async fn until_told_to_stop<T>(work: impl Future<Output = T>) -> Option<T> {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return Some(work.await);
    };
    tokio::select! {
        result = work => Some(result),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    }
}

async fn demo() -> Result<(), Error> {
    say("crossrole: one Kubernetes object becomes an IAM role in two AWS accounts.\n");
    say(&format!(
        "  {IDENTITY_ACCOUNT}  where people are: the user alice, and the operator's own identity"
    ));
    say(&format!("  {PROD}  the account prod"));
    say(&format!("  {STAGE}  the account stage\n"));
    let scene = step(
        "Starting a Kubernetes API server and simulated AWS, installing the chart",
        Scene::start(&[PROD, STAGE]),
    )
    .await?;
    let alice = user(&scene, IDENTITY_ACCOUNT, "alice").await?;
    scene.simulator.create_account(STRANGERS, None).await?;
    let mallory = user(&scene, STRANGERS, "mallory").await?;
    let resync = format!("--resync-interval={RESYNC}");
    let arguments = [resync.as_str()];
    let mut operator = step(
        "Starting the operator as the chart's ServiceAccount",
        scene.operator(&arguments),
    )
    .await?;

    let shown = show(&scene, &alice, &mallory).await;
    if shown.is_err() {
        eprintln!("\nThe end of the operator's log:\n{}", tail(&operator));
    }
    shown?;

    let status = step("Stopping everything", operator.stop()).await?;
    drop(scene);
    if !status.success() {
        return Err(Error::new(format!("the operator ended with {status}")));
    }
    say("\nThat is all. To use it on your own cluster: README.md");
    Ok(())
}

async fn show(scene: &Scene, alice: &User, mallory: &User) -> Result<(), Error> {
    declare(scene).await?;
    let arns = made(scene).await?;
    say("\nalice, a user in 111111111111, assumes the roles.");
    for (mfa, how) in [(false, "without MFA"), (true, "with MFA   ")] {
        for arn in &arns {
            expect(scene, alice, "alice", arn, mfa, how).await?;
        }
    }
    repaired(scene, mallory).await?;
    deleted(scene).await
}

/// Applies the quickstart.
async fn declare(scene: &Scene) -> Result<(), Error> {
    let folder = crossrole_testkit::tools::workspace().join("examples/quickstart");
    let folder = folder.display().to_string();
    typed("kubectl apply -f examples/quickstart");
    print(&scene.control_plane.kubectl(["apply", "-f", &folder]).await?);
    Ok(())
}

/// Waits for the roles, shows them, and returns their ARNs.
async fn made(scene: &Scene) -> Result<Vec<String>, Error> {
    say("");
    let object = step("Waiting until both accounts hold the role", async {
        let object = scene.wait_for_ready(NAMESPACE, OBJECT, "True").await?;
        let accounts = ["wait", "awsaccounts", "--all", "--for=condition=Ready", "--timeout=60s"];
        scene.control_plane.kubectl(accounts).await?;
        Ok::<_, Error>(object)
    })
    .await?;
    typed("kubectl get awsaccounts");
    print(&scene.control_plane.kubectl(["get", "awsaccounts"]).await?);
    typed("kubectl get xar -n security");
    print(&scene.control_plane.kubectl(["get", "xar", "-n", NAMESPACE]).await?);
    let arns: Vec<String> = object["status"]["accounts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["roleArn"].as_str().map(str::to_owned))
        .collect();
    if arns.len() != 2 {
        return Err(Error::new(format!(
            "status does not hold two ARNs: {}",
            object["status"]
        )));
    }
    typed(
        "kubectl get xar security-audit -n security -o jsonpath='{range .status.accounts[*]}{.roleArn}{\"\\n\"}{end}'",
    );
    print(&arns.join("\n"));
    Ok(arns)
}

/// Assumes a role and says what STS answered. Only MFA is let in.
async fn expect(scene: &Scene, user: &User, name: &str, arn: &str, mfa: bool, how: &str) -> Result<(), Error> {
    let answer = assume(&scene.simulator, user, arn, mfa, None).await?;
    let allowed = matches!(answer, Answer::Allowed(_));
    match answer {
        Answer::Allowed(session) => say(&format!("  {name} {how}  allowed  now {session}")),
        Answer::Denied(_) => say(&format!("  {name} {how}  denied   {arn}")),
    }
    if allowed == mfa {
        Ok(())
    } else {
        Err(Error::new(format!("{name} {how} should have been answered otherwise")))
    }
}

/// Somebody opens the role to strangers by hand; the operator closes it again and says so.
async fn repaired(scene: &Scene, mallory: &User) -> Result<(), Error> {
    let arn = format!("arn:aws:iam::{PROD}:role/crossrole/{ROLE}");
    let declared = trust(scene).await?;
    let opened = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{STRANGERS}:root")},
        "Action": "sts:AssumeRole",
    }]});
    say(&format!(
        "\nSomebody edits the trust policy in prod by hand: {STRANGERS}, strangers, may assume the role."
    ));
    scene.simulator.edit_role(PROD, ROLE, json!({"trust": opened})).await?;
    match assume(&scene.simulator, mallory, &arn, false, None).await? {
        Answer::Allowed(session) => say(&format!("  mallory              allowed  now {session}")),
        Answer::Denied(why) => return Err(Error::new(format!("the edit by hand did not work: {why}"))),
    }
    step(
        &format!("Waiting for the operator's next look (every {RESYNC} here, every 10m by default)"),
        eventually(PATIENCE, "the repair of the trust policy", async || {
            let found = trust(scene).await?;
            if found == declared {
                Ok(())
            } else {
                Err(Error::new(found.to_string()))
            }
        }),
    )
    .await?;
    match assume(&scene.simulator, mallory, &arn, false, None).await? {
        Answer::Denied(_) => say(&format!("  mallory              denied   {arn}")),
        Answer::Allowed(_) => return Err(Error::new("mallory still gets in")),
    }
    let events = eventually(PATIENCE, "an Event with the reason Repaired", async || {
        let events = events(scene).await?;
        if events.contains("Repaired") {
            Ok(events)
        } else {
            Err(Error::new(events))
        }
    })
    .await?;
    typed("kubectl get events -n security");
    print(&events);
    Ok(())
}

/// Deletes the object; the roles go with it.
async fn deleted(scene: &Scene) -> Result<(), Error> {
    typed("kubectl delete xar security-audit -n security");
    let delete = ["delete", "xar", OBJECT, "-n", NAMESPACE, "--timeout=60s"];
    print(&scene.control_plane.kubectl(delete).await?);
    say("");
    for (account, name) in [(PROD, "prod "), (STAGE, "stage")] {
        if scene.simulator.role(account, ROLE).await?.is_some() {
            return Err(Error::new(format!("account {account} still holds the role {ROLE}")));
        }
        say(&format!("  {account}  {name}  the role is gone"));
    }
    say("");
    Ok(())
}

/// A user who may assume any role that trusts it, with an MFA device.
async fn user(scene: &Scene, account: &str, name: &str) -> Result<User, Error> {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/crossrole/*"}],
    });
    scene
        .simulator
        .create_user(account, name, json!({"assume-roles": policy}), true)
        .await
}

async fn trust(scene: &Scene) -> Result<Value, Error> {
    let role = scene.simulator.role(PROD, ROLE).await?;
    role.map(|role| role.trust)
        .ok_or_else(|| Error::new(format!("account {PROD} holds no role {ROLE}")))
}

async fn events(scene: &Scene) -> Result<String, Error> {
    let columns = "custom-columns=REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message";
    scene
        .control_plane
        .kubectl([
            "get",
            "events",
            "-n",
            NAMESPACE,
            "--sort-by=.metadata.creationTimestamp",
            "-o",
            columns,
        ])
        .await
}

fn tail(operator: &Operator) -> String {
    let log = operator.log();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Says what is being done while it is being done, and how long it took.
async fn step<T, E>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    write(&format!("{what} …"));
    let started = Instant::now();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            result = &mut work => {
                let word = if result.is_ok() { "done" } else { "failed" };
                say(&format!(" {word} after {:.1} s", started.elapsed().as_secs_f32()));
                return result;
            }
            () = sleep(Duration::from_secs(1)) => write("."),
        }
    }
}

fn typed(command: impl Display) {
    say(&format!("\n$ {command}"));
}

fn print(output: &str) {
    say(output.trim_end());
}

fn say(line: &str) {
    write(line);
    write("\n");
}

// Whoever reads may have gone away (`make demo | head`); the demo ends in order all the same.
fn write(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
