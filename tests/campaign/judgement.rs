//! The second half of a round: what must hold of every chain then, and that another look writes nothing.

use std::collections::BTreeMap;

use crossrole_testkit::eventually;
use serde_json::Value;

use super::chain::{Chain, Place, SIDES};
use super::claims::{self, Expected, Held, is_handled};
use super::stage::{PATIENCE, Stage};
use super::support::say;
use super::tally::Tally;
use super::transition::Step;
use super::work::Work;

impl Stage {
    /// Since the chains came to rest, nobody may have written to their objects.
    pub(super) async fn nobody_wrote(&self, chains: &mut [&mut Chain]) {
        let objects = self.kinds.roles.list().await;
        for chain in chains {
            let version = objects.get(&chain.place.name).and_then(version);
            if chain.at_rest.is_some() && version != chain.at_rest {
                chain.fail("the object was written to while nothing happened");
            }
        }
    }

    pub(super) async fn judge(&self, chain: &mut Chain, work: &Work, tally: &mut Tally) {
        let simulator = &self.scene.simulator;
        let after = claims::held(simulator, &chain.place, &chain.declared).await;
        if matches!(work.transition.step, Step::Remove) {
            self.judge_removal(chain, &after).await;
            tally.removed += 1;
            return;
        }
        let Some(expected) = self.expected.get(&chain.number) else {
            return;
        };
        let mut found = expected.differences(chain, &work.before, &after);
        if work
            .witnessed
            .as_ref()
            .is_some_and(|witnessed| *witnessed != after && expected.accepted())
        {
            found.push(format!("status said Ready when the accounts held {:?}", work.witnessed));
        }
        if let Some(object) = self.kinds.roles.list().await.get(&chain.place.name) {
            found.extend(claims::untruths(object, &chain.place, &after));
        }
        let accepted = expected.accepted();
        if accepted {
            chain.accepted = chain.declared.clone();
        }
        tally.ended(&work.transition, work.against.as_deref(), expected);
        self.take_away_what_was_left(chain, expected, &after).await;
        if let Some(difference) = found.first() {
            let story = self.story(&chain.place).await;
            chain.fail(format!("{difference}\n{story}"));
        }
    }

    /// What led to where a chain is: its status, and the calls since the last rest.
    async fn story(&self, place: &Place) -> String {
        let objects = self.kinds.roles.list().await;
        let status = objects.get(&place.name).map(|object| object["status"].to_string());
        let calls = self.scene.simulator.calls(0).await.unwrap().into_iter();
        let calls = calls.filter(|call| place.ids.contains(&call.account));
        let calls: Vec<String> = calls
            .map(|call| format!("{} {} {}: {}", call.time, call.account, call.action, call.code))
            .collect();
        format!("status {status:?}\ncalls:\n{}", calls.join("\n"))
    }

    /// A role that its object left as it was is nobody's: whoever cleans up the account deletes it.
    async fn take_away_what_was_left(&self, chain: &Chain, expected: &Expected, after: &[Held; 2]) {
        for (side, role) in after.iter().enumerate() {
            let ours = |role: &&crossrole_testkit::simulator::Role| role.tags.contains_key("crossrole.dev/owner");
            let left = role.as_ref().filter(|role| !ours(role));
            if let Some(role) = left.filter(|_| !expected.entries.contains_key(SIDES[side])) {
                let deleted = self.scene.simulator.delete_role(&chain.place.ids[side], &role.name);
                deleted.await.unwrap();
            }
        }
    }

    async fn judge_removal(&self, chain: &mut Chain, after: &[Held; 2]) {
        chain.exists = false;
        let retains = chain.declared.role["deletionPolicy"] == "Retain";
        for (side, role) in after.iter().enumerate() {
            let Some(role) = role else { continue };
            let ours = role.tags.keys().any(|key| key.starts_with("crossrole.dev/"));
            if ours || !retains {
                chain.fail(format!("a role was left when its object went: {role:?}"));
            }
            let deleted = self.scene.simulator.delete_role(&chain.place.ids[side], &role.name);
            deleted.await.unwrap();
        }
    }

    /// A look at everything writes nothing, neither to AWS nor to the object.
    pub(super) async fn rest(&self, round: &mut [(&mut Chain, Work)]) {
        let before = self.kinds.roles.list().await;
        self.scene.simulator.reset_calls().await.unwrap();
        let mut asking = Vec::new();
        for (chain, _) in &mut *round {
            chain.place.asked += 1;
            chain.at_rest = None;
            if chain.exists && chain.failure.is_none() {
                asking.push((chain.place.name.clone(), chain.place.asked));
            }
        }
        let names: Vec<String> = asking.iter().map(|(name, _)| name.clone()).collect();
        self.kinds.roles.ask(asking).await;
        let mut objects = BTreeMap::new();
        let looked = eventually(PATIENCE, "a look at every object", async || {
            objects = self.kinds.roles.list().await;
            let waits = names.iter().find(|name| !objects.get(*name).is_some_and(is_handled));
            waits.map_or(Ok(()), |name| Err(name.clone()))
        });
        let looked = looked.await;
        let calls = self.scene.simulator.calls(0).await.unwrap().into_iter();
        // What AWS goes on refusing has to be asked again: nobody else says when it no longer would.
        let writes: Vec<_> = calls.filter(|call| call.kind == "write" && call.code == "OK").collect();
        for (chain, _) in round {
            let name = &chain.place.name;
            if !names.contains(name) {
                continue;
            }
            let (Some(before), Some(now)) = (before.get(name), objects.get(name)) else {
                chain.fail("the object is gone");
                continue;
            };
            if looked.is_err() && !is_handled(now) {
                chain.fail(format!("a look never ended: {}", now["status"]));
            }
            let status = |object: &Value| {
                let mut status = object["status"].clone();
                status["lastHandledReconcileAt"] = Value::Null;
                status
            };
            if status(before) != status(now) {
                chain.fail(format!(
                    "at rest, status changed from {} to {}",
                    before["status"], now["status"]
                ));
            }
            if let Some(write) = writes.iter().find(|write| chain.place.ids.contains(&write.account)) {
                chain.fail(format!("at rest, an account was written to: {write:?}"));
            }
            chain.at_rest = version(now);
        }
    }

    /// Deletes the twins of the round; the next ones need no room beside them.
    pub(super) async fn clear_up(&self, round: &[(&mut Chain, Work)]) {
        for (chain, _) in round {
            let Some(failure) = &chain.failure else { continue };
            say("campaign", &format!("FAILED {}: {failure}", chain.place.name));
            let log = self.operator.log();
            for line in log.lines().filter(|line| line.contains(&chain.place.name)) {
                say("campaign", line);
            }
        }
        let twins = self.kinds.roles.list().await;
        let twins: Vec<String> = twins.into_keys().filter(|name| name.starts_with("twin-")).collect();
        self.kinds.roles.delete(twins.clone()).await;
        let of_twins = twins.iter().flat_map(|twin| SIDES.map(|side| format!("{twin}-{side}")));
        self.kinds.accounts.delete(of_twins.collect()).await;
    }
}

fn version(object: &Value) -> Option<String> {
    object["metadata"]["resourceVersion"].as_str().map(str::to_string)
}
