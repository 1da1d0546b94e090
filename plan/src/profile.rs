//! What a trusted principal needs to assume a role: a profile of the AWS CLI, a link for the console.
//!
//! A role is told only where its trust policy says yes to exactly what the profile makes the CLI send. What hangs on
//! anything else, be it a fact that nobody has told or a thing that a profile cannot hold, is left out, with the reason.
//!
//! | file | holds |
//! | --- | --- |
//! | `profile` | [`Profile`], and what is left out |
//! | `request` | what a profile makes the CLI send, and which conditions that meets |

mod request;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crossrole_iam::document::{Condition, Effect};
use crossrole_iam::quota::CHAINED_SESSION_DURATION_MOST;
use crossrole_iam::{AccountId, ExternalId, IamPrincipal, PrincipalArn};
use jiff::Timestamp;

use crate::access::{Kind, Place, Reach, Row, State, Way, Who, is_session, reach};
use crate::declaration::OrganizationId;
use request::{Request, Verdict};

/// Who assumes roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// This user or role.
    Principal(PrincipalArn),
    /// Anybody of this account.
    Account(AccountId),
}

impl FromStr for Caller {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("arn:") {
            return text.parse().map(Self::Principal).map_err(|error| format!("{error}"));
        }
        text.parse().map(Self::Account).map_err(|error| format!("{error}"))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(arn) => write!(formatter, "{arn}"),
            Self::Account(id) => write!(formatter, "{id}"),
        }
    }
}

impl Caller {
    fn account(&self) -> &AccountId {
        match self {
            Self::Principal(arn) => arn.account(),
            Self::Account(id) => id,
        }
    }
}

/// What else is known of the caller.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Whether the profile names an MFA device.
    pub mfa: bool,
    /// The organisation of the caller's account.
    pub organization: Option<OrganizationId>,
}

/// What a principal needs to assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The role.
    pub place: Place,
    /// For whom.
    pub who: Who,
    /// Whether the MFA device must be named.
    pub mfa: bool,
    /// The external id.
    pub external_id: Option<String>,
    /// The session name that the trust policy asks for.
    pub session_name: Option<String>,
    /// The longest session that can be asked for, in seconds.
    pub duration: u32,
}

/// A role that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The role.
    pub place: Place,
    /// Whom it trusts; `None` where nobody knows.
    pub who: Option<Who>,
    /// Why no profile opens it.
    pub why: String,
}

/// Profiles for the roles that a caller may assume, and what is left out, in the order of the rows. Of an account's
/// principals each that is trusted has its own.
///
/// The rows of one role must stand together, all of them: a Deny counts too.
pub fn profiles(rows: &[Row], caller: &Caller, given: &Given, now: Timestamp) -> Vec<Result<Profile, Box<LeftOut>>> {
    let mut found = Vec::new();
    let somewhere = |role: &&[Row]| role.iter().all(|row| !row.is_nowhere());
    for role in rows.chunk_by(|left, right| left.place == right.place).filter(somewhere) {
        let name = caller.to_string();
        let is_meant =
            |row: &&Row| row.effect == Effect::Allow && row.who.as_ref().is_some_and(|who| who.may_be(&name));
        let trusted: Vec<&Row> = role.iter().filter(is_meant).collect();
        let judged = trusted
            .iter()
            .filter(|row| row.ways.iter().any(Way::assumes))
            .filter_map(|row| {
                let who = row.who.as_ref()?;
                Some(profile(row, who, role, caller, given, now))
            });
        // Whom the role lets in beside those that are told, nobody knows.
        let unknown = role.iter().filter(|row| row.who.is_none());
        let unknown = unknown.map(|row| {
            let why = format!("nobody knows whom it lets in: {}", standing(row));
            Err(left_out(row, None, why))
        });
        let judged = judged.chain(unknown);
        match caller {
            Caller::Account(_) => found.extend(judged),
            // One profile is enough.
            Caller::Principal(_) => {
                let judged: Vec<_> = judged.collect();
                let best = judged.iter().find(|one| one.is_ok()).or(judged.first());
                found.extend(best.cloned());
            }
        }
    }
    found
}

