//! Trust policies as text: the simulator and MiniStack are given the same ones.

use std::collections::BTreeSet;

use crossrole_testkit::Simulator;

use super::judge::Judge;
use super::ministack::{MiniStack, set_up_accounts};
use super::report::{Judged, report};
use super::table::{DocumentRow, ORGANIZATION, World, expectations, read};

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_and_an_emulator_of_others_agree_or_the_difference_is_explained() {
    let world = World::read();
    let ministack = MiniStack::start().await;
    let organization = ministack.as_ref().map_or(ORGANIZATION, |held| &held.organization);
    let rows: Vec<DocumentRow> = read("documents.yaml", organization);
    let asks = || rows.iter().flat_map(|row| expectations(&row.can, &row.cannot));
    let names: BTreeSet<_> = asks().map(|(_, ask)| &ask.name).collect();
    assert_eq!(names.len(), asks().count(), "two questions have one name");
    assert!(names.len() >= 25, "{} questions", names.len());

    let simulator = Simulator::start().await.unwrap();
    set_up_accounts(&simulator, &world, organization).await;
    let mut ours = Judge::simulator(&simulator, &world).await;
    let mut theirs = match &ministack {
        Some(ministack) => Some(Judge::emulator(ministack, &simulator, &world).await),
        None => None,
    };
    let mut judged = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let mine = ours.make(number, row).await;
        let other = match &mut theirs {
            Some(judge) => Some(judge.make(number, row).await),
            None => None,
        };
        for (expected, ask) in expectations(&row.can, &row.cannot) {
            judged.push(Judged {
                role: None,
                expected,
                ask,
                simulator: ours.ask(&mine, ask).await,
                ministack: match (&theirs, &other) {
                    (Some(judge), Some(role)) if world.cannot_judge(ask).is_none() => Some(judge.ask(role, ask).await),
                    _ => None,
                },
            });
        }
    }
    report(&format!("{} trust policies", rows.len()), &world, &judged);
}
