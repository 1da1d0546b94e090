//! What the bootstrap role or the grant role may do, and what it needs: its own policies compared with the kit's.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_iam::document::{Condition, Document, Effect, ResourceElement, Statement};
use crossrole_iam::pattern;

use super::{Finding, Level, OwnRights, PRINT_AGAIN, Side};
use crate::account::Account;
use crate::kit::Call;

/// The right to do everything. Source: AWS Managed Policy Reference, `AdministratorAccess`.
const ADMINISTRATOR: &str = ":iam::aws:policy/AdministratorAccess";

/// What is wrong with what a role may do. `permissions`: what it shall be allowed; `calls`: what is done as it; `tried`: which
/// of them were made, and whether they worked.
pub(super) fn findings(
    role: &str,
    rights: &OwnRights,
    tried: &BTreeMap<&'static str, Option<String>>,
    permissions: &Document,
    account: &Account,
    calls: &[Call],
) -> Vec<Finding> {
    let mut findings = above(role, rights);
    let inline = match &rights.inline {
        Ok(inline) => inline,
        Err(error) => {
            let fix = "allow iam:ListRolePolicies and iam:GetRolePolicy on it to the bootstrap role";
            findings.push(unknown(format!("what the {role} role may write: {error}"), fix));
            return findings;
        }
    };
    let mut found = Vec::new();
    for (name, document) in inline {
        match document {
            Ok(document) => found.extend(document.statements.iter().map(|statement| here(statement, account))),
            Err(error) => findings.push(unknown(
                format!("what the {role} role's policy {name} allows: {error}"),
                "write that policy anew",
            )),
        }
    }
    let expected: Vec<Statement> = permissions.statements.iter().map(|one| here(one, account)).collect();
    let whole = Expected {
        role,
        found: &found,
        expected: &expected,
        attached: rights.attached.as_ref().is_ok_and(|attached| !attached.is_empty()),
    };
    findings.extend(whole.missing(calls, tried));
    findings.extend(whole.denied());
    findings.extend(whole.too_much(calls));
    findings.extend(whole.not_denied());
    findings
}

/// What stands beside or above the role's own policies.
fn above(role: &str, rights: &OwnRights) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &rights.attached {
        Ok(attached) if attached.iter().any(|arn| arn.ends_with(ADMINISTRATOR)) => findings.push(Finding::new(
            Level::Warning,
            Side::Account,
            format!(
                "AdministratorAccess is attached to the {role} role: whoever gets hold of crossrole may do everything"
            ),
            format!("detach it, and {PRINT_AGAIN}"),
        )),
        Ok(attached) if !attached.is_empty() => {
            let names: Vec<&str> = attached.iter().map(String::as_str).collect();
            let what = format!(
                "what the policies allow that are attached to the {role} role: {}",
                names.join(", ")
            );
            findings.push(unknown(what, &format!("detach them, and {PRINT_AGAIN}")));
        }
        Ok(_) => {}
        Err(error) => findings.push(unknown(
            format!("which policies are attached to the {role} role: {error}"),
            "allow iam:ListAttachedRolePolicies on it to the bootstrap role",
        )),
    }
    if let Ok(Some(boundary)) = &rights.boundary {
        findings.push(unknown(
            format!("what the {role} role's own boundary {boundary} leaves of its rights"),
            "take it off, for the kit's rights need no ceiling; or make sure that it allows them all",
        ));
    }
    findings
}

fn unknown(what: String, fix: &str) -> Finding {
    Finding::new(Level::Unknown, Side::Account, what, fix)
}

/// A statement as it reads in one account: the kit's says "whichever account".
fn here(statement: &Statement, account: &Account) -> Statement {
    let put_in = |text: &String| {
        text.replace("${aws:PrincipalAccount}", account.id.as_str())
            .replace(":iam::*:", &format!(":iam::{}:", account.id))
    };
    let mut statement = statement.clone();
    if let Some(ResourceElement::Resource(resources)) = &mut statement.resource {
        *resources = resources.iter().map(put_in).collect();
    }
    for condition in &mut statement.conditions {
        condition.values = condition.values.iter().map(put_in).collect();
    }
    statement
}

struct Expected<'a> {
    /// Which role, in a word.
    role: &'a str,
    found: &'a [Statement],
    expected: &'a [Statement],
    /// Whether other policies, which were not read, may allow what these do not.
    attached: bool,
}

fn resources(statement: &Statement) -> &[String] {
    statement.resource.as_ref().map_or(&[], |element| element.patterns())
}

fn speaks_of(statement: &Statement, action: &str) -> bool {
    let patterns = statement.action.patterns();
    let matches = patterns
        .iter()
        .any(|pattern| pattern::matches_ignoring_case(pattern, action));
    matches != statement.action.is_not()
}

/// Whether a statement speaks of all that a resource stands for.
fn covers(outer: &Statement, resource: &str) -> bool {
    let is_not = outer.resource.as_ref().is_some_and(|element| element.is_not());
    let mut patterns = resources(outer).iter();
    !is_not && patterns.any(|pattern| pattern::contains(pattern, resource))
}

