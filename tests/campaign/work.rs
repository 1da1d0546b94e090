//! The first half of a round: what others do by hand, what is declared, the faults, and waiting until all of it has
//! come to rest.

use std::collections::BTreeMap;

use crossrole_testkit::{eventually, scene};
use serde_json::{Value, json};

use super::chain::{Chain, Declaration, Place, SIDES};
use super::claims::{self, Expected, Held, is_at_rest, is_handled};
use super::stage::{PATIENCE, Stage, accounts};
use super::tally::Tally;
use super::transition::{Edit, Step, Transition};

/// What one chain goes through in one round.
pub struct Work {
    pub transition: Transition,
    /// What the accounts held before anything was declared, with what was edited by hand.
    pub before: [Held; 2],
    /// What the API server said against the declaration.
    pub against: Option<String>,
    pub twin: Option<Place>,
    pub faults: Vec<u64>,
    /// What the accounts held when status said Ready, while faults lasted.
    pub witnessed: Option<[Held; 2]>,
    pub came_through: bool,
}

impl Stage {
    /// What others do by hand.
    pub(super) async fn edit(&self, chain: &mut Chain, transition: Transition, tally: &mut Tally) -> Work {
        let simulator = &self.scene.simulator;
        let name = chain.place.role_name(&chain.declared);
        for (side, edit) in &transition.edits {
            let account = &chain.place.ids[*side];
            let role = simulator.role(account, &name).await.unwrap();
            tally.edits += usize::from(role.is_some() || matches!(edit, Edit::Person));
            match (edit, role) {
                (Edit::Person, _) => {
                    let person = chain.place.person();
                    let identity = scene::IDENTITY_ACCOUNT;
                    simulator.delete_role(identity, &person).await.unwrap();
                    self.make_person(&person).await;
                }
                (_, None) => {}
                (Edit::Delete, _) => simulator.delete_role(account, &name).await.unwrap(),
                (Edit::Profile, _) => {
                    let roles = [name.as_str()];
                    simulator
                        .create_instance_profile(account, "profile", &roles)
                        .await
                        .unwrap();
                }
                (Edit::Rewrite, Some(role)) => {
                    let edits = json!({"trust": rewritten(&role.trust)});
                    // A trust policy that names the dead is one that nobody can write.
                    let _ = simulator.edit_role(account, &name, edits).await;
                }
                (Edit::Role(edits), Some(_)) => {
                    chain.revocable |= edits["inline"]["AWSRevokeOlderSessions"].is_object();
                    simulator.edit_role(account, &name, edits.clone()).await.unwrap();
                }
            }
        }
        Work {
            before: claims::held(simulator, &chain.place, &chain.declared).await,
            transition,
            against: None,
            twin: None,
            faults: Vec::new(),
            witnessed: None,
            came_through: false,
        }
    }

    /// Rules first, and what is declared once the operator has seen them.
    pub(super) async fn declare(&mut self, round: &mut [(&mut Chain, Work)], tally: &mut Tally) {
        let (mut seen_classes, mut seen_accounts) = (Vec::new(), Vec::new());
        for (chain, work) in &mut *round {
            let Step::Declare(next) = &work.transition.step else {
                continue;
            };
            // What is taken stays declared, even if the rest is not.
            if next.class != chain.declared.class {
                match self.kinds.classes.apply(&chain.place.class_object(next)).await {
                    Ok(object) => {
                        seen_classes.push(object);
                        chain.declared.class = next.class.clone();
                    }
                    Err(refusal) => work.against = Some(refusal),
                }
            }
            for side in 0..SIDES.len() {
                if next.accounts[side] == chain.declared.accounts[side] {
                    continue;
                }
                match self.kinds.accounts.apply(&chain.place.account_object(side, next)).await {
                    Ok(object) => {
                        seen_accounts.push(object);
                        chain.declared.accounts[side] = next.accounts[side].clone();
                    }
                    Err(refusal) => work.against = Some(refusal),
                }
            }
        }
        self.wait_until_seen(&self.kinds.classes, &seen_classes).await;
        self.wait_until_seen(&self.kinds.accounts, &seen_accounts).await;
        for (chain, work) in &mut *round {
            for fault in &work.transition.faults {
                work.faults.push(self.scene.simulator.fault(fault).await.unwrap());
            }
            self.declare_role(chain, work).await;
            tally.begun(&work.transition);
        }
        self.declare_twins(round).await;
    }

    async fn declare_role(&self, chain: &mut Chain, work: &mut Work) {
        chain.place.asked += 1;
        let next = match &work.transition.step {
            Step::Remove => {
                self.kinds.roles.delete(vec![chain.place.name.clone()]).await;
                return;
            }
            Step::Declare(_) if work.against.is_some() => chain.declared.clone(),
            Step::Declare(next) => (**next).clone(),
            Step::Same => chain.declared.clone(),
            Step::Breach(role) => Declaration {
                role: role.clone(),
                ..chain.declared.clone()
            },
        };
        match self.kinds.roles.apply(&chain.place.role_object(&next)).await {
            Ok(_) => {
                if matches!(work.transition.step, Step::Breach(_)) {
                    chain.fail("the API server took what the schema does not take");
                }
                chain.exists = true;
                chain.declared = next;
            }
            // The old declaration stays, and so does what it asks for.
            Err(refusal) => {
                work.against = Some(refusal);
                if chain.exists {
                    self.kinds
                        .roles
                        .ask(vec![(chain.place.name.clone(), chain.place.asked)])
                        .await;
                } else {
                    chain.fail(format!("was never taken: {:?}", work.against));
                }
            }
        }
        chain.revocable |=
            claims::ends_access(&chain.declared.role, &chain.declared.class) || work.transition.is_faulty();
    }

