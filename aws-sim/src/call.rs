//! One call while it is carried out: who calls, with what, on which world.

use std::net::IpAddr;

use crate::authorize::{Layers, Refusal};
use crate::policy::context::Context;
use crate::policy::reshape;
use crate::wire::error::{Answer, AwsError};
use crate::wire::paging::Page;
use crate::wire::request::{Parameters, Signer};
use crate::wire::xml::Service;
use crate::world::World;
use crate::world::account::Account;
use crate::world::credential::{Caller, CallerKind};
use crate::world::time::{Seconds, iso};
use crate::{iam, sts};

/// A request, read but not yet carried out.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) signer: Signer,
    pub(crate) token: Option<String>,
    pub(crate) action: String,
    pub(crate) parameters: Parameters,
    /// Where it came from.
    pub(crate) peer: IpAddr,
    /// Where it says that it came from, which counts more.
    pub(crate) source_ip: Option<IpAddr>,
}

/// How a call sees things, where that is not as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sight {
    /// An earlier state of its account.
    pub(crate) state: Option<u64>,
    /// A rolled number for the size of its page.
    pub(crate) short_pages: Option<u64>,
    /// The seed with which documents are written in another form.
    pub(crate) reshape: Option<u64>,
}

/// A call that nobody has signed.
#[derive(Debug)]
pub(crate) struct Outside<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) parameters: &'a Parameters,
    /// What is known about every request.
    pub(crate) context: Context,
    pub(crate) now: Seconds,
}

impl Request {
    /// Carries the request out.
    pub(crate) fn carry_out(&self, world: &mut World, sight: Sight) -> Answer {
        let account = self.acting_account(world);
        if self.is_write() {
            // A write finds things as they are, but for a role of which nobody has heard there yet: its answer is that of an
            // unknown role, which has no path to be allowed by.
            let unknown = |world: &mut World| {
                let held = world.account(&account);
                self.role()
                    .is_some_and(|name| held.is_ok_and(|held| held.role(name).is_none()))
            };
            if sight.state.is_some() && world.as_of(&account, sight.state, unknown) {
                let state = sight.state;
                self.act(
                    world,
                    &account,
                    Sight {
                        state,
                        ..Sight::default()
                    },
                )?;
            }
            return self.act(world, &account, Sight::default());
        }
        let answer = self.act(world, &account, sight)?;
        Ok(match sight.reshape {
            Some(seed) => reshape::documents(&answer, seed, &account),
            None => answer,
        })
    }

    fn act(&self, world: &mut World, account: &str, sight: Sight) -> Answer {
        let now = world.now();
        let stated = self.source_ip.unwrap_or(self.peer);
        if sts::is_unsigned(&self.action) {
            return world.as_of(account, sight.state, |world| {
                let outside = Outside {
                    world,
                    parameters: &self.parameters,
                    context: request_context(Some(stated), now),
                    now,
                };
                sts::dispatch_unsigned(&self.action, outside)
            });
        }
        let caller = world.caller(&self.signer.access_key, self.token.as_deref())?;
        world.uses_role(&caller, &self.signer.region);
        let source_ip = self.source_ip.or(caller.source_ip).unwrap_or(self.peer);
        let context = caller_context(&caller, source_ip, now);
        // Who calls and what they may is never out of date: only what they look at is.
        let layers = Layers::of(&caller, world.account(&caller.account)?);
        world.as_of(account, sight.state, |world| {
            let mut call = Call {
                world,
                caller,
                layers,
                parameters: &self.parameters,
                short_pages: sight.short_pages,
                context,
                now,
            };
            match self.signer.service {
                Service::Iam => iam::dispatch(&self.action, &mut call),
                Service::Sts => sts::dispatch(&self.action, &mut call),
            }
        })
    }

    /// The account that the call acts in: that of the role for `AssumeRole`, else the caller's.
    pub(crate) fn acting_account(&self, world: &World) -> String {
        let of_role = self.parameters.get("RoleArn").and_then(|arn| arn.split(':').nth(4));
        let of_key = || world.account_of_key(&self.signer.access_key);
        of_role.or_else(of_key).unwrap_or_default().to_owned()
    }

    /// True for what STS counts for whoever asks, whichever account the role is in.
    pub(crate) fn assumes_role(&self) -> bool {
        self.action == "AssumeRole"
    }

    /// The name of the role that the call is about, if it is about one.
    pub(crate) fn role(&self) -> Option<&str> {
        let of_arn = || self.parameters.get("RoleArn").and_then(|arn| arn.rsplit('/').next());
        self.parameters.get("RoleName").or_else(of_arn)
    }