/// Whether a right on a resource is no more than one on those of the kit. Each of IAM's writes speaks of one type of
/// resource, so where the kit names all of the type, `*` is no more.
fn reaches_no_further(resource: &str, own: &Statement) -> bool {
    let is_whole_type = |own: &str| {
        let kind = own.rsplit(':').next().and_then(|last| last.strip_suffix("/*"));
        kind.is_some_and(|kind| !kind.contains(['/', '*']))
    };
    let mut whole = resources(own).iter().filter(|own| is_whole_type(own));
    covers(own, resource) || whole.any(|own| pattern::contains(resource, own))
}

/// Whether whatever meets `needed` meets `asked`: the same test of the same key, with no fewer values.
fn is_met(asked: &Condition, needed: &[Condition]) -> bool {
    needed.iter().any(|one| {
        let same = one.operator == asked.operator && one.is_about(&asked.key);
        let held = |value: &String| {
            asked
                .values
                .iter()
                .any(|outer| outer == value || pattern::contains(outer, value))
        };
        same && one.values.iter().all(held)
    })
}

impl Expected<'_> {
    fn of(&self, effect: Effect) -> impl Iterator<Item = &Statement> {
        self.expected.iter().filter(move |statement| statement.effect == effect)
    }

    /// Rights that the kit gives, and the role has not.
    fn missing(&self, calls: &[Call], tried: &BTreeMap<&'static str, Option<String>>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for call in calls {
            // What was tried is known already.
            if tried.contains_key(call.action) {
                continue;
            }
            let needed = self
                .of(Effect::Allow)
                .find(|statement| speaks_of(statement, call.action));
            let Some((needed, why)) = needed.and_then(|needed| Some((needed, self.why_missing(needed, call.action)?)))
            else {
                continue;
            };
            let level = if self.attached { Level::Unknown } else { Level::Problem };
            let place = resources(needed).join(", ");
            findings.push(Finding::new(
                level,
                Side::Account,
                format!("the {} role may not {} on {place}: {why}", self.role, call.action),
                format!("allow {} to the {} role: {PRINT_AGAIN}", call.action, self.role),
            ));
        }
        findings
    }

    fn why_missing(&self, needed: &Statement, action: &str) -> Option<String> {
        let allows = self
            .found
            .iter()
            .filter(|one| one.effect == Effect::Allow && speaks_of(one, action));
        let is_covered = |one: &Statement| resources(needed).iter().all(|resource| covers(one, resource));
        let here: Vec<&Statement> = allows.clone().filter(|one| is_covered(one)).collect();
        let is_enough = |one: &&&Statement| one.conditions.iter().all(|asked| is_met(asked, &needed.conditions));
        if here.iter().any(|one| is_enough(&one)) {
            return None;
        }
        let more = here.first().and_then(|one| {
            let mut asked = one.conditions.iter();
            asked.find(|asked| !is_met(asked, &needed.conditions))
        });
        Some(match (more, allows.count()) {
            (Some(asked), _) => format!(
                "it is allowed only where {} {} {}",
                asked.key,
                asked.operator,
                asked.values.join(", ")
            ),
            (None, 0) => "nothing allows it".to_string(),
            (None, _) => "it is allowed elsewhere only".to_string(),
        })
    }

    /// Denials that the kit does not have, of what it gives.
    fn denied(&self) -> Vec<Finding> {
        let is_own = |deny: &&Statement| {
            self.of(Effect::Deny).any(|must| {
                let known = |resource: &String| resources(must).iter().any(|own| is_same(own, resource));
                says_the_same(must, deny) && resources(deny).iter().all(known)
            })
        };
        let strange = self.found.iter();
        let strange = strange.filter(|one| one.effect == Effect::Deny && !is_own(one));
        let mut findings = Vec::new();
        for deny in strange {
            let hit = |needed: &Statement| {
                let is_not = deny.resource.as_ref().is_some_and(|element| element.is_not());
                let meets = |resource: &String| resources(deny).iter().any(|one| pattern::intersects(one, resource));
                let mut actions = needed.action.patterns().iter().filter(|action| speaks_of(deny, action));
                let meets = is_not || resources(needed).iter().any(meets);
                meets.then(|| actions.next().cloned()).flatten()
            };
            let Some(action) = self.of(Effect::Allow).find_map(hit) else {
                continue;
            };
            let level = if deny.conditions.is_empty() {
                Level::Problem
            } else {
                Level::Unknown
            };
            let sid = deny.sid.as_deref().unwrap_or("without a Sid");
            findings.push(Finding::new(
                level,
                Side::Account,
                format!(
                    "a Deny ({sid}) of the {} role's own policies speaks of {action}, which crossrole needs",
                    self.role
                ),
                format!("take that statement out: {PRINT_AGAIN}"),
            ));
        }
        findings
    }

    /// Rights that could be used to climb.
    fn too_much(&self, calls: &[Call]) -> Vec<Finding> {
        let mut beyond: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for call in calls.iter().filter(|call| call.right.writes()) {
            if let Some(how) = self.how_beyond(call.action) {
                beyond.entry(how).or_default().push(call.action);
            }
        }
        let beyond = beyond.into_iter().map(|(how, actions)| {
            Finding::new(
                Level::Problem,
                Side::Account,
                format!(
                    "the {} role may {} beyond what the class allows: {how}",
                    self.role,
                    actions.join(", ")
                ),
                format!("allow it on the kit's resources and with the kit's conditions alone: {PRINT_AGAIN}"),
            )
        });
        beyond.chain(self.needless(calls)).collect()
    }

    /// How the role may use an action where the kit does not let it.
    fn how_beyond(&self, action: &str) -> Option<String> {
        let of_action = |one: &&Statement| speaks_of(one, action);
        let given: Vec<&Statement> = self.of(Effect::Allow).filter(of_action).collect();
        let found = |effect: Effect| {
            let found = self.found.iter().filter(move |one| one.effect == effect);
            found.filter(of_action)
        };
        let is_denied = |resource: &String| {
            let mut denies = found(Effect::Deny).filter(|deny| deny.conditions.is_empty());
            denies.any(|deny| covers(deny, resource))
        };
        found(Effect::Allow).find_map(|allow| {
            if allow.resource.as_ref().is_some_and(|element| element.is_not()) {
                return Some(format!("it is allowed on all but {}", resources(allow).join(", ")));
            }
            let names = |resource: &String| given.iter().any(|own| reaches_no_further(resource, own));
            let is_beyond = |resource: &&String| !is_denied(resource);
            let mut beyond = resources(allow).iter().filter(is_beyond).peekable();
            beyond.peek()?;
            let strange: Vec<&str> = beyond.filter(|one| !names(one)).map(String::as_str).collect();
            if !strange.is_empty() {
                return Some(format!("it is allowed on {}", strange.join(", ")));
            }
            let mut bounds = given.iter().map(|own| &own.conditions);
            let is_bounded = bounds.any(|own| own.iter().all(|must| is_met(must, &allow.conditions)));
            (!is_bounded).then(|| "a condition is missing or wider".to_string())
        })
    }

    /// Rights that the role has no use for.
    fn needless(&self, calls: &[Call]) -> Option<Finding> {
        // Accounts are entered by the operator itself, and from either role there is nowhere to go.
        let calls = calls.iter().filter(|call| !call.right.enters());
        let known: BTreeSet<String> = calls.map(|call| call.action.to_ascii_lowercase()).collect();
        let mut more = BTreeSet::new();
        for statement in self.found.iter().filter(|one| one.effect == Effect::Allow) {
            if statement.action.is_not() {
                more.insert("everything but some".to_string());
                continue;
            }
            let patterns = statement.action.patterns().iter();
            more.extend(
                patterns
                    .filter(|pattern| !known.contains(&pattern.to_ascii_lowercase()))
                    .cloned(),
            );
        }
        let more: Vec<String> = more.into_iter().collect();
        (!more.is_empty()).then(|| {
            Finding::new(
                Level::Warning,
                Side::Account,
                format!(
                    "the {} role may do more than it ever needs: {}",
                    self.role,
                    more.join(", ")
                ),
                format!("allow what crossrole needs alone: {PRINT_AGAIN}"),
            )
        })
    }

    /// Denials of the kit that the role has not: that it does not touch itself or the boundary.
    fn not_denied(&self) -> Option<Finding> {
        let denies: Vec<&Statement> = self.found.iter().filter(|one| one.effect == Effect::Deny).collect();
        let is_held = |must: &Statement, resource: &String| {
            denies.iter().any(|deny| {
                let reaches = |one: &String| is_same(resource, one) || pattern::contains(one, resource);
                says_the_same(must, deny) && resources(deny).iter().any(reaches)
            })
        };
        let lost = |must: &&Statement| resources(must).iter().any(|resource| !is_held(must, resource));
        let lost: Vec<String> = self
            .of(Effect::Deny)
            .filter(lost)
            .filter_map(|statement| statement.sid.clone())
            .collect();
        (!lost.is_empty()).then(|| {
            Finding::new(
                Level::Warning,
                Side::Account,
                format!("the {} role lacks denials of the kit: {}", self.role, lost.join(", ")),
                format!("put them back: {PRINT_AGAIN}"),
            )
        })
    }
}

/// Whether two statements say the same, of whatever resources.
fn says_the_same(one: &Statement, other: &Statement) -> bool {
    let (one, other) = (one.canonical(), other.canonical());
    one.action == other.action && one.conditions == other.conditions
}

/// Whether a resource of the kit is this one. Of the operator's role the path is not known: its sessions do not tell it.
fn is_same(own: &str, resource: &str) -> bool {
    let named = |text: &str| text.rsplit('/').next().map(str::to_string);
    own == resource || (own.contains(super::PATH_NOT_KNOWN) && named(own) == named(resource))
}
