//! The same for AssumeRoleGrants: every write to AWS that one makes, and its writes to Kubernetes. They are few, and all are
//! tried each time.

use crossrole_testkit::api_proxy::{Held, Write};
use crossrole_testkit::eventually;
use crossrole_testkit::simulator::{Effect, Fault, Match};

use super::batch::Stage;
use super::work::grants::{self, Granting, Piece};
use super::work::place::PATIENCE;

/// One write at which the operator dies.
struct Point {
    granting: Granting,
    step: Step,
    /// Whether it is carried out; its answer never comes.
    carried_out: bool,
}

#[derive(Clone, Copy)]
enum Step {
    /// A call of AWS.
    Aws(&'static str),
    /// The so manieth write to Kubernetes of this.
    Kubernetes(&'static str, u64),
}

impl std::fmt::Display for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let when = if self.carried_out { "after" } else { "before" };
        match self.step {
            Step::Aws(action) => write!(formatter, "{}/{action}/{when}", self.granting.piece),
            Step::Kubernetes(what, nth) => write!(formatter, "{}/{what}-{nth}/{when}", self.granting.piece),
        }
    }
}

fn points() -> Vec<Point> {
    let mut steps = Vec::new();
    for piece in Piece::ALL {
        steps.extend(piece.writes().iter().map(|action| (piece, Step::Aws(action))));
    }
    let (object, status) = ("assumerolegrants", "assumerolegrants/status");
    steps.extend([(object, 1), (status, 1), (status, 2)].map(|(what, nth)| (Piece::Make, Step::Kubernetes(what, nth))));
    steps.push((Piece::Remove, Step::Kubernetes(object, 1)));
    let mut points = Vec::new();
    for (piece, step) in steps {
        for carried_out in [false, true] {
            points.push(Point {
                granting: Granting::new(piece, points.len()),
                step,
                carried_out,
            });
        }
    }
    points
}

/// Kills the operator at every point at once, and starts it again. Gives how many points there were, and a line for each that
/// failed.
pub async fn run(stage: &mut Stage) -> (usize, Vec<String>) {
    let points = points();
    let all: Vec<Granting> = points.iter().map(|point| point.granting.clone()).collect();
    grants::prepare(stage.scene(), &all).await;
    stage.scene().simulator.reset_calls().await.unwrap();
    let mut faults = Vec::new();
    for point in &points {
        faults.push(hold(stage, point).await);
    }
    grants::begin(stage.scene(), &all).await;
    eventually(PATIENCE, "every piece of work is held", async || {
        for (point, fault) in points.iter().zip(&faults) {
            let is_held = match (fault, write_of(point)) {
                (Some(fault), _) => stage.scene().simulator.fault_report(*fault).await.unwrap().fired > 0,
                (None, write) => write.is_some_and(|write| stage.proxy().is_held(&write)),
            };
            if !is_held {
                return Err(point.to_string());
            }
        }
        Ok(())
    })
    .await
    .unwrap();
    stage.kill().await;
    let simulator = &stage.scene().simulator;
    for (point, fault) in points.iter().zip(&faults) {
        if let Some(fault) = fault {
            let released = simulator.release_fault(*fault, point.carried_out, false);
            released.await.unwrap();
        }
    }
    simulator.clear_faults().await.unwrap();
    stage.proxy().clear_holds();
    stage.start_again().await;
    let mut failures = grants::end(stage.scene(), &all).await;
    let calls = stage.scene().simulator.calls(0).await.unwrap();
    for point in &points {
        let Granting { piece, name, account } = &point.granting;
        let known = |action: &str| piece.writes().contains(&action) || action == "AssumeRole";
        let mut writes = calls
            .iter()
            .filter(|call| call.kind == "write" && call.account == *account);
        if let Some(call) = writes.find(|call| !known(&call.action)) {
            let failure = format!("a write that is not listed: {call:?}");
            failures.entry(name.clone()).or_insert(failure);
        }
    }
    failures.extend(grants::is_steady(stage.scene(), &all, "steady").await);
    failures.extend(grants::clear_up(stage.scene(), &all).await);
    let failed = points.iter().filter_map(|point| {
        let failure = failures.get(&point.granting.name)?;
        Some(format!("{point} ({}): {failure}", point.granting.name))
    });
    (points.len(), failed.collect())
}

/// Has a point held, and every further call or write of its kind. Gives the fault's id for a call of AWS.
async fn hold(stage: &Stage, point: &Point) -> Option<u64> {
    match point.step {
        Step::Aws(action) => {
            let matching = Match::action(action).in_account(&point.granting.account);
            let fault = Fault::new(matching, Effect::Hold).for_ever();
            Some(stage.scene().simulator.fault(&fault).await.unwrap())
        }
        Step::Kubernetes(_, nth) => {
            let held = if point.carried_out {
                Held::Unanswered
            } else {
                Held::Unsent
            };
            stage.proxy().hold(write_of(point)?, nth, held);
            None
        }
    }
}

fn write_of(point: &Point) -> Option<Write> {
    match point.step {
        Step::Aws(_) => None,
        Step::Kubernetes(what, _) => Some(Write::new(what, &point.granting.name)),
    }
}
