//! An account that takes two calls a second, beside others.

use crossrole_testkit::simulator::Call;
use crossrole_testkit::{Error, Operator, eventually};
use jiff::Timestamp;

use crate::figures::Row;
use crate::scenarios::{NEVER, PATIENCE, WRITES_OF_A_ROLE, start};
use crate::stage::{Mark, Stage, account_id};

/// The part of the calls to a throttled account that may be refused: only by that does anybody learn how many it takes.
const MOST_REFUSED: f64 = 0.2;

/// How many times as long as at the account's own rate the work there may take: whoever feels for a rate is below it half
/// of the time.
const SLOWED_DOWN: f64 = 2.0;

/// Times of the others are the middle of so many.
const ROUNDS: usize = 5;

/// Roles, and accounts that they are in, of which one is throttled.
const ROLES: usize = 160;
const ACCOUNTS: usize = 4;

/// Calls a second that the throttled account takes, and how many at once.
const RATE: f64 = 2.0;
const BURST: f64 = 2.0;

/// One account takes two calls a second; the others do not notice.
pub async fn throttled() -> Result<Vec<Row>, Error> {
    // What the others take is short, and differs from round to round.
    let mut others = [Vec::new(), Vec::new()];
    for _ in 1..ROUNDS {
        for (is_throttled, others) in [false, true].into_iter().zip(&mut others) {
            let mut beside = Beside::begin(is_throttled).await?;
            others.push(beside.seconds_of_others);
            beside.operator.stop().await?;
        }
    }
    let mut rows = Vec::new();
    for (is_throttled, others) in [false, true].into_iter().zip(&mut others) {
        let Beside {
            stage,
            mut operator,
            mark,
            seconds_of_others,
        } = Beside::begin(is_throttled).await?;
        others.push(seconds_of_others);
        stage.wait_until_ready(ROLES, PATIENCE).await?;
        let what = if is_throttled {
            "one at 2 calls a second"
        } else {
            "none throttled"
        };
        let scenario = format!("{ROLES} roles in {ACCOUNTS} accounts, {what}");
        let mut row = stage.since(&mark, &operator, &scenario).await?;
        if is_throttled {
            let counts = stage.counts().await?;
            let slow = &counts.accounts[&account_id(0)];
            let (asked, refused) = ((slow.reads + slow.writes) as f64, slow.errors as f64);
            // Whoever asks no oftener than is allowed is refused nothing, and whoever uses all of it is as fast as can be.
            let writes = WRITES_OF_A_ROLE * (ROLES / ACCOUNTS) as u64;
            row.least_seconds = Some((writes as f64 - BURST) / RATE);
            row.wants("refused ÷ calls to that account", refused / asked, MOST_REFUSED);
            row.wants(
                "time ÷ what its writes take at that rate",
                row.times_the_least().unwrap_or(f64::NAN),
                SLOWED_DOWN,
            );
            row.tells("calls to that account", asked);
        }
        others.sort_by(f64::total_cmp);
        row.tells("seconds of the other accounts", others[ROUNDS / 2]);
        operator.stop().await?;
        rows.push(row);
    }
    if let Some(row) = rows.last_mut() {
        let [without, with] = others.map(|others| others[ROUNDS / 2]);
        row.wants("time of the others ÷ without throttling", with / without, 1.1);
    }
    Ok(rows)
}

/// Accounts of which one may be throttled, when all others have their roles.
struct Beside {
    stage: Stage,
    operator: Operator,
    mark: Mark,
    seconds_of_others: f64,
}

impl Beside {
    /// Declares all roles, and waits until those of the others are made.
    async fn begin(is_throttled: bool) -> Result<Self, Error> {
        let stage = Stage::start(ACCOUNTS).await?;
        let operator = start(&stage, &[NEVER]).await?;
        if is_throttled {
            let simulator = &stage.scene.simulator;
            simulator.throttle(&account_id(0), RATE, BURST).await?;
        }
        let mark = stage.mark(&operator).await?;
        stage.declare(ROLES, stage.one_account()).await?;
        let of_others = ROLES - ROLES / ACCOUNTS;
        Ok(Self {
            seconds_of_others: others_are_made(&stage, of_others).await?,
            stage,
            operator,
            mark,
        })
    }
}

/// How long it takes until so many roles are made in all accounts but the first, in seconds.
async fn others_are_made(stage: &Stage, roles: usize) -> Result<f64, Error> {
    let wanted = WRITES_OF_A_ROLE * roles as u64;
    eventually(PATIENCE, "the roles of the other accounts", async || {
        let counts = stage.counts().await?;
        let others = counts.accounts.iter().filter(|(account, _)| **account != account_id(0));
        let made: u64 = others.map(|(_, counts)| counts.writes).sum();
        if made >= wanted {
            Ok(())
        } else {
            Err(Error::new(format!("{made} of {wanted} writes")))
        }
    })
    .await?;
    seconds_of_others(&stage.scene.simulator.calls(0).await?)
}

/// From the first to the last call to all accounts but the first.
fn seconds_of_others(calls: &[Call]) -> Result<f64, Error> {
    let others = calls.iter().filter(|call| call.account != account_id(0));
    let times: Result<Vec<Timestamp>, _> = others.map(|call| call.time.parse()).collect();
    let times = times.map_err(|error| Error::because("the time of a call", error))?;
    let (first, last) = times
        .iter()
        .min()
        .zip(times.iter().max())
        .ok_or_else(|| Error::new("no calls"))?;
    Ok(last.duration_since(*first).as_secs_f64())
}
