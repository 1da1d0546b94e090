//! The admin interface: counting, holding, dropping, delaying and refusing calls; and the binary itself.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Aws, Keys, trust};

const ACCOUNT: &str = "222222222222";

fn create(aws: &Aws, keys: &Keys, name: &str) -> Option<support::Answer> {
    let text = trust(json!({"Service": "ec2.amazonaws.com"}), Value::Null).to_string();
    aws.call(
        "iam",
        keys,
        "CreateRole",
        &[("RoleName", name), ("AssumeRolePolicyDocument", &text)],
    )
}

fn roles(aws: &Aws) -> Vec<String> {
    let roles = aws.get("/accounts/222222222222/roles");
    roles["roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn calls_are_recorded_in_order_and_counted() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r").unwrap().ok();
    create(&aws, &root, "r").unwrap().refused("EntityAlreadyExists");
    aws.iam(&root, "ListRoles", &[]).ok();
    let arn = "arn:aws:iam::333333333333:role/x/far";
    aws.assume(&root, arn, &[("TokenCode", "123456"), ("SerialNumber", "s")])
        .refused("AccessDenied");
    let listed = aws.get("/calls?since=1");
    let calls = listed["calls"].as_array().unwrap();
    let codes: Vec<_> = calls
        .iter()
        .map(|call| (call["action"].as_str().unwrap(), call["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        codes,
        [
            ("CreateRole", "EntityAlreadyExists"),
            ("ListRoles", "OK"),
            ("AssumeRole", "AccessDenied")
        ]
    );
    assert_eq!(
        (&calls[0]["role"], &calls[0]["kind"], &calls[0]["seq"]),
        (&json!("r"), &json!("write"), &json!(2))
    );
    assert_eq!(
        (&calls[2]["account"], &calls[2]["role"]),
        (&json!("333333333333"), &json!("far"))
    );
    assert_eq!(calls[2]["params"]["TokenCode"], "…");
    assert_eq!(calls[1]["caller"], "arn:aws:iam::222222222222:root");
    let counts = aws.get("/calls/counts");
    assert_eq!(counts["total"]["writes"], 2);
    assert_eq!(counts["total"]["reads"], 2);
    assert_eq!(
        counts["accounts"][ACCOUNT]["actions"],
        json!({"CreateRole": 2, "ListRoles": 1})
    );
    assert_eq!(counts["accounts"][ACCOUNT]["errors"], 1);
    aws.post("/calls/reset", &json!({}));
    assert_eq!(aws.get("/calls/counts")["total"]["writes"], 0);
    assert_eq!(aws.get("/calls")["calls"], json!([]));
}

#[test]
fn the_nth_matching_call_is_answered_with_an_error() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let order = json!({"match": {"action": "CreateRole", "account": ACCOUNT}, "nth": 2, "times": 2,
        "do": {"error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"}}});
    let id = aws.post("/faults", &order)["id"].clone();
    create(&aws, &root, "a").unwrap().ok();
    aws.iam(&root, "ListRoles", &[]).ok();
    for _ in 0..2 {
        let refused = create(&aws, &root, "b").unwrap().refused("Throttling");
        assert_eq!(
            (refused.status, refused.text("Message").as_str()),
            (400, "Rate exceeded")
        );
    }
    create(&aws, &root, "b").unwrap().ok();
    assert_eq!(
        aws.get(&format!("/faults/{id}")),
        json!({"id": id, "seen": 4, "fired": 2, "accounts": {ACCOUNT: 2}, "state": "done"})
    );
    assert_eq!(roles(&aws), ["a", "b"]);
}

#[test]
fn a_dropped_call_leaves_its_client_without_an_answer() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    for (when, name, carried_out) in [("before", "a", false), ("after", "b", true), ("midBody", "c", true)] {
        aws.post("/faults", &json!({"match": {"kind": "write"}, "do": {"drop": when}}));
        assert!(create(&aws, &root, name).is_none(), "{when}");
        assert_eq!(roles(&aws).contains(&name.to_owned()), carried_out, "{when}");
    }
    let codes: Vec<_> = aws.get("/calls")["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["code"].clone())
        .collect();
    assert_eq!(codes, ["Dropped", "OK", "OK"]);
}