fn profile(
    row: &Row,
    who: &Who,
    role: &[Row],
    caller: &Caller,
    given: &Given,
    now: Timestamp,
) -> Result<Profile, Box<LeftOut>> {
    if row.state != State::Open {
        return Err(left_out(row, Some(who), standing(row)));
    }
    let kind = kind(caller, who);
    let principal = match caller {
        Caller::Principal(arn) => Some(arn.clone()),
        // An account is asked for, and one of its principals is trusted by name.
        Caller::Account(_) => match who {
            Who::Principal(arn) => arn.parse().ok(),
            _ => None,
        },
    };
    let base = Request {
        principal: principal.as_ref(),
        account: caller.account(),
        kind,
        organization: given.organization.as_ref(),
        mfa: false,
        external_id: None,
        session_name: None,
        now,
    };
    let mfa: &[bool] = if given.mfa && kind != Some(IamPrincipal::Role) {
        &[false, true]
    } else {
        &[false]
    };
    let external_ids = optional(external_ids(row));
    let session_names = optional(session_names(row, &base));
    for mfa in mfa {
        for external_id in &external_ids {
            for session_name in &session_names {
                let request = Request {
                    mfa: *mfa,
                    external_id: external_id.as_deref(),
                    session_name: session_name.as_deref(),
                    ..base
                };
                if is_let_in(row, caller, &request) && !may_be_kept_out(role, who, caller, &request) {
                    return Ok(Profile {
                        place: row.place.clone(),
                        who: who.clone(),
                        mfa: *mfa,
                        external_id: external_id.clone(),
                        session_name: session_name.clone(),
                        duration: match kind {
                            Some(IamPrincipal::User) => row.max_session,
                            _ => row.max_session.min(CHAINED_SESSION_DURATION_MOST),
                        },
                    });
                }
            }
        }
    }
    Err(left_out(row, Some(who), why(row, given)))
}

fn left_out(row: &Row, who: Option<&Who>, why: String) -> Box<LeftOut> {
    Box::new(LeftOut {
        place: row.place.clone(),
        who: who.cloned(),
        why,
    })
}

/// How a role stands that is not open.
fn standing(row: &Row) -> String {
    let (word, detail) = (row.state.word(), row.state.detail());
    match detail.as_str() {
        "" => format!("it is {word}"),
        detail => format!("it is {word}, {detail}"),
    }
}

fn optional(values: Vec<String>) -> Vec<Option<String>> {
    std::iter::once(None).chain(values.into_iter().map(Some)).collect()
}

fn why(row: &Row, given: &Given) -> String {
    let mut why = format!("it hangs on more than a profile can hold: {}", row.how());
    if row.mfa() != crate::access::Need::No && !given.mfa {
        why.push_str("; --mfa-serial names an MFA device");
    }
    if !row.organizations().is_empty() && given.organization.is_none() {
        why.push_str("; --organization says where the account belongs");
    }
    why
}

/// Whether a user or a role comes; `None` where it may be either.
fn kind(caller: &Caller, who: &Who) -> Option<IamPrincipal> {
    let of_arn = |arn: &str| {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        match resource.split('/').next() {
            Some("user") => Some(IamPrincipal::User),
            Some("role" | "assumed-role") => Some(IamPrincipal::Role),
            _ => None,
        }
    };
    match (caller, who) {
        (Caller::Principal(arn), _) => Some(arn.kind()),
        (_, Who::Account { kind: Kind::Users, .. }) => Some(IamPrincipal::User),
        (_, Who::Account { kind: Kind::Roles, .. } | Who::PermissionSet { .. }) => Some(IamPrincipal::Role),
        (_, Who::Principal(arn) | Who::Pattern(arn)) => of_arn(arn),
        _ => None,
    }
}

/// The external ids that the ways in ask for.
fn external_ids(row: &Row) -> Vec<String> {
    let values = conditions(row).filter(|condition| condition.is_about("sts:ExternalId"));
    let values = values.flat_map(|condition| &condition.values);
    let ids: BTreeSet<&String> = values.filter(|id| id.parse::<ExternalId>().is_ok()).collect();
    ids.into_iter().cloned().collect()
}

