//! Objects in very many accounts: what they do to others, and what becomes of their status where every account fails.

use std::time::{Duration, Instant};

use crossrole_testkit::simulator::{Effect, Fault, Match};
use crossrole_testkit::{Error, eventually, scene};
use serde_json::json;

use crate::figures::Row;
use crate::scenarios::{NEVER, PATIENCE, start};
use crate::stage::{NAMESPACE, OUR_KINDS, Stage, account_name, role};

/// What etcd takes in one request by default, in bytes: its flag `--max-request-bytes`.
const ETCD_REQUEST: f64 = 1_572_864.0;

/// An object with a single account is declared while one with 1,000 is made.
pub async fn fair() -> Result<Vec<Row>, Error> {
    const ACCOUNTS: usize = 1_000;
    let (wide, alone, beside) = (0, 1, 2);
    let stage = Stage::start(ACCOUNTS).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    stage.wait_until_quiet(&operator, Duration::from_secs(1)).await?;
    let path = format!("{OUR_KINDS}/namespaces/{NAMESPACE}/crossaccountroles");
    let single = |number| role(number, json!({"names": [account_name(number)]}));

    let began = Instant::now();
    stage.post(&path, &single(alone)).await?;
    wait_until_ready(&stage, alone).await?;
    let without = began.elapsed();

    let mark = stage.mark(&operator).await?;
    let began = Instant::now();
    stage.post(&path, &role(wide, Stage::all_accounts())).await?;
    // It is under way.
    eventually(PATIENCE, "the first of many roles", async || {
        let made = stage.counts().await?.total.writes;
        if made > 0 { Ok(()) } else { Err(Error::new("none yet")) }
    })
    .await?;
    let declared = Instant::now();
    stage.post(&path, &single(beside)).await?;
    wait_until_ready(&stage, beside).await?;
    let with = declared.elapsed();
    wait_until_ready(&stage, wide).await?;
    let whole = began.elapsed();
    let mut row = stage
        .since(&mark, &operator, "one account beside an object in 1,000 accounts")
        .await?;
    row.seconds = Some(with.as_secs_f64());
    row.tells("seconds alone", without.as_secs_f64());
    row.tells("seconds of the 1,000", whole.as_secs_f64());
    row.wants(
        "time ÷ that of the 1,000",
        with.as_secs_f64() / whole.as_secs_f64(),
        0.5,
    );
    operator.stop().await?;
    Ok(vec![row])
}

/// One object over 1,500 accounts, none of which lets us in.
pub async fn failing() -> Result<Vec<Row>, Error> {
    const ACCOUNTS: usize = 1_500;
    let stage = Stage::start(ACCOUNTS).await?;
    let denied = Effect::Error("AccessDenied".into(), 403);
    let denied = Fault::new(Match::action("AssumeRole"), denied).for_ever();
    stage.scene.simulator.fault(&denied).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    stage.wait_until_quiet(&operator, Duration::from_secs(1)).await?;
    let mark = stage.mark(&operator).await?;
    stage.declare(1, |_| Stage::all_accounts()).await?;
    eventually(PATIENCE, "every account says why", async || {
        let object = stage.object(0).await?;
        let entries = object["status"]["accounts"].as_array().map_or(&[][..], Vec::as_slice);
        let told = entries.iter().filter(|entry| entry["reason"] == "BootstrapDenied");
        let told = told.filter(|entry| entry["message"].is_string()).count();
        if told == ACCOUNTS {
            Ok(())
        } else {
            Err(Error::new(format!("{told} of {ACCOUNTS}")))
        }
    })
    .await?;
    let mut row = stage
        .since(&mark, &operator, "one object in 1,500 accounts that all fail")
        .await?;
    row.wants("bytes of the object", stage.size_of_one(0).await? as f64, ETCD_REQUEST);
    row.wants("patches", row.patches.unwrap_or(0) as f64, 40.0);
    operator.stop().await?;
    Ok(vec![row])
}

async fn wait_until_ready(stage: &Stage, number: usize) -> Result<(), Error> {
    eventually(PATIENCE, "an object is ready", async || {
        let object = stage.object(number).await?;
        if scene::condition(&object, "Ready")["status"] == "True" {
            Ok(())
        } else {
            Err(Error::new(object["status"]["summary"].to_string()))
        }
    })
    .await
}
