//! What the simulator itself can do: it must not be what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossrole_testkit::{Error, Simulator};
use reqwest::Client;
use serde_json::json;

use crate::figures::Row;

const FOR_SO_LONG: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 32;
const ACCOUNT: &str = "222222222222";

/// Asks for a role as fast as it is answered, without latency. What asking takes is in it, so it can do more.
pub async fn measure() -> Result<Row, Error> {
    let simulator = Simulator::start().await?;
    simulator.create_account(ACCOUNT, None).await?;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
    ]});
    simulator.create_account("111111111111", None).await?;
    simulator
        .create_role(ACCOUNT, json!({"name": "audit", "trust": trust}))
        .await?;
    let keys = simulator.root_keys(ACCOUNT).await?;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        keys.access_key_id
    );
    let answered = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers = (0..AT_ONCE).map(|_| {
        let (answered, authorization, endpoint) = (answered.clone(), authorization.clone(), simulator.endpoint.clone());
        tokio::spawn(async move {
            let client = Client::new();
            while began.elapsed() < FOR_SO_LONG {
                let call = client.post(&endpoint).header("authorization", &authorization);
                let call = call
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body("Action=GetRole&Version=2010-05-08&RoleName=audit");
                let answer = call.send().await.map_err(|error| Error::because("a call", error))?;
                if !answer.status().is_success() {
                    return Err(Error::new(answer.text().await.unwrap_or_default()));
                }
                let _ = answer.bytes().await;
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.map_err(|error| Error::because("a caller", error))??;
    }
    let calls = answered.load(Ordering::Relaxed);
    let mut row = Row::new("the simulator alone, no latency");
    row.calls = Some(calls);
    let seconds = began.elapsed().as_secs_f64();
    row.seconds = Some(seconds);
    row.tells("calls per second", calls as f64 / seconds);
    Ok(row)
}