    /// True for the calls of IAM, false for those of STS.
    pub(crate) fn is_iam(&self) -> bool {
        self.signer.service == Service::Iam
    }

    /// True if the call changes something in an account. STS only hands out sessions.
    pub(crate) fn is_write(&self) -> bool {
        let reads = ["Get", "List", "Simulate", "Generate"];
        self.is_iam() && !reads.iter().any(|prefix| self.action.starts_with(prefix))
    }
}

/// A call in progress.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) caller: Caller,
    /// What the caller's own policies say.
    pub(crate) layers: Layers,
    pub(crate) parameters: &'a Parameters,
    /// How short pages are, if they are to be short.
    pub(crate) short_pages: Option<u64>,
    /// What is known about the caller and the request; each action adds what it knows about the resource.
    pub(crate) context: Context,
    pub(crate) now: Seconds,
}

impl Call<'_> {
    /// The caller's account, in which IAM acts.
    pub(crate) fn account(&self) -> Result<&Account, AwsError> {
        self.world.account(&self.caller.account)
    }

    /// The same, to be changed.
    pub(crate) fn account_mut(&mut self) -> Result<&mut Account, AwsError> {
        self.world.account_mut(&self.caller.account)
    }

    /// The part of a list that the call asks for.
    pub(crate) fn page(&self) -> Result<Page, AwsError> {
        Ok(Page::read(self.parameters)?.shortened(self.short_pages))
    }

    /// Fails unless the caller's policies allow the action on the resource. `shown` is how the refusal names it.
    pub(crate) fn authorize(
        &self,
        action: &str,
        resource: &str,
        shown: &str,
        context: &Context,
    ) -> Result<(), AwsError> {
        if matches!(self.caller.kind, CallerKind::Root) {
            return Ok(());
        }
        self.layers
            .check(action, resource, context)
            .map_err(|refusal| self.denied(action, shown, refusal))
    }

    fn denied(&self, action: &str, shown: &str, refusal: Refusal) -> AwsError {
        AwsError::access_denied(format!(
            "User: {} is not authorized to perform: {action} on resource: {shown} {}",
            self.caller.arn,
            refusal.reason(action)
        ))
    }
}

/// The condition keys that every request has, whoever makes it.
pub(crate) fn request_context(source_ip: Option<IpAddr>, now: Seconds) -> Context {
    let mut context = Context::default();
    context.set("aws:CurrentTime", iso(now));
    context.set("aws:EpochTime", now.to_string());
    context.set_optional("aws:SourceIp", source_ip.map(|address| address.to_string()));
    context.set("aws:SecureTransport", "true");
    context.set("aws:ViaAWSService", "false");
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:RequestedRegion", "us-east-1");
    context
}

/// The condition keys that every request of a caller has.
fn caller_context(caller: &Caller, source_ip: IpAddr, now: Seconds) -> Context {
    let mut context = request_context(Some(source_ip), now);
    context.set("aws:PrincipalAccount", caller.account.as_str());
    context.set("aws:userid", caller.user_id.as_str());
    if let Some(organization) = &caller.organization {
        context.set("aws:PrincipalOrgID", organization.id.as_str());
        context.set_many("aws:PrincipalOrgPaths", vec![organization.path.clone()]);
    }
    match &caller.kind {
        CallerKind::Root => {
            context.set("aws:PrincipalType", "Account");
            context.set("aws:PrincipalArn", caller.arn.as_str());
        }
        CallerKind::User(name) => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:PrincipalArn", caller.arn.as_str());
            context.set("aws:username", name.as_str());
        }
        CallerKind::Session { session, role_arn } => {
            context.set("aws:PrincipalType", "AssumedRole");
            context.set("aws:PrincipalArn", role_arn.as_str());
            context.set_optional("aws:SourceIdentity", session.attributes.source_identity.as_deref());
            for (key, values) in &session.attributes.provider_keys {
                context.set_many(key, values.clone());
            }
        }
    }
    context.set_tags(
        "aws:PrincipalTag",
        caller.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())),
    );
    if caller.temporary {
        // Long-term keys say nothing about MFA at all, which is why `BoolIfExists` lets them in.
        context.set("aws:MultiFactorAuthPresent", caller.mfa_at.is_some().to_string());
        context.set_optional(
            "aws:MultiFactorAuthAge",
            caller.mfa_at.map(|at| (now - at).max(0).to_string()),
        );
        context.set("aws:TokenIssueTime", iso(caller.issued));
    }
    context
}
