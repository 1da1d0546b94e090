//! Access keys, sessions, and who a request comes from.

use std::net::IpAddr;

use super::account::{Account, Organization};
use super::time::Seconds;
use crate::policy::document::Document;

/// A pair of keys, with a token if they are temporary.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) account: String,
    pub(crate) identity: Identity,
    pub(crate) issued: Seconds,
    /// `None` for long-term keys.
    pub(crate) expires: Option<Seconds>,
    /// When MFA was given for this session.
    pub(crate) mfa_at: Option<Seconds>,
    /// Where its requests are said to come from, whatever the connection says.
    pub(crate) source_ip: Option<IpAddr>,
}

/// Whose keys they are.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    Root,
    User { id: String },
    Session(RoleSession),
}

/// A session of a role.
#[derive(Debug, Clone)]
pub(crate) struct RoleSession {
    pub(crate) role_id: String,
    pub(crate) role_name: String,
    pub(crate) session_name: String,
    /// Session policies; none of them means no further limit.
    pub(crate) policies: Vec<Document>,
    pub(crate) attributes: Attributes,
}

/// What a session has from its sign-in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    /// Session tags; no key is there twice, whatever its case.
    pub(crate) tags: Vec<(String, String)>,
    /// The keys of those tags that go on into sessions of further roles.
    pub(crate) transitive: Vec<String>,
    pub(crate) source_identity: Option<String>,
    /// The identity provider's condition keys that stay with the session.
    pub(crate) provider_keys: Vec<(String, Vec<String>)>,
}

impl Attributes {
    /// The tags that sessions of further roles get without being told to.
    pub(crate) fn transitive_tags(&self) -> impl Iterator<Item = &(String, String)> {
        let transitive = |key: &str| self.transitive.iter().any(|held| held.eq_ignore_ascii_case(key));
        self.tags.iter().filter(move |(key, _)| transitive(key))
    }
}

/// What kind of principal a caller is.
#[derive(Debug, Clone)]
pub(crate) enum CallerKind {
    Root,
    /// The name of the user.
    User(String),
    /// The session, and the name and ARN of its role.
    Session {
        session: RoleSession,
        role_arn: String,
    },
}

/// The principal behind a request, with what its keys say about it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) kind: CallerKind,
    pub(crate) account: String,
    pub(crate) partition: String,
    pub(crate) organization: Option<Organization>,
    pub(crate) arn: String,
    /// The unique id of the user or role; the account id for root.
    pub(crate) unique_id: String,
    /// What `GetCallerIdentity` calls the user id, and `aws:userid`.
    pub(crate) user_id: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) issued: Seconds,
    pub(crate) temporary: bool,
    pub(crate) mfa_at: Option<Seconds>,
    pub(crate) source_ip: Option<IpAddr>,
}

impl Caller {
    /// The caller behind a credential, or `None` if its user or role is no more.
    pub(crate) fn of(held: &Credential, account: &Account) -> Option<Self> {
        let (kind, arn, unique_id, user_id, tags) = match &held.identity {
            Identity::Root => {
                let arn = format!("arn:{}:iam::{}:root", account.partition, account.id);
                (
                    CallerKind::Root,
                    arn,
                    account.id.clone(),
                    account.id.clone(),
                    Vec::new(),
                )
            }
            Identity::User { id } => {
                let user = account.user_by_id(id)?;
                let kind = CallerKind::User(user.name.clone());
                (kind, user.arn.clone(), id.clone(), id.clone(), user.tags.clone())
            }
            Identity::Session(session) => {
                let role = account
                    .role(&session.role_name)
                    .filter(|role| role.id == session.role_id)?;
                let arn = session_arn(&account.partition, &account.id, &role.name, &session.session_name);
                let user_id = format!("{}:{}", role.id, session.session_name);
                let mut tags = session.attributes.tags.clone();
                for (key, value) in &role.tags {
                    if !tags.iter().any(|(held, _)| held.eq_ignore_ascii_case(key)) {
                        tags.push((key.clone(), value.clone()));
                    }
                }
                let kind = CallerKind::Session {
                    session: session.clone(),
                    role_arn: role.arn.clone(),
                };
                (kind, arn, role.id.clone(), user_id, tags)
            }
        };
        Some(Self {
            kind,
            account: account.id.clone(),
            partition: account.partition.clone(),
            organization: account.organization.clone(),
            arn,
            unique_id,
            user_id,
            tags,
            issued: held.issued,
            temporary: held.expires.is_some(),
            mfa_at: held.mfa_at,
            source_ip: held.source_ip,
        })
    }

    /// The session, if the caller is one of a role.
    pub(crate) fn session(&self) -> Option<&RoleSession> {
        match &self.kind {
            CallerKind::Session { session, .. } => Some(session),
            _ => None,
        }
    }

    /// True for keys of `GetSessionToken`.
    pub(crate) fn is_session_token(&self) -> bool {
        self.temporary && !matches!(self.kind, CallerKind::Session { .. })
    }
}

/// `arn:aws:sts::ID:assumed-role/ROLE/SESSION`: the role's path is not part of it.
pub(crate) fn session_arn(partition: &str, account: &str, role: &str, session: &str) -> String {
    format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
}