    async fn declare_twins(&mut self, round: &mut [(&mut Chain, Work)]) {
        let (mut owned, mut roles) = (Vec::new(), Vec::new());
        for (chain, work) in round {
            let known = self.expected.get(&chain.number);
            let removed = matches!(work.transition.step, Step::Remove);
            if removed || known.is_some_and(|known| known.declaration == chain.declared) {
                continue;
            }
            let twin = Place::twin(self.twins, &chain.place.name);
            self.twins += 1;
            self.make_accounts(&twin, chain.is_free()).await;
            owned.extend(accounts(&twin, &chain.declared));
            roles.push(twin.role_object(&chain.declared));
            work.twin = Some(twin);
        }
        self.declare_rules(Vec::new(), owned).await;
        self.kinds.roles.apply_all(roles).await;
    }

    /// Waits until every fault has struck, or the look is over without. What status says meanwhile must be so.
    pub(super) async fn bear(&self, round: &mut [(&mut Chain, Work)]) {
        let simulator = &self.scene.simulator;
        let borne = eventually(PATIENCE, "faults that strike", async || {
            let objects = self.kinds.roles.list().await;
            let mut left = None;
            for (chain, work) in &mut *round {
                if work.faults.is_empty() || work.came_through {
                    continue;
                }
                let object = objects.get(&chain.place.name);
                let mut struck = object.is_none_or(is_handled);
                for fault in &work.faults {
                    struck |= simulator.fault_report(*fault).await.unwrap().fired > 0;
                }
                let says_ready = object
                    .is_some_and(|object| is_handled(object) && scene::condition(object, "Ready")["status"] == "True");
                if says_ready && !work.transition.lags && chain.exists && work.witnessed.is_none() {
                    work.witnessed = Some(claims::held(simulator, &chain.place, &chain.declared).await);
                }
                work.came_through = struck;
                left = left.or((!struck).then(|| chain.place.name.clone()));
            }
            left.map_or(Ok(()), Err)
        });
        borne.await.unwrap();
        for (_, work) in &mut *round {
            for fault in work.faults.drain(..) {
                simulator.end_fault(fault).await.unwrap();
            }
        }
    }

    /// Follows the work until every object is where its twin is, and asks for looks where a fault has left it elsewhere.
    pub(super) async fn settle(&mut self, round: &mut [(&mut Chain, Work)]) {
        let mut late = BTreeMap::new();
        let settled = eventually(PATIENCE, "objects at rest", async || {
            let objects = self.kinds.roles.list().await;
            late.clear();
            let mut asking = Vec::new();
            for (chain, work) in &mut *round {
                let name = chain.place.name.clone();
                let object = objects.get(&name);
                if matches!(work.transition.step, Step::Remove) {
                    if let Some(object) = object {
                        late.insert(name, format!("still there: {}", object["status"]));
                    }
                    continue;
                }
                if let Some(twin) = &work.twin {
                    let there = objects.get(&twin.name).filter(|object| is_at_rest(object));
                    let Some(there) = there else {
                        let status = objects.get(&twin.name).map(|object| object["status"].to_string());
                        late.insert(name, format!("its twin {} is not at rest: {status:?}", twin.name));
                        continue;
                    };
                    let held = claims::held(&self.scene.simulator, twin, &chain.declared).await;
                    let expected = Expected::new(&chain.declared, there, twin, &held);
                    self.expected.insert(chain.number, expected);
                    work.twin = None;
                }
                let Some(expected) = self.expected.get(&chain.number) else {
                    continue;
                };
                let met = object
                    .ok_or_else(|| "gone".to_string())
                    .and_then(|object| expected.is_met_by(object));
                if let Err(difference) = met {
                    if object.is_some_and(is_handled) {
                        chain.place.asked += 1;
                        asking.push((name.clone(), chain.place.asked));
                    }
                    late.insert(name, difference);
                }
            }
            self.kinds.roles.ask(asking).await;
            late.values().next().map_or(Ok(()), |first| Err(first.clone()))
        });
        if settled.await.is_ok() {
            return;
        }
        for (chain, _) in round {
            if let Some(difference) = late.remove(&chain.place.name) {
                chain.fail(difference);
            }
        }
    }
}

/// A trust policy of the same meaning: statements and lists the other way round.
fn rewritten(trust: &Value) -> Value {
    match trust {
        Value::Array(items) => items.iter().rev().map(rewritten).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), rewritten(value)))
            .collect(),
        other => other.clone(),
    }
}
