use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{ACCOUNT, OTHER, ada, create, end, fault};
use crate::support::{Aws, Keys, request, signed, trust};

#[test]
fn an_account_can_be_denied_as_a_whole_while_others_go_on() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let others = aws.root(OTHER);
    let order = json!({"match": {"account": ACCOUNT, "service": "iam"}, "times": 0,
        "do": {"error": "ServiceControlPolicy"}});
    let id = fault(&aws, order);
    for action in ["ListRoles", "GetAccountSummary"] {
        let message = aws.iam(&root, action, &[]).refused("AccessDenied").text("Message");
        assert!(
            message.ends_with("with an explicit deny in a service control policy"),
            "{message}"
        );
    }
    aws.sts(&root, "GetCallerIdentity", &[]).ok();
    aws.iam(&others, "ListRoles", &[]).ok();
    end(&aws, &id);
    aws.iam(&root, "ListRoles", &[]).ok();
}

#[test]
fn sts_can_be_down_in_three_ways_while_iam_works() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let matching = json!({"service": "sts"});
    let id = fault(
        &aws,
        json!({"match": matching, "times": 0, "do": {"error": "ServiceUnavailable"}}),
    );
    assert_eq!(
        aws.sts(&root, "GetCallerIdentity", &[])
            .refused("ServiceUnavailable")
            .status,
        503
    );
    aws.iam(&root, "ListRoles", &[]).ok();
    end(&aws, &id);

    let id = fault(&aws, json!({"match": matching, "times": 0, "do": {"drop": "before"}}));
    assert!(aws.call("sts", &root, "GetCallerIdentity", &[]).is_none());
    end(&aws, &id);

    let id = fault(&aws, json!({"match": matching, "times": 0, "do": {"hang": true}}));
    let headers = format!(
        "Content-Type: application/x-www-form-urlencoded\r\n{}",
        signed("sts", &root)
    );
    let mut stream = TcpStream::connect(aws.endpoint).unwrap();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    stream
        .write_all(request("POST", "/", &headers, body).as_bytes())
        .unwrap();
    assert_eq!(aws.get(&format!("{id}/wait?timeoutMs=10000"))["state"], "holding");
    assert_eq!(aws.get("/calls?since=3")["calls"][0]["code"], "Pending");
    assert_eq!(end(&aws, &id)["fired"], 1);
    // Ended, it closes the connection without a word.
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let read = stream.read_to_end(&mut answer);
    assert!(
        read.is_err() || answer.is_empty(),
        "{read:?} {}",
        String::from_utf8_lossy(&answer)
    );
    aws.sts(&root, "GetCallerIdentity", &[]).ok();
}

#[test]
fn an_account_can_be_slow_and_faulty_at_once_while_others_are_quick() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    aws.account(OTHER);
    let others = aws.root(OTHER);
    fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "times": 0, "do": {"delayMs": 300}}),
    );
    fault(
        &aws,
        json!({"match": {"account": ACCOUNT}, "do": {"error": "Throttling"}}),
    );
    let timed = |keys: &Keys| {
        let start = Instant::now();
        let code = aws.iam(keys, "ListRoles", &[]).code();
        (code, start.elapsed() >= Duration::from_millis(300))
    };
    assert_eq!(timed(&root), ("Throttling".to_owned(), true));
    assert_eq!(timed(&root), ("OK".to_owned(), true));
    // However slow the machine is, the quick account has no part in the delay: its calls come to their end first.
    let slow = std::thread::spawn({
        let root = root.clone();
        move || aws.iam(&root, "ListRoles", &[]).code()
    });
    aws.iam(&others, "ListRoles", &[]).ok();
    assert_eq!(slow.join().unwrap(), "OK");
}

#[test]
fn sessions_can_end_in_mid_work() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let ada = ada(&aws);
    for name in ["worker", "other"] {
        aws.post(
            "/accounts/222222222222/roles",
            &json!({"name": name, "trust": trust(json!({"AWS": ACCOUNT}), json!(null)),
                "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
        );
    }
    let session = |role: &str| {
        aws.assume(&ada, &format!("arn:aws:iam::222222222222:role/{role}"), &[])
            .ok()
            .keys()
    };
    let (worker, other) = (session("worker"), session("other"));
    fault(
        &aws,
        json!({"match": {"action": "CreateRole"}, "nth": 2, "do": {"expireSessions": true}}),
    );
    create(&aws, &worker, "a").ok();
    let expired = create(&aws, &worker, "b").refused("ExpiredToken");
    assert_eq!(
        (expired.status, expired.text("Message").as_str()),
        (403, "The security token included in the request is expired")
    );
    aws.iam(&other, "ListRoles", &[]).ok();
    let fresh = session("worker");
    create(&aws, &fresh, "b").ok();

    let order = json!({"account": ACCOUNT, "role": "worker"});
    assert_eq!(aws.post("/sessions/expire", &order), json!({"expired": 1}));
    aws.iam(&fresh, "ListRoles", &[]).refused("ExpiredToken");
    aws.iam(&other, "ListRoles", &[]).ok();
    assert_eq!(
        aws.post("/sessions/expire", &json!({"account": ACCOUNT})),
        json!({"expired": 1})
    );
    aws.iam(&other, "ListRoles", &[]).refused("ExpiredToken");
    aws.iam(&root, "ListRoles", &[]).ok();
}
