//! The account of the caller's own identity, read with that identity and without a bootstrap role.

use crossrole_iam::{Path, RoleName};
use crossrole_plan::observed::Observed;
use tokio::sync::mpsc::unbounded_channel;

use super::account::Depth;
use super::action::Side;
use super::answer::RoleAnswer;
use super::error::CallError;
use super::fenced::Fenced;
use super::gate::Gate;
use super::places::Lanes;
use super::read::{self, Door, Found};
use super::{Existing, Hub};
use crate::metrics::Metrics;

/// The account of the caller's own identity.
#[derive(Debug)]
pub struct OwnAccount {
    iam: aws_sdk_iam::Client,
    gate: Gate,
    long_answers: Lanes,
}

impl OwnAccount {
    /// The account that an identity lives in.
    pub fn of(hub: &Hub) -> Self {
        let iam =
            aws_sdk_iam::config::Builder::from(&hub.config).interceptor(Fenced(hub.fence.clone(), Side::Bootstrap));
        // Nobody waits for the account to answer again.
        let (recovered, _) = unbounded_channel();
        Self {
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            gate: Gate::new(hub.identity.account.clone(), recovered, Metrics::default()),
            long_answers: Lanes::new(1, 1),
        }
    }

    fn door(&self) -> Door<'_> {
        Door {
            iam: &self.iam,
            gate: &self.gate,
            long_answers: &self.long_answers,
        }
    }

    /// All roles at or below a path, with everything that a declaration can hold.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn roles_below(&self, path: &Path) -> Result<Vec<Existing>, CallError> {
        existing(self.door(), path).await
    }

    /// What the account holds under a role's name.
    ///
    /// # Errors
    /// The first call that failed. A role that is not there is no error.
    pub async fn role(&self, name: &RoleName) -> Result<Observed, CallError> {
        let answer = read::role(self.door(), name, Depth::Declared).await?;
        answer.map_or(Ok(Observed::Absent), RoleAnswer::observed)
    }
}

/// All roles at or below a path, with everything that a declaration can hold.
///
/// # Errors
/// The first call that failed.
pub(super) async fn existing(door: Door<'_>, path: &Path) -> Result<Vec<Existing>, CallError> {
    let mut gathered = Gathered::default();
    read::all_roles(door, path, |_, role| gathered.take(path, role)).await?;
    let Gathered { mut whole, alone } = gathered;
    for arn in alone {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let Ok(name) = name.parse::<RoleName>() else { continue };
        match read::role(door, &name, Depth::Declared).await {
            Ok(Some(answer)) if answer.arn == arn => whole.push((arn, answer.observed())),
            // It went meanwhile.
            Ok(_) => {}
            Err(error) => whole.push((arn, Err(error))),
        }
    }
    Ok(whole)
}

/// What is known of the roles at or below a path after both lists.
#[derive(Default)]
struct Gathered {
    whole: Vec<Existing>,
    /// The ARNs of those that only one list shows: one that was made a moment ago, or a page that moved.
    alone: Vec<String>,
}

impl Gathered {
    fn take(&mut self, path: &Path, role: Found) {
        match role {
            Found::Whole(answer) => self.whole.push((answer.arn.clone(), answer.observed())),
            Found::Listed(arn) => self.alone.push(arn),
            Found::Elsewhere(arn, _) if is_below(path, &arn) => self.alone.push(arn),
            Found::Elsewhere(..) => {}
        }
    }
}

fn is_below(path: &Path, arn: &str) -> bool {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    resource
        .strip_prefix("role")
        .is_some_and(|rest| rest.starts_with(path.as_str()))
}

#[cfg(test)]
mod tests {
    use litemap::LiteMap;

    use super::*;

    #[test]
    fn roles_that_one_list_alone_shows_are_read_by_themselves() {
        let arn = |rest: &str| format!("arn:aws:iam::222222222222:role/{rest}");
        let mut gathered = Gathered::default();
        let path = "/ops/".parse().unwrap();
        for role in [
            Found::Whole(RoleAnswer {
                arn: arn("ops/whole"),
                ..RoleAnswer::default()
            }),
            Found::Listed(arn("ops/new")),
            Found::Elsewhere(arn("ops/moved"), LiteMap::new()),
            Found::Elsewhere(arn("other/x"), LiteMap::new()),
        ] {
            gathered.take(&path, role);
        }
        let whole: Vec<&String> = gathered.whole.iter().map(|(arn, _)| arn).collect();
        assert_eq!(whole, [&arn("ops/whole")]);
        assert_eq!(gathered.alone, [arn("ops/new"), arn("ops/moved")]);
    }
}
