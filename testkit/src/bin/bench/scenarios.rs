//! What is measured.

use std::time::{Duration, Instant};

use crossrole_testkit::{Error, Figures, Operator, eventually, operator};
use serde_json::json;
use tokio::time::sleep;

use crate::figures::{Row, least, mib};
use crate::floor;
use crate::probe;
use crate::stage::{LATENCY, Stage, account_id};

/// What one role takes: CreateRole, PutRolePolicy, and AttachRolePolicy twice.
pub const WRITES_OF_A_ROLE: u64 = 4;

/// As long as nothing is asked for, nothing is looked at.
pub const NEVER: &str = "--resync-interval=24h";

pub const PATIENCE: Duration = Duration::from_secs(300);

/// The calls of a look at a whole account.
const OF_A_LOOK: [&str; 2] = ["ListRoles", "GetAccountAuthorizationDetails"];

/// What a process with 10,000 roles may hold, in MiB.
const TEN_THOUSAND_ROLES: f64 = 112.0;

/// What one process may hold, in MiB, so that work need not be shared out among several.
const ONE_PROCESS: f64 = 512.0;

/// 200 roles are made in one account.
pub async fn create() -> Result<Vec<Row>, Error> {
    Ok(vec![middle_of_three(create_once, 1.3).await?])
}

async fn create_once() -> Result<Row, Error> {
    const ROLES: usize = 200;
    let floor = floor(1, ROLES, |_| (Stage::all_accounts(), vec![0])).await?;
    let stage = Stage::start(1).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    // To enter the account counts, too.
    let mark = stage.mark(&operator).await?;
    stage.declare(ROLES, stage.one_account()).await?;
    stage.wait_until_ready(ROLES, PATIENCE).await?;
    let mut row = stage.since(&mark, &operator, "make 200 roles in one account").await?;
    row.floor_seconds = Some(floor);
    let writes = WRITES_OF_A_ROLE * ROLES as u64;
    row.least_seconds = Some(least(writes, LATENCY, floor::OF_ONE_ACCOUNT));
    row.wants("calls per role", calls(&row) / ROLES as f64, 4.05);
    operator.stop().await?;
    Ok(row)
}

/// 1,000 roles stand in one account, and nothing changes.
pub async fn look() -> Result<Vec<Row>, Error> {
    const ROLES: usize = 1_000;
    let stage = Stage::start(1).await?;
    let quotas = format!("/accounts/{}/quotas", account_id(0));
    let post = reqwest::Method::POST;
    let _: serde_json::Value = stage
        .scene
        .simulator
        .ask(post, &quotas, Some(&json!({"roles": 5_000})))
        .await?;
    let mut operator = start(&stage, &["--resync-interval=30s"]).await?;
    stage.declare(ROLES, stage.one_account()).await?;
    stage.wait_until_ready(ROLES, PATIENCE).await?;
    let mut row = looks(&stage, &operator, "a look at 1,000 roles in one account", 30).await?;
    row.wants("calls of a look", calls(&row), 4.0);
    row.wants("writes", row.writes.unwrap_or(0) as f64, 0.0);
    wants_no_patch(&mut row);
    operator.stop().await?;
    Ok(vec![row])
}

/// 10,000 roles in 100 accounts: made, looked at, edited by hand, and found again after a restart.
pub async fn many(objects: usize) -> Result<Vec<Row>, Error> {
    const ACCOUNTS: usize = 100;
    const ROLES: usize = 10_000;
    let shape = format!("10,000 roles as {objects} objects");
    let stage = Stage::start(ACCOUNTS).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    let mut made = made(&stage, &operator, &shape, objects, ROLES).await?;
    wants_memory(&mut made, TEN_THOUSAND_ROLES);
    let mut rows = vec![made];
    operator.stop().await?;

    let interval = 30;
    let mut operator = start(&stage, &[&format!("--resync-interval={interval}s")]).await?;
    let mut look = looks(&stage, &operator, &format!("a look at {shape}"), interval).await?;
    look.wants("calls of a look", calls(&look), 400.0);
    look.wants("writes", look.writes.unwrap_or(0) as f64, 0.0);
    wants_no_patch(&mut look);
    look.wants("steady MiB", look.steady_mib.unwrap_or(f64::NAN), 80.0);
    wants_memory(&mut look, TEN_THOUSAND_ROLES);
    look.wants(
        "processor seconds of a look",
        look.processor_seconds.unwrap_or(f64::NAN),
        2.0,
    );
    rows.push(look);
    rows.push(repair(&stage, &shape, interval).await?);
    operator.stop().await?;
    let mut restart = restart(&stage, &shape, ROLES).await?;
    wants_memory(&mut restart, TEN_THOUSAND_ROLES);
    rows.push(restart);
    Ok(rows)
}