#[test]
fn a_held_call_waits_until_it_is_released() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    for (release, carried_out, answered) in [
        (json!({"carryOut": true}), true, true),
        (json!({"carryOut": true, "answer": false}), true, false),
        (json!({"carryOut": false}), false, false),
    ] {
        let name = format!("r{carried_out}{answered}");
        let id = aws.post("/faults", &json!({"match": {"role": name}, "do": {"hold": true}}))["id"].clone();
        assert_eq!(aws.get(&format!("/faults/{id}"))["state"], "waiting");
        let client = {
            let (root, name) = (root.clone(), name.clone());
            thread::spawn(move || create(&aws, &root, &name))
        };
        assert_eq!(
            aws.get(&format!("/faults/{id}/wait?timeoutMs=10000"))["state"],
            "holding"
        );
        assert!(!roles(&aws).contains(&name));
        assert_eq!(
            aws.post(&format!("/faults/{id}/release"), &release),
            json!({"released": 1})
        );
        assert_eq!(client.join().unwrap().is_some(), answered);
        assert_eq!(roles(&aws).contains(&name), carried_out);
        assert_eq!(aws.get(&format!("/faults/{id}"))["state"], "done");
        assert_eq!(
            aws.try_json("POST", &format!("/faults/{id}/release"), Some(&release)).0,
            409
        );
    }
}

#[test]
fn a_held_call_is_carried_out_even_if_its_client_has_gone() {
    use std::io::Write as _;
    let (aws, root) = Aws::with_account(ACCOUNT);
    let id = aws.post("/faults", &json!({"do": {"hold": true}}))["id"].clone();
    let body = "Action=CreateInstanceProfile&InstanceProfileName=p";
    let headers = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={}/1/us-east-1/iam/aws4_request\r\n",
        root.id
    );
    let mut stream = std::net::TcpStream::connect(aws.endpoint).unwrap();
    stream
        .write_all(support::request("POST", "/", &headers, body).as_bytes())
        .unwrap();
    assert_eq!(
        aws.get(&format!("/faults/{id}/wait?timeoutMs=10000"))["state"],
        "holding"
    );
    drop(stream);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(aws.get(&format!("/faults/{id}"))["state"], "holding");
    aws.post(&format!("/faults/{id}/release"), &json!({"carryOut": true}));
    let deadline = Instant::now() + Duration::from_secs(10);
    while aws
        .iam(&root, "GetInstanceProfile", &[("InstanceProfileName", "p")])
        .status
        != 200
    {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn latency_and_delays_are_real_time() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let timed = |minimum: u64| {
        let start = Instant::now();
        aws.iam(&root, "ListRoles", &[]).ok();
        assert!(
            start.elapsed() >= Duration::from_millis(minimum),
            "{:?}",
            start.elapsed()
        );
    };
    aws.post("/faults", &json!({"do": {"delayMs": 100}}));
    timed(100);
    aws.post("/latency", &json!({"ms": 50}));
    timed(50);
}

#[test]
fn a_wait_that_is_not_fulfilled_ends_with_its_time() {
    let (aws, _) = Aws::with_account(ACCOUNT);
    let id = aws.post("/faults", &json!({"do": {"hold": true}}))["id"].clone();
    assert_eq!(aws.get(&format!("/faults/{id}/wait?timeoutMs=50"))["state"], "waiting");
    aws.json("DELETE", "/faults", None);
    assert_eq!(aws.try_json("GET", &format!("/faults/{id}"), None).0, 404);
}

#[test]
fn a_reset_forgets_everything() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r").unwrap().ok();
    aws.post("/reset", &json!({}));
    aws.iam(&root, "ListRoles", &[]).refused("InvalidClientTokenId");
    assert_eq!(aws.try_json("GET", "/accounts/222222222222/roles", None).0, 404);
    assert_eq!(aws.get("/accounts")["accounts"], json!([]));
}

#[test]
fn hand_edits_change_a_role_without_being_counted() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    create(&aws, &root, "r").unwrap().ok();
    let edits = json!({"description": "by hand", "tags": {"a": "1", "b": "2"}, "inline": {"i": support::policy("Deny", &["*"], "*")}});
    aws.json("PUT", "/accounts/222222222222/roles/r", Some(&edits));
    let role = aws.json(
        "PUT",
        "/accounts/222222222222/roles/r",
        Some(&json!({"tags": {"a": null}, "inline": {"i": null}})),
    );
    assert_eq!(
        (&role["tags"], &role["inline"], &role["description"]),
        (&json!({"b": "2"}), &json!({}), &json!("by hand"))
    );
    let (status, text) = aws.try_json("PUT", "/accounts/222222222222/roles/r", Some(&json!({"trust": "{"})));
    assert_eq!((status, text.contains("invalid Json")), (400, true), "{text}");
    assert_eq!(aws.get("/calls")["last"], 1);
}

#[test]
fn the_binary_says_where_it_listens_and_ends_with_its_parent() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-sim"))
        .args(["--port", "0", "--admin-port", "0", "--exit-with-parent"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let endpoint = line
        .strip_prefix("aws-sim listening endpoint=http://127.0.0.1:")
        .unwrap();
    assert!(endpoint.contains(" admin=http://127.0.0.1:"));
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
