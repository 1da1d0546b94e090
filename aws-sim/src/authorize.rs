//! What a caller may do: its identity policies, within its permissions boundary, within its session policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::context::Context;
use crate::policy::document::Document;
use crate::policy::evaluate::{Verdict, evaluate};
use crate::world::account::Account;
use crate::world::credential::{Caller, CallerKind};

/// The policies of a caller by layer. An action needs an Allow in each layer that is there, and a Deny in none.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    identity: Vec<Document>,
    boundary: Option<Vec<Document>>,
    session: Option<Vec<Document>>,
}

/// Which layer refused, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    layer: &'static str,
    explicit: bool,
}

impl Refusal {
    /// The end of AWS's sentence.
    pub(crate) fn reason(self, action: &str) -> String {
        let Self { layer, explicit } = self;
        if explicit {
            let article = if layer.starts_with('i') { "an" } else { "a" };
            format!("with an explicit deny in {article} {layer}")
        } else {
            format!("because no {layer} allows the {action} action")
        }
    }
}

impl Layers {
    /// Collects the policies of a caller from its account.
    pub(crate) fn of(caller: &Caller, account: &Account) -> Self {
        let mut layers = Self::default();
        match &caller.kind {
            CallerKind::Root => {}
            CallerKind::User(name) => {
                let Some(user) = account.user(name) else { return layers };
                layers.add(account, &user.inline, &user.attached);
                for group in user
                    .groups
                    .iter()
                    .filter_map(|name| account.groups.get(&name.to_lowercase()))
                {
                    layers.add(account, &group.inline, &group.attached);
                }
                layers.bound_by(account, user.boundary.as_deref());
            }
            CallerKind::Session { session, .. } => {
                let Some(role) = account.role(&session.role_name) else {
                    return layers;
                };
                layers.add(account, &role.inline, &role.attached);
                layers.bound_by(account, role.boundary.as_deref());
                if !session.policies.is_empty() {
                    layers.session = Some(session.policies.clone());
                }
            }
        }
        layers
    }

    fn add(&mut self, account: &Account, inline: &BTreeMap<String, Document>, attached: &BTreeSet<String>) {
        self.identity.extend(inline.values().cloned());
        self.identity
            .extend(attached.iter().filter_map(|arn| account.managed_document(arn)).cloned());
    }

    /// A boundary that no longer exists allows nothing.
    fn bound_by(&mut self, account: &Account, boundary: Option<&str>) {
        self.boundary = boundary.map(|arn| account.managed_document(arn).cloned().into_iter().collect());
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &[Document])> {
        let identity = Some(("identity-based policy", self.identity.as_slice()));
        let boundary = self
            .boundary
            .as_deref()
            .map(|documents| ("permissions boundary", documents));
        let session = self.session.as_deref().map(|documents| ("session policy", documents));
        [identity, boundary, session].into_iter().flatten()
    }

    /// Whether the caller may, by its own policies.
    pub(crate) fn check(&self, action: &str, resource: &str, context: &Context) -> Result<(), Refusal> {
        self.check_denials(action, resource, context)?;
        self.check_allows(
            action,
            resource,
            context,
            &["identity-based policy", "permissions boundary", "session policy"],
        )
    }

    /// Whether no layer denies it outright.
    pub(crate) fn check_denials(&self, action: &str, resource: &str, context: &Context) -> Result<(), Refusal> {
        for (layer, documents) in self.each() {
            if evaluate(documents, action, resource, context) == Verdict::Denied {
                return Err(Refusal { layer, explicit: true });
            }
        }
        Ok(())
    }

    /// Whether each of the named layers, where it is there, allows it.
    pub(crate) fn check_allows(
        &self,
        action: &str,
        resource: &str,
        context: &Context,
        layers: &[&str],
    ) -> Result<(), Refusal> {
        for (layer, documents) in self.each().filter(|(layer, _)| layers.contains(layer)) {
            if evaluate(documents, action, resource, context) != Verdict::Allowed {
                return Err(Refusal { layer, explicit: false });
            }
        }
        Ok(())
    }
}