/// What a bare client takes, in a cluster and accounts of its own.
async fn floor(
    accounts: usize,
    objects: usize,
    selects: impl Fn(usize) -> (serde_json::Value, Vec<usize>),
) -> Result<f64, Error> {
    let stage = Stage::start(accounts).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    stage.wait_until_quiet(&operator, Duration::from_secs(1)).await?;
    operator.stop().await?;
    let took = floor::measure(&stage, objects, selects).await?;
    Ok(took.as_secs_f64())
}

fn wants_time(row: &mut Row, most: f64) {
    row.wants(
        "time ÷ the least possible of the whole",
        row.times_the_floor().unwrap_or(f64::NAN),
        most,
    );
    row.tells("time ÷ AWS alone", row.times_the_least().unwrap_or(f64::NAN));
}

fn wants_no_patch(row: &mut Row) {
    let patches = row.all_patches.map_or(f64::NAN, |patches| patches as f64);
    row.wants("patches of all our kinds", patches, 0.0);
}

fn wants_memory(row: &mut Row, most: f64) {
    row.wants("peak MiB", row.peak_mib.unwrap_or(f64::NAN), most);
}

/// The middle one of three rounds, for a second more or less is chance; and the time that it may take at most, in times the
/// least possible of the whole.
async fn middle_of_three(round: impl AsyncFn() -> Result<Row, Error>, most: f64) -> Result<Row, Error> {
    let mut rounds = [round().await?, round().await?, round().await?];
    let ratio = |row: &Row| row.times_the_floor().unwrap_or(f64::NAN);
    rounds.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let [quickest, mut row, slowest] = rounds;
    wants_time(&mut row, most);
    row.tells("the same, in the quickest round", ratio(&quickest));
    row.tells("the same, in the slowest round", ratio(&slowest));
    Ok(row)
}

/// One object in 1,000 accounts.
pub async fn wide() -> Result<Vec<Row>, Error> {
    let mut row = middle_of_three(wide_once, 1.5).await?;
    row.wants("patches", row.patches.unwrap_or(0) as f64, 40.0);
    Ok(vec![row])
}

async fn wide_once() -> Result<Row, Error> {
    const ACCOUNTS: usize = 1_000;
    let floor = floor(ACCOUNTS, 1, |_| (Stage::all_accounts(), (0..ACCOUNTS).collect())).await?;
    let stage = Stage::start(ACCOUNTS).await?;
    let mut operator = start(&stage, &[NEVER]).await?;
    let mut row = made(&stage, &operator, "one object in 1,000 accounts", 1, ACCOUNTS).await?;
    row.floor_seconds = Some(floor);
    row.wants("bytes of the object", stage.size_of_one(0).await? as f64, 1_500_000.0);
    operator.stop().await?;
    Ok(row)
}

/// How memory and time grow, up to 100,000 roles.
pub async fn growth() -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for accounts in [10, 100, 1_000] {
        const OBJECTS: usize = 100;
        let roles = accounts * OBJECTS;
        let stage = Stage::start(accounts).await?;
        let mut operator = start(&stage, &[NEVER]).await?;
        let shape = format!("{roles} roles: {OBJECTS} objects in {accounts} accounts");
        let mut made = made(&stage, &operator, &shape, OBJECTS, roles).await?;
        made.roles = Some(roles as u64);
        wants_memory(&mut made, ONE_PROCESS);
        rows.push(made);
        operator.stop().await?;
        let interval = (roles / 1_000).clamp(30, 60) as u64;
        let mut operator = start(&stage, &[&format!("--resync-interval={interval}s")]).await?;
        let mut look = looks(&stage, &operator, &format!("a look at {shape}"), interval).await?;
        look.roles = Some(roles as u64);
        wants_memory(&mut look, ONE_PROCESS);
        rows.push(look);
        operator.stop().await?;
        let mut restart = restart(&stage, &shape, roles).await?;
        wants_memory(&mut restart, ONE_PROCESS);
        rows.push(restart);
    }
    Ok(rows)
}

/// The program itself.
pub async fn program() -> Result<Vec<Row>, Error> {
    let stage = Stage::start(1).await?;
    let began = Instant::now();
    let mut operator = start(&stage, &[NEVER]).await?;
    let mut row = Row::new("the program starts");
    row.seconds = Some(began.elapsed().as_secs_f64());
    row.wants("seconds until ready", began.elapsed().as_secs_f64(), 1.0);
    let program = operator::binary()?;
    let size = std::fs::metadata(&program).map_err(|error| Error::because("the program", error))?;
    row.tells("MiB of the program", mib(size.len()));
    stage.wait_until_quiet(&operator, Duration::from_secs(2)).await?;
    let usage = probe::usage(operator.id())?;
    row.steady_mib = Some(mib(usage.resident));
    row.peak_mib = Some(mib(usage.peak));
    row.processor_seconds = Some(usage.processor.as_secs_f64());
    operator.stop().await?;
    Ok(vec![row])
}

pub async fn start(stage: &Stage, arguments: &[&str]) -> Result<Operator, Error> {
    stage.scene.operator(arguments).await
}

fn calls(row: &Row) -> f64 {
    row.calls.unwrap_or(0) as f64
}

