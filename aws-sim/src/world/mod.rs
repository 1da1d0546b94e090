//! Everything the simulator remembers: accounts and what is in them, credentials, and the clock.

pub(crate) mod account;
pub(crate) mod aws_managed;
pub(crate) mod credential;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod principals;
pub(crate) mod providers;
pub(crate) mod time;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use account::{Account, Role};
use credential::{Caller, CallerKind, Credential, Identity};
use history::{Past, Wanted};
use ids::Ids;
use time::Seconds;

use crate::wire::error::AwsError;

/// All state of the simulated AWS.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<String, Account>,
    credentials: HashMap<String, Credential>,
    pub(crate) ids: Ids,
    pub(crate) past: Past,
    clock_ahead: Seconds,
    issued: u64,
}

impl World {
    /// The time in the simulated AWS.
    pub(crate) fn now(&self) -> Seconds {
        time::system_now() + self.clock_ahead
    }

    /// The same in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        time::system_now_ms() + self.clock_ahead * 1000
    }

    /// Moves the simulated time forward (or back, for what it is worth).
    pub(crate) fn advance(&mut self, seconds: Seconds) {
        self.clock_ahead += seconds;
    }

    /// Forgets everything but which ids were given out.
    pub(crate) fn forget(&mut self) {
        let ids = std::mem::take(&mut self.ids);
        *self = Self { ids, ..Self::default() };
    }

    /// An account that a call acts in.
    pub(crate) fn account(&self, id: &str) -> Result<&Account, AwsError> {
        self.accounts.get(id).ok_or_else(no_account)
    }

    /// The same, to be changed.
    pub(crate) fn account_mut(&mut self, id: &str) -> Result<&mut Account, AwsError> {
        let now_ms = self.now_ms();
        let account = self.accounts.get_mut(id).ok_or_else(no_account)?;
        account.touch(now_ms);
        Ok(account)
    }

    /// Notes that a role's session signs a request. AWS itself tells it to the minute at best, and hours later.
    pub(crate) fn uses_role(&mut self, caller: &Caller, region: &str) {
        let now = self.now();
        let Some(session) = caller.session() else { return };
        let account = self.accounts.get_mut(&caller.account);
        let role = account.and_then(|account| account.roles.get_mut(&session.role_name.to_lowercase()));
        let Some(role) = role else { return };
        let is_old = |(at, _): &(Seconds, String)| now - at >= 60;
        if role.last_used.as_ref().is_none_or(is_old) {
            Arc::make_mut(role).last_used = Some((now, region.to_owned()));
        }
    }

    /// Writes down what has changed since the last time, for those of whose past a fault makes use.
    pub(crate) fn remember(&mut self) {
        self.past.remember(&self.accounts);
    }

    /// Keeps the past of these accounts, and of no others.
    pub(crate) fn keep_past(&mut self, wanted: Wanted) {
        self.past.keep(wanted, &self.accounts);
    }

    /// Does something while an account is as it was in an earlier state. What that changes in the account is lost, but
    /// for its MFA devices, whose codes are used up.
    pub(crate) fn as_of<T>(&mut self, id: &str, state: Option<u64>, act: impl FnOnce(&mut Self) -> T) -> T {
        let Some(earlier) = state.and_then(|number| self.past.history(id)?.account(number)) else {
            return act(self);
        };
        let Some(mut present) = self.accounts.remove(id) else {
            return act(self);
        };
        let mut earlier = Account::clone(&earlier);
        std::mem::swap(&mut earlier.mfa_devices, &mut present.mfa_devices);
        self.accounts.insert(id.to_owned(), earlier);
        let result = act(self);
        if let Some(earlier) = self.accounts.get_mut(id) {
            std::mem::swap(&mut earlier.mfa_devices, &mut present.mfa_devices);
        }
        self.accounts.insert(id.to_owned(), present);
        result
    }

    /// Makes long-term keys.
    pub(crate) fn issue_access_key(&mut self, account: &str, identity: Identity) -> Credential {
        let credential = Credential {
            access_key: self.ids.access_key("AKIA"),
            secret: self.ids.secret(),
            token: None,
            account: account.to_owned(),
            identity,
            issued: self.now(),
            expires: None,
            mfa_at: None,
            source_ip: None,
        };
        self.credentials
            .insert(credential.access_key.clone(), credential.clone());
        credential
    }

    /// Makes temporary keys.
    pub(crate) fn issue_session(
        &mut self,
        account: &str,
        identity: Identity,
        seconds: Seconds,
        mfa_at: Option<Seconds>,
    ) -> Credential {
        let now = self.now();
        self.issued += 1;
        if self.issued.is_multiple_of(4096) {
            // Long runs must not grow: a day after its end nobody needs to be told that a session is over.
            self.credentials
                .retain(|_, held| held.expires.is_none_or(|expires| expires + 86_400 > now));
        }
        let credential = Credential {
            access_key: self.ids.access_key("ASIA"),
            secret: self.ids.secret(),
            token: Some(self.ids.session_token()),
            account: account.to_owned(),
            identity,
            issued: now,
            expires: Some(now + seconds),
            mfa_at,
            source_ip: None,
        };
        self.credentials
            .insert(credential.access_key.clone(), credential.clone());
        credential
    }

    /// Makes all requests with an access key come from an address; `None` lets the connection say it again. False if
    /// there is no such key.
    pub(crate) fn move_credential(&mut self, access_key: &str, address: Option<IpAddr>) -> bool {
        let held = self.credentials.get_mut(access_key);
        held.map(|held| held.source_ip = address).is_some()
    }

    /// The account and the role behind a role ARN.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<(&Account, &Arc<Role>)> {
        let account = self.accounts.get(arn.split(':').nth(4)?)?;
        let role = account.role(arn.rsplit('/').next()?).filter(|role| role.arn == arn)?;
        Some((account, role))
    }

    /// Ends sessions of an account at this moment: of one role, or of all. Gives how many there were.
    pub(crate) fn expire_sessions(&mut self, account: &str, role: Option<&str>) -> usize {
        let now = self.now();
        let of_role = |held: &Credential| match (&held.identity, role) {
            (_, None) => true,
            (Identity::Session(session), Some(role)) => session.role_name.eq_ignore_ascii_case(role),
            _ => false,
        };
        let live = self.credentials.values_mut().filter(|held| {
            held.account == account && held.expires.is_some_and(|expires| expires > now) && of_role(held)
        });
        live.map(|held| held.expires = Some(now)).count()
    }

    /// Ends the sessions of the role that signs with an access key, or of the user.
    pub(crate) fn expire_sessions_of(&mut self, access_key: &str, token: Option<&str>) {
        if let Ok(caller) = self.caller(access_key, token) {
            let role = match &caller.kind {
                CallerKind::Session { session, .. } => Some(session.role_name.as_str()),
                _ => return,
            };
            self.expire_sessions(&caller.account, role);
        }
    }

    /// Takes back the long-term keys of a user that is deleted.
    pub(crate) fn revoke_user_keys(&mut self, account: &str, user_id: &str) {
        self.credentials.retain(|_, held| {
            held.account != account || !matches!(&held.identity, Identity::User { id } if id == user_id)
        });
    }

    /// The access keys of a user.
    pub(crate) fn user_keys(&self, account: &str, user_id: &str) -> usize {
        self.credentials
            .values()
            .filter(|held| held.account == account && held.expires.is_none())
            .filter(|held| matches!(&held.identity, Identity::User { id } if id == user_id))
            .count()
    }

    /// Which account an access key belongs to, whether or not it is still good.
    pub(crate) fn account_of_key(&self, access_key: &str) -> Option<&str> {
        self.credentials.get(access_key).map(|held| held.account.as_str())
    }

    /// Who signs with an access key and session token.
    pub(crate) fn caller(&self, access_key: &str, token: Option<&str>) -> Result<Caller, AwsError> {
        let invalid = || {
            AwsError::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )
        };
        let held = self.credentials.get(access_key).ok_or_else(invalid)?;
        if held.token.as_deref() != token {
            return Err(invalid());
        }
        if held.expires.is_some_and(|expires| expires <= self.now()) {
            return Err(AwsError::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        let account = self.accounts.get(&held.account).ok_or_else(invalid)?;
        Caller::of(held, account).ok_or_else(invalid)
    }
}

fn no_account() -> AwsError {
    AwsError::new(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
}
