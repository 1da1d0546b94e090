//! Which principals exist, as trust policies need to know, and what becomes of them when they are deleted.

use std::sync::Arc;

use super::World;
use crate::policy::trust::{KnownPrincipals, without_principal};

impl KnownPrincipals for World {
    fn stored_form(&self, principal: &str) -> Option<String> {
        if principal == "*" {
            return Some(principal.to_owned());
        }
        if is_account_id(principal) {
            let partition = self.accounts.get(principal).map_or("aws", |account| &account.partition);
            return Some(format!("arn:{partition}:iam::{principal}:root"));
        }
        if let Some(arn) = self.arn_of_unique_id(principal) {
            return Some(arn);
        }
        let parts: Vec<_> = principal.splitn(6, ':').collect();
        let ["arn", _, service, "", account, resource] = parts[..] else {
            return None;
        };
        if !is_account_id(account) || resource.contains(['*', '?']) {
            return None;
        }
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        let fine = match (service, kind) {
            ("iam", "root") => name.is_empty(),
            ("iam", "user") => self
                .accounts
                .get(account)
                .is_none_or(|held| held.has_user_arn(principal)),
            ("iam", "role") => self
                .accounts
                .get(account)
                .is_none_or(|held| held.has_role_arn(principal)),
            ("sts", "assumed-role") => {
                let role = name.split('/').next().unwrap_or_default();
                self.accounts
                    .get(account)
                    .is_none_or(|held| held.roles.contains_key(&role.to_lowercase()))
            }
            ("sts", "federated-user") => true,
            _ => false,
        };
        fine.then(|| principal.to_owned())
    }
}

impl World {
    fn arn_of_unique_id(&self, id: &str) -> Option<String> {
        if !id.starts_with("AROA") && !id.starts_with("AIDA") {
            return None;
        }
        self.accounts.values().find_map(|account| {
            let role = account
                .roles
                .values()
                .find(|role| role.id == id)
                .map(|role| role.arn.clone());
            role.or_else(|| {
                account
                    .users
                    .values()
                    .find(|user| user.id == id)
                    .map(|user| user.arn.clone())
            })
        })
    }

    /// In every trust policy of every account, puts the unique id in the place of a principal that is no more.
    pub(crate) fn bury_principal(&mut self, arn: &str, unique_id: &str) {
        let now_ms = self.now_ms();
        for account in self.accounts.values_mut() {
            let mut touched = false;
            for role in account.roles.values_mut() {
                if let Some(changed) = without_principal(&role.trust, arn, unique_id) {
                    Arc::make_mut(role).trust = changed;
                    touched = true;
                }
            }
            if touched {
                account.touch(now_ms);
            }
        }
    }
}

/// Twelve digits.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