/// The session names that the ways in ask for, where they are written in full.
fn session_names(row: &Row, request: &Request<'_>) -> Vec<String> {
    let values = conditions(row).filter(|condition| condition.is_about("sts:RoleSessionName"));
    let values = values.flat_map(|condition| &condition.values);
    let filled = values.filter_map(|value| request.filled(value));
    // AWS STS API Reference, `AssumeRole` (`RoleSessionName`).
    let fits = |name: &String| {
        let is_taken = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
        (2..=64).contains(&name.len()) && name.chars().all(is_taken)
    };
    let names: BTreeSet<String> = filled.filter(fits).collect();
    names.into_iter().collect()
}

fn conditions(row: &Row) -> impl Iterator<Item = &Condition> {
    row.ways
        .iter()
        .filter(|way| way.assumes())
        .flat_map(|way| &way.conditions)
}

fn is_let_in(row: &Row, caller: &Caller, request: &Request<'_>) -> bool {
    let opens = |way: &Way| {
        // A profile calls this one action.
        way.actions.contains(&"sts:AssumeRole")
            && way.is_open(request.now)
            && request.meets(&way.conditions) == Verdict::Yes
    };
    let is_sure = match &row.who {
        // Of everybody but some nobody can be sure to be one.
        None | Some(Who::AllBut(_)) => false,
        // A role comes as one of its sessions, whose name is not known.
        Some(Who::Principal(arn)) => !is_session(arn) || matches!(caller, Caller::Account(_)),
        Some(_) => true,
    };
    is_sure && row.ways.iter().any(opens)
}

fn may_be_kept_out(role: &[Row], who: &Who, caller: &Caller, request: &Request<'_>) -> bool {
    let mut denials = role.iter().filter(|row| row.effect == Effect::Deny);
    denials.any(|row| {
        let concerns = row.who.as_ref().is_none_or(|denied| match caller {
            Caller::Principal(arn) => denied.may_be(&arn.to_string()),
            Caller::Account(_) => match reach(denied, who) {
                Reach::All => true,
                // That somebody of the account is kept out by name leaves the others in.
                Reach::Some => matches!(who, Who::Principal(_)) || matches!(denied, Who::Anyone | Who::AllBut(_)),
                Reach::None => false,
            },
        });
        let denies =
            |way: &Way| way.actions.contains(&"sts:AssumeRole") && request.meets(&way.conditions) != Verdict::No;
        concerns && row.ways.iter().any(denies)
    })
}

/// So many characters at most have path and name together of a role that the console switches to.
const SWITCHED_NAME_MOST: usize = 64;

/// The console shows names of so many characters; that it takes longer ones is not documented.
const SHOWN_NAME_MOST: usize = 64;

/// Where the console switches roles. Sources: AWS General Reference, "AWS Sign-In endpoints and quotas"; AWS China and
/// GovCloud (US) User Guides.
fn sign_in(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("signin.aws.amazon.com"),
        "aws-cn" => Some("signin.amazonaws.cn"),
        "aws-us-gov" => Some("signin.amazonaws-us-gov.com"),
        "aws-eusc" => Some("signin.amazonaws-eusc.eu"),
        _ => None,
    }
}

impl Profile {
    /// The link by which the console switches to the role; `None` where the console cannot: it presents no external id, chooses
    /// the session name itself, and takes no longer names.
    ///
    /// Sources: IAM User Guide, "Switch from a user to an IAM role (console)", and "IAM and AWS STS quotas" (path and name of
    /// roles that are switched to).
    pub fn console_link(&self) -> Option<String> {
        if self.external_id.is_some() || self.session_name.is_some() {
            return None;
        }
        let parts: Vec<&str> = self.place.role_arn.splitn(6, ':').collect();
        let [_, partition, _, _, account, resource] = parts.as_slice() else {
            return None;
        };
        let role = resource.strip_prefix("role/")?;
        // The slash before the path counts.
        if role.chars().count() + 1 > SWITCHED_NAME_MOST {
            return None;
        }
        let role = encoded(role);
        let shown = format!("{} {}", self.place.account, self.place.object.name);
        let shown: String = shown.chars().take(SHOWN_NAME_MOST).collect();
        let shown = encoded(&shown);
        let host = sign_in(partition)?;
        Some(format!(
            "https://{host}/switchrole?account={account}&roleName={role}&displayName={shown}"
        ))
    }
}

/// RFC 3986: what stands in a query as it is, and the rest percent-encoded.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests;
