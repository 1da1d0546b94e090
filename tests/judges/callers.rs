//! Making of users and roles in a judge, and of sessions for those of them that call.

use aws_sdk_iam::config::Credentials;
use serde_json::json;

use super::judge::{Asked, Judge, answer, built, credentials, failed, not_refused};
use super::table::{ACCOUNTS, Caller, Kind, Request, RoleOrder, document};

impl Judge<'_> {
    /// Makes all callers of the table, and in each account one who makes sessions of the roles that call.
    pub(super) async fn create_callers(&mut self) -> Asked<()> {
        for account in ACCOUNTS {
            let usher = Caller {
                account: account.to_owned(),
                kind: Kind::User,
                name: None,
                path: None,
                group: None,
                may: vec![json!({"Action": "sts:*"})],
                boundary: Vec::new(),
                tags: Default::default(),
                session: Request::default(),
            };
            self.create_caller(&usher_of(account), &usher).await?;
        }
        for (name, caller) in &self.world.callers {
            self.create_caller(name, caller).await?;
        }
        Ok(())
    }

    /// Makes a user with an access key, or a role with a session.
    pub async fn create_caller(&mut self, name: &str, caller: &Caller) -> Asked<Credentials> {
        let keys = match caller.kind {
            Kind::User => self.create_user(name, caller).await?,
            Kind::Role => self.create_calling_role(name, caller).await?,
        };
        self.callers.insert(name.to_owned(), keys.clone());
        Ok(keys)
    }

    /// Deletes a role that calls, and makes it anew.
    pub(super) async fn make_anew(&mut self, name: &str) -> Asked<()> {
        let caller = &self.world.callers[name];
        let iam = self.root(&caller.account);
        let role = caller.name_in_iam(name);
        let call = iam.delete_role_policy().role_name(role).policy_name("may");
        not_refused(answer("DeleteRolePolicy", call.send().await))?;
        not_refused(answer("DeleteRole", iam.delete_role().role_name(role).send().await))?;
        self.create_caller(name, caller).await.map(drop)
    }

    async fn create_user(&self, name: &str, caller: &Caller) -> Asked<Credentials> {
        let iam = self.root(&caller.account);
        let boundary = self.create_boundary(&caller.account, name, &caller.boundary).await?;
        let name = caller.name_in_iam(name);
        let call = iam.create_user().user_name(name).set_path(caller.path.clone());
        let call = call
            .set_permissions_boundary(boundary)
            .set_tags(some(iam_tags(&caller.tags)));
        not_refused(answer("CreateUser", call.send().await))?;
        if let Some(text) = some_document(&caller.may) {
            let call = iam.put_user_policy().user_name(name).policy_name("may");
            not_refused(answer("PutUserPolicy", call.policy_document(text).send().await))?;
        }
        if let Some(group) = &caller.group {
            not_refused(answer("CreateGroup", iam.create_group().group_name(group).send().await))?;
            let call = iam.add_user_to_group().group_name(group).user_name(name);
            not_refused(answer("AddUserToGroup", call.send().await))?;
        }
        let call = iam.create_access_key().user_name(name);
        let made = not_refused(answer("CreateAccessKey", call.send().await))?;
        let key = made.access_key.ok_or_else(|| failed("no access key"))?;
        Ok(credentials(key.access_key_id, key.secret_access_key, None))
    }

    async fn create_calling_role(&self, name: &str, caller: &Caller) -> Asked<Credentials> {
        let trust = document(&[json!({"Principal": {"AWS": caller.account}})], "sts:*", None);
        let order = RoleOrder {
            path: caller.path.clone(),
            may: caller.may.clone(),
            boundary: caller.boundary.clone(),
            tags: caller.tags.clone(),
        };
        let arn = self
            .create_role(&caller.account, caller.name_in_iam(name), &trust, &order)
            .await?;
        let usher = &self.callers[&usher_of(&caller.account)];
        not_refused(self.assume(usher, &arn, &caller.session).await)
    }

    /// Makes a role, and gives its ARN.
    pub async fn create_role(&self, account: &str, name: &str, trust: &str, order: &RoleOrder) -> Asked<String> {
        // Only AWS itself makes roles at such a path.
        let path = order.path.clone().filter(|path| path.starts_with("/aws-reserved/"));
        if let (true, Some(path)) = (self.is_simulator, path) {
            let may = json!({"may": some_document(&order.may)});
            let role = json!({"name": name, "path": path, "trust": trust, "inline": may});
            let made = self.simulator.create_role(account, role).await.map_err(failed)?;
            return Ok(made.arn);
        }
        let iam = self.root(account);
        let boundary = self.create_boundary(account, name, &order.boundary).await?;
        let call = iam.create_role().role_name(name).set_path(order.path.clone());
        let call = call
            .assume_role_policy_document(trust)
            .set_permissions_boundary(boundary)
            .set_tags(some(iam_tags(&order.tags)));
        let made = not_refused(answer("CreateRole", call.send().await))?;
        if let Some(text) = some_document(&order.may) {
            let call = iam.put_role_policy().role_name(name).policy_name("may");
            not_refused(answer("PutRolePolicy", call.policy_document(text).send().await))?;
        }
        made.role
            .map(|role| role.arn)
            .ok_or_else(|| failed("CreateRole answered without a role"))
    }

    /// Makes a customer managed policy, and gives its ARN.
    pub async fn create_policy(&self, account: &str, name: &str, text: &str) -> Asked<Option<String>> {
        let call = self.root(account).create_policy();
        let call = call.policy_name(name).policy_document(text);
        let made = not_refused(answer("CreatePolicy", call.send().await))?;
        Ok(made.policy.and_then(|policy| policy.arn))
    }

    async fn create_boundary(
        &self,
        account: &str,
        name: &str,
        statements: &[serde_json::Value],
    ) -> Asked<Option<String>> {
        match some_document(statements) {
            Some(text) => self.create_policy(account, &format!("boundary-of-{name}"), &text).await,
            None => Ok(None),
        }
    }
}

impl Caller {
    /// The name in IAM of the caller that the table calls so.
    fn name_in_iam<'a>(&'a self, name: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(name)
    }

    /// The ARN of the user or role that the table calls so.
    pub(super) fn arn(&self, name: &str) -> String {
        let kind = match self.kind {
            Kind::User => "user",
            Kind::Role => "role",
        };
        let path = self.path.as_deref().unwrap_or("/");
        format!("arn:aws:iam::{}:{kind}{path}{}", self.account, self.name_in_iam(name))
    }
}

fn usher_of(account: &str) -> String {
    format!("usher-{account}")
}

fn iam_tags(tags: &std::collections::BTreeMap<String, String>) -> Vec<aws_sdk_iam::types::Tag> {
    let tag =
        |(key, value): (&String, &String)| built(aws_sdk_iam::types::Tag::builder().key(key).value(value).build());
    tags.iter().map(tag).collect()
}

pub(super) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub(super) fn some_document(statements: &[serde_json::Value]) -> Option<String> {
    (!statements.is_empty()).then(|| document(statements, "*", Some("*")))
}
