//! The same for AssumeRoleGrants, smaller: every write that one makes, refused, lost, and denied until status says so. They are few,
//! and all are tried each time.

use crossrole_testkit::simulator::{Effect, Fault, Match};
use crossrole_testkit::{Scene, eventually, scene};

use super::work::grants::{self, Granting, Piece};
use super::work::place::PATIENCE;

/// One write of one piece of work, with one trouble.
struct Cell {
    granting: Granting,
    action: &'static str,
    trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// AWS is in trouble itself, once.
    ServiceFailure,
    /// The call is carried out, and its answer never comes.
    Lost,
    /// The grant role lacks the right, until status says so.
    Denied,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}/{:?}", self.granting.piece, self.action, self.trouble)
    }
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for piece in Piece::ALL {
        for action in piece.writes() {
            for trouble in [Trouble::ServiceFailure, Trouble::Lost, Trouble::Denied] {
                cells.push(Cell {
                    granting: Granting::new(piece, cells.len()),
                    action,
                    trouble,
                });
            }
        }
    }
    cells
}

/// Runs all cells side by side. Gives how many there were, and a line for each that failed.
pub async fn run(scene: &Scene) -> (usize, Vec<String>) {
    let cells = cells();
    let all: Vec<Granting> = cells.iter().map(|cell| cell.granting.clone()).collect();
    grants::prepare(scene, &all).await;
    let mut faults = Vec::new();
    for cell in &cells {
        let matching = Match::action(cell.action).in_account(&cell.granting.account);
        let fault = match cell.trouble {
            Trouble::ServiceFailure => Fault::new(matching, Effect::Named("ServiceFailure".into())).times(1),
            Trouble::Lost => Fault::new(matching, Effect::DropAfter).times(1),
            Trouble::Denied => Fault::new(matching, Effect::Named("AccessDenied".into())).for_ever(),
        };
        faults.push(scene.simulator.fault(&fault).await.unwrap());
    }
    grants::begin(scene, &all).await;
    let denied = || cells.iter().filter(|cell| cell.trouble == Trouble::Denied);
    eventually(PATIENCE, "every grant that is denied something says so", async || {
        let grants = grants::list(scene).await;
        let is_told = |cell: &&Cell| {
            grants.get(&cell.granting.name).is_some_and(|grant| {
                let stalled = scene::condition(grant, "Stalled");
                let told = stalled["message"].as_str().unwrap_or_default();
                let leaves = cell.granting.piece != Piece::Remove || told.starts_with("cannot remove the policies");
                stalled["reason"] == "PermissionDenied" && told.contains(cell.action) && leaves
            })
        };
        match denied().find(|cell| !is_told(cell)) {
            None => Ok(()),
            Some(cell) => Err(format!("{cell}: {:?}", grants.get(&cell.granting.name))),
        }
    })
    .await
    .unwrap();
    for (cell, fault) in cells.iter().zip(&faults) {
        if cell.trouble == Trouble::Denied {
            scene.simulator.end_fault(*fault).await.unwrap();
        }
    }
    grants::ask(scene, denied().map(|cell| &cell.granting), "mended").await;
    let mut failures = grants::end(scene, &all).await;
    for (cell, fault) in cells.iter().zip(&faults) {
        if cell.trouble != Trouble::Denied && scene.simulator.end_fault(*fault).await.unwrap().fired == 0 {
            failures.insert(cell.granting.name.clone(), "the trouble never came".into());
        }
    }
    failures.extend(grants::is_steady(scene, &all, "steady").await);
    failures.extend(grants::clear_up(scene, &all).await);
    let failed = cells.iter().filter_map(|cell| {
        let failure = failures.get(&cell.granting.name)?;
        Some(format!("{cell} ({}): {failure}", cell.granting.name))
    });
    (cells.len(), failed.collect())
}