/// Makes roles: as many objects as are asked for, each in one account or in all.
async fn made(stage: &Stage, operator: &Operator, shape: &str, objects: usize, roles: usize) -> Result<Row, Error> {
    // Entering accounts is not what is measured here.
    stage.wait_until_quiet(operator, Duration::from_secs(1)).await?;
    let mark = stage.mark(operator).await?;
    if objects == roles {
        stage.declare(objects, stage.one_account()).await?;
    } else {
        stage.declare(objects, |_| Stage::all_accounts()).await?;
    }
    let patience = PATIENCE.max(Duration::from_secs(roles as u64 / 10));
    stage.wait_until_ready(objects, patience).await?;
    let mut row = stage.since(&mark, operator, &format!("make {shape}")).await?;
    row.least_seconds = Some(least(WRITES_OF_A_ROLE * roles as u64, LATENCY, floor::OF_ALL));
    row.wants("calls per role", calls(&row) / roles as f64, 4.05);
    Ok(row)
}

/// The mean of three looks at everything, which come nine tenths of an interval of so many seconds apart.
async fn looks(stage: &Stage, operator: &Operator, scenario: &str, interval: u64) -> Result<Row, Error> {
    const LOOKS: u32 = 3;
    // The first looks find every role right, and say so.
    sleep(Duration::from_secs(interval * 2)).await;
    let mark = stage.mark(operator).await?;
    sleep(Duration::from_secs(interval).mul_f64(0.9) * LOOKS).await;
    let mut row = stage.since(&mark, operator, scenario).await?;
    row.calls = row.calls.map(|calls| calls.div_ceil(u64::from(LOOKS)));
    row.processor_seconds = row.processor_seconds.map(|seconds| seconds / f64::from(LOOKS));
    row.seconds = None;
    Ok(row)
}

/// Somebody edits a role by hand.
async fn repair(stage: &Stage, shape: &str, interval: u64) -> Result<Row, Error> {
    const ROLE: &str = "role-00000";
    let simulator = &stage.scene.simulator;
    let declared = simulator.role(&account_id(0), ROLE).await?.map(|role| role.trust);
    let before = simulator.last_call().await?;
    let edit = json!({"trust": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    ]}});
    simulator.edit_role(&account_id(0), ROLE, edit).await?;
    let began = Instant::now();
    eventually(PATIENCE, "the repair", async || {
        let found = simulator.role(&account_id(0), ROLE).await?.map(|role| role.trust);
        if found == declared {
            Ok(())
        } else {
            Err(Error::new("not yet"))
        }
    })
    .await?;
    let mut row = Row::new(format!("a role edited by hand among {shape}"));
    row.seconds = Some(began.elapsed().as_secs_f64());
    // What comes of it later belongs to it too.
    sleep(Duration::from_secs(interval)).await;
    let calls = simulator.calls(before).await?;
    let beyond = calls.iter().filter(|call| !OF_A_LOOK.contains(&call.action.as_str()));
    row.calls = Some(beyond.count() as u64);
    row.wants(
        "seconds until repaired",
        row.seconds.unwrap_or(f64::NAN),
        interval as f64,
    );
    row.wants("calls beyond the looks", row.calls.unwrap_or(0) as f64, 4.0);
    Ok(row)
}

/// The operator starts, and finds everything as it is.
async fn restart(stage: &Stage, shape: &str, roles: usize) -> Result<Row, Error> {
    stage.scene.simulator.reset_calls().await?;
    let began = Instant::now();
    let mut operator = start(stage, &[NEVER]).await?;
    let ready = began.elapsed();
    let figures = Figures::of(&mut operator, PATIENCE).await?;
    eventually(PATIENCE, "every role is looked at", async || {
        let scrape = figures.scrape().await?;
        let looks = scrape
            .iter()
            .filter(|(series, _)| series.starts_with("crossrole_looks_total"));
        let count: f64 = looks.map(|(_, count)| count).sum();
        if count >= roles as f64 {
            Ok(())
        } else {
            Err(Error::new(format!("{count} of {roles}")))
        }
    })
    .await?;
    let all_looked_at = began.elapsed();
    stage.wait_until_quiet(&operator, Duration::from_secs(2)).await?;
    let usage = probe::usage(operator.id())?;
    let counts = stage.counts().await?.total;
    let mut row = Row::new(format!("a restart with {shape}"));
    row.calls = Some(counts.reads + counts.writes);
    row.writes = Some(counts.writes);
    row.seconds = Some(all_looked_at.as_secs_f64());
    row.peak_mib = Some(mib(usage.peak));
    row.steady_mib = Some(mib(usage.resident));
    row.processor_seconds = Some(usage.processor.as_secs_f64());
    row.wants("writes", counts.writes as f64, 0.0);
    // All objects are listed by then: the bound on a start is that of the program by itself.
    row.tells("seconds until ready", ready.as_secs_f64());
    operator.stop().await?;
    Ok(row)
}
