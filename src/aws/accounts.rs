//! All accounts: one handle each, made on first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Hub;
use super::account::{AccountHandle, Entrance};

/// All accounts that this process works in.
#[derive(Debug)]
pub struct Accounts {
    /// The identity that the operator itself runs with.
    pub hub: Hub,
    session_name: String,
    handles: Mutex<HashMap<Entrance, Arc<AccountHandle>>>,
}

impl Accounts {
    /// No account yet. `cluster` goes into the session name, so that CloudTrail says which operator it was.
    pub fn new(hub: Hub, cluster: &str) -> Self {
        Self {
            hub,
            session_name: session_name(cluster),
            handles: Mutex::default(),
        }
    }

    /// The handle of an account. Another bootstrap role, external id or session duration makes another handle, so that
    /// nothing that was fetched the old way is used.
    pub fn account(&self, entrance: &Entrance) -> Arc<AccountHandle> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handles.get(entrance) {
            return handle.clone();
        }
        handles.retain(|known, _| known.account != entrance.account);
        let handle = Arc::new(AccountHandle::new(
            self.hub.clone(),
            entrance.clone(),
            self.session_name.clone(),
        ));
        handles.insert(entrance.clone(), handle.clone());
        handle
    }
}

// Session names hold 2 to 64 of [\w+=,.@-]: STS API Reference, AssumeRole.
fn session_name(cluster: &str) -> String {
    let kept: String = cluster
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || "+=,.@-_".contains(character) {
                character
            } else {
                '-'
            }
        })
        .collect();
    format!("crossrole-{kept}").chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_is_one_that_sts_takes() {
        assert_eq!(session_name("5d1f-22"), "crossrole-5d1f-22");
        assert_eq!(session_name("a b/c"), "crossrole-a-b-c");
        assert_eq!(session_name(&"x".repeat(200)).len(), 64);
    }
}
