//! How things stand, as a scrape tells it.

/// How things stand at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether this process may write. The rest is told by whoever may alone.
    pub leader: bool,
    /// Entries of all CrossAccountRoles, by account id (empty: no AWSAccount says it) and state.
    pub roles: Vec<(String, &'static str, i64)>,
    /// The same entries, by reason.
    pub reasons: Vec<(&'static str, i64)>,
    /// Of the roles that are there, how many nobody used for so many days.
    pub unused: Vec<(&'static str, i64)>,
    /// AssumeRoleGrants, by the id of the account that holds something of them or may (empty: none does) and by what their
    /// conditions say.
    pub grants: Vec<(String, &'static str, i64)>,
    /// Objects that wait for a person and that no account tells of, by kind and reason.
    pub stalled: Vec<(&'static str, String, i64)>,
    /// Looks at roles that are under way, or wait for their turn.
    pub looks_under_way: usize,
    /// The next moment at which the validity of an object ends, in seconds since 1970.
    pub next_validity_end: Option<i64>,
    /// The AWSAccounts that there are.
    pub accounts: Vec<AccountStanding>,
    /// Whether those are all: one that cannot be read has an id that nobody knows.
    pub all_accounts: bool,
}

/// How one account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountStanding {
    /// Its id.
    pub id: String,
    /// Whether it can be entered; absent where no call is wanted.
    pub ready: Option<bool>,
    /// How many roles carry our tags and no object wants; absent before the account was read.
    pub orphans: Option<i64>,
    /// Whether no call is made for now; absent where none was ever made.
    pub breaker_open: Option<bool>,
    /// When the session of the bootstrap role ends, in seconds since 1970.
    pub credentials_expiry: Option<i64>,
}
