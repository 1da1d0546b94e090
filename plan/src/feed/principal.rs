//! Who did something, as CloudTrail's `userIdentity` says.
//!
//! Sources: AWS CloudTrail User Guide, "CloudTrail userIdentity element"; IAM User Guide, "Logging IAM and AWS STS API calls
//! with AWS CloudTrail" (its table says what the copy in either account of a cross-account call names).

use crossrole_api::Mfa;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::text::is_plain;

/// A name in a record holds at most so many bytes here: an ARN of IAM is shorter, and the name of a federated user is
/// whatever its provider says.
const NAME_SIZE: usize = 256;

/// What kind of principal it was: `userIdentity.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// The account's root.
    Root,
    /// An IAM user.
    IAMUser,
    /// A session of a role.
    AssumedRole,
    /// A user of `GetFederationToken`.
    FederatedUser,
    /// Somebody of another account, of whom only the account and an id are told.
    AWSAccount,
    /// An AWS service.
    AWSService,
    /// A user of a SAML provider.
    SAMLUser,
    /// A user of an OpenID Connect provider.
    WebIdentityUser,
    /// A user of IAM Identity Center.
    IdentityCenterUser,
    /// Of a kind that crossrole does not know.
    Other,
}

impl PrincipalKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Root,
        Self::IAMUser,
        Self::AssumedRole,
        Self::FederatedUser,
        Self::AWSAccount,
        Self::AWSService,
        Self::SAMLUser,
        Self::WebIdentityUser,
        Self::IdentityCenterUser,
        Self::Other,
    ];

    /// As CloudTrail writes it; `Other` for a kind that crossrole does not know.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "Root",
            Self::IAMUser => "IAMUser",
            Self::AssumedRole => "AssumedRole",
            Self::FederatedUser => "FederatedUser",
            Self::AWSAccount => "AWSAccount",
            Self::AWSService => "AWSService",
            Self::SAMLUser => "SAMLUser",
            Self::WebIdentityUser => "WebIdentityUser",
            Self::IdentityCenterUser => "IdentityCenterUser",
            Self::Other => "Other",
        }
    }

    fn of(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.unwrap_or(Self::Other)
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What kind of principal it was.
    pub kind: PrincipalKind,
    /// What to call it: its ARN where that is told, or else what is. At most 256 bytes, without control characters.
    pub name: String,
    /// Its account, where it has one.
    pub account: Option<String>,
    /// Tells it from others, and is the same in both copies of a cross-account call. Sessions of one role are one, but those that
    /// are called as a person is: by an address of mail, as IAM Identity Center calls them where that is the user's name.
    pub key: String,
    /// The role whose session it is, by its ARN.
    pub issuer: Option<String>,
    /// What the session is called.
    pub session: Option<String>,
    /// Whether it came with a second factor, as far as its session tells.
    mfa_of_session: Option<bool>,
}

impl Principal {
    /// Reads `userIdentity`.
    pub(super) fn of(identity: &Value) -> Self {
        let text = |pointer: &str| {
            identity
                .pointer(pointer)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let kind = PrincipalKind::of(text("/type").unwrap_or_default());
        let account = text("/accountId").map(clean);
        let id = text("/principalId");
        // `AROA…:session`: every other colon is part of the id.
        let role_session = id.filter(|id| id.starts_with("AROA")).and_then(|id| id.split_once(':'));
        let by_provider = || Some(format!("{}:{}", text("/identityProvider")?, text("/userName")?));
        let by_account = || Some(format!("{} of account {}", id?, text("/accountId")?));
        let name = match kind {
            PrincipalKind::WebIdentityUser | PrincipalKind::SAMLUser => {
                by_provider().or_else(|| id.map(str::to_string))
            }
            _ => text("/arn")
                .or_else(|| text("/invokedBy"))
                .map(str::to_string)
                .or_else(by_account)
                .or_else(|| id.map(str::to_string)),
        };
        let name = name.map_or_else(|| "somebody of whom nothing is told".to_string(), |name| clean(&name));
        let key = match (id, role_session) {
            (_, Some((role, session))) if !is_person(session) => role.to_string(),
            (_, Some((role, session))) => format!("{role}:{}", number_of(session)),
            (Some(id), None) => id.to_string(),
            (None, None) => name.clone(),
        };
        Self {
            kind,
            key: format!("{}/{key}", account.as_deref().unwrap_or_default()),
            account,
            issuer: text("/sessionContext/sessionIssuer/arn").map(clean),
            session: role_session.map(|(_, session)| clean(session)),
            mfa_of_session: match text("/sessionContext/attributes/mfaAuthenticated") {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            name,
        }
    }

    /// Whether other sessions of its role have the same key.
    pub(super) fn is_one_of_many(&self) -> bool {
        self.session.as_deref().is_some_and(|session| !is_person(session))
    }

    /// Whether it assumed a role with a second factor. `with_device`: the call named an MFA device, whose code STS checks
    /// before it grants. Long-term keys alone carry no second factor: IAM User Guide, "AWS global condition context keys"
    /// (`aws:MultiFactorAuthPresent`). Of federated users AWS knows nothing of the kind.
    pub(super) fn mfa(&self, with_device: bool) -> Mfa {
        match (self.kind, self.mfa_of_session) {
            (_, _) if with_device => Mfa::Yes,
            (_, Some(true)) => Mfa::Yes,
            (_, Some(false)) | (PrincipalKind::IAMUser | PrincipalKind::Root, None) => Mfa::No,
            _ => Mfa::Unknown,
        }
    }

    /// What to call it where there is little room: an ARN begins at its account.
    pub fn short(&self) -> &str {
        let arn = self.name.strip_prefix("arn:").and_then(|rest| {
            let (_partition, rest) = rest.split_once(':')?;
            let (_service, rest) = rest.split_once(':')?;
            let (_region, rest) = rest.split_once(':')?;
            Some(rest)
        });
        arn.unwrap_or(&self.name)
    }
}

/// A role's sessions that are called as people are make so many series at most. Whoever assumes a role calls the session as they
/// like, and could make an Event with each.
const PEOPLE: u16 = 4_096;

/// A number below [`PEOPLE`] that stands for a session, for every process the same.
fn number_of(session: &str) -> u16 {
    let [first, second, ..] = <[u8; 32]>::from(Sha256::digest(session));
    u16::from_be_bytes([first, second]) % PEOPLE
}

/// Whether a session is called as a person is.
fn is_person(session: &str) -> bool {
    session.contains('@')
}

/// A text of a record as it can stand in an Event or a log: on one line, in one direction, and not endless.
pub(super) fn clean(text: &str) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        let character = if is_plain(character) { character } else { '\u{fffd}' };
        if kept.len() + character.len_utf8() > NAME_SIZE {
            break;
        }
        kept.push(character);
    }
    kept
}
