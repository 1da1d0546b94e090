//! Sign-ins from outside of IAM: identity providers, services of AWS, pods, certificates; and where callers are.

use aws_sdk_sts::Client;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Credentials, Simulator};
use crate::Error;

/// How a role's trust policy answered somebody from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Let in, with the keys of the session.
    Allowed(Credentials),
    /// Not let in: the code and the message of the refusal.
    Denied(String, String),
}

impl SignIn {
    /// True if the role let them in.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// A pod whose service account EKS Pod Identity binds to a role.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// The ARN of the cluster, which is also `aws:SourceArn`.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The pod's name.
    pub name: String,
    /// The pod's unique id.
    pub uid: String,
}

impl Simulator {
    /// Makes an account at a place of an organisation, such as `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`.
    pub async fn create_account_at(&self, id: &str, organization_path: &str) -> Result<(), Error> {
        let organization = organization_path.split('/').next();
        let order = json!({"id": id, "organization": organization, "organizationPath": organization_path});
        self.tell("/accounts", &order).await
    }

    /// Makes an OIDC provider in an account, or replaces it, and gives its ARN. The issuer begins with `https://`.
    pub async fn create_oidc_provider(&self, account: &str, issuer: &str, audiences: &[&str]) -> Result<String, Error> {
        let order = json!({"url": issuer, "audiences": audiences});
        let made: Value = self
            .post(&format!("/accounts/{account}/oidc-providers"), &order)
            .await?;
        Ok(text(&made["arn"]))
    }

    /// Makes a SAML provider in an account, or replaces it, and gives its ARN.
    pub async fn create_saml_provider(&self, account: &str, name: &str, issuer: &str) -> Result<String, Error> {
        let order = json!({"name": name, "issuer": issuer});
        let made: Value = self
            .post(&format!("/accounts/{account}/saml-providers"), &order)
            .await?;
        Ok(text(&made["arn"]))
    }

    /// A token as an issuer would give it, good for five minutes; `claims` are added to it.
    pub async fn web_identity_token(
        &self,
        issuer: &str,
        audience: &str,
        subject: &str,
        claims: Value,
    ) -> Result<String, Error> {
        let order = json!({"issuer": issuer, "audience": audience, "subject": subject, "claims": claims});
        let made: Value = self.post("/sessions/web-identity-token", &order).await?;
        Ok(text(&made["token"]))
    }

    /// An assertion as a SAML provider would send it, from `{provider, roles, sessionName, subject, attributes, tags…}`.
    pub async fn saml_assertion(&self, order: Value) -> Result<String, Error> {
        let made: Value = self.post("/sessions/saml-assertion", &order).await?;
        Ok(text(&made["assertion"]))
    }

    /// `AssumeRoleWithWebIdentity`, unsigned.
    pub async fn assume_with_web_identity(&self, role_arn: &str, token: &str) -> Result<SignIn, Error> {
        let call = self.unsigned_sts().assume_role_with_web_identity();
        let call = call
            .role_arn(role_arn)
            .role_session_name("web")
            .web_identity_token(token);
        match call.send().await {
            Ok(answer) => answered(answer.credentials),
            Err(error) => match (error.code(), error.message()) {
                (Some(code), message) => Ok(denied(code, message)),
                _ => Err(Error::new(DisplayErrorContext(error).to_string())),
            },
        }
    }

    /// `AssumeRoleWithSAML`, unsigned.
    pub async fn assume_with_saml(&self, role_arn: &str, provider_arn: &str, assertion: &str) -> Result<SignIn, Error> {
        let call = self.unsigned_sts().assume_role_with_saml();
        let call = call
            .role_arn(role_arn)
            .principal_arn(provider_arn)
            .saml_assertion(assertion);
        match call.send().await {
            Ok(answer) => answered(answer.credentials),
            Err(error) => match (error.code(), error.message()) {
                (Some(code), message) => Ok(denied(code, message)),
                _ => Err(Error::new(DisplayErrorContext(error).to_string())),
            },
        }
    }

    /// A service such as `ec2.amazonaws.com` takes a role, for the sake of a resource and its account.
    pub async fn service_sign_in(
        &self,
        role_arn: &str,
        service: &str,
        source_arn: Option<&str>,
        source_account: Option<&str>,
    ) -> Result<SignIn, Error> {
        let order =
            json!({"role": role_arn, "service": service, "sourceArn": source_arn, "sourceAccount": source_account});
        self.sign_in("/sessions/service", &order).await
    }

    /// A pod takes a role through EKS Pod Identity.
    pub async fn pod_sign_in(&self, role_arn: &str, pod: &Pod) -> Result<SignIn, Error> {
        self.sign_in("/sessions/service", &json!({"role": role_arn, "pod": pod}))
            .await
    }

    /// The holder of a certificate takes a role through Roles Anywhere. `certificate` is `{subject, issuer, san}`, each
    /// with its fields by name; the subject has a `CN`.
    pub async fn roles_anywhere_sign_in(
        &self,
        role_arn: &str,
        trust_anchor_arn: &str,
        mut certificate: Value,
    ) -> Result<SignIn, Error> {
        certificate["role"] = json!(role_arn);
        certificate["trustAnchorArn"] = json!(trust_anchor_arn);
        self.sign_in("/sessions/roles-anywhere", &certificate).await
    }

    /// Makes all requests with an access key come from an address; `None` takes that back.
    pub async fn set_source_ip(&self, access_key_id: &str, address: Option<&str>) -> Result<(), Error> {
        let order = json!({"sourceIp": address});
        self.ask::<Value>(Method::PUT, &format!("/credentials/{access_key_id}"), Some(&order))
            .await
            .map(|_| ())
    }

    /// Any sign-in of the admin interface: the route (`/sessions/service`, `/sessions/roles-anywhere`) and its order.
    pub async fn sign_in(&self, path: &str, order: &Value) -> Result<SignIn, Error> {
        let (status, text) = self.exchange(Method::POST, path, Some(order)).await?;
        let read = |error| Error::because(format!("{path} on aws-sim answered {text}"), error);
        if status.is_success() {
            return serde_json::from_str(&text).map(SignIn::Allowed).map_err(read);
        }
        if status != StatusCode::FORBIDDEN {
            return Err(Error::new(format!(
                "{path} on aws-sim was refused with {status}: {text}"
            )));
        }
        let refusal: Value = serde_json::from_str(&text).map_err(read)?;
        Ok(denied(
            refusal["code"].as_str().unwrap_or_default(),
            refusal["error"].as_str(),
        ))
    }

    fn unsigned_sts(&self) -> Client {
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&self.endpoint);
        Client::from_conf(config.build())
    }
}

fn answered(credentials: Option<aws_sdk_sts::types::Credentials>) -> Result<SignIn, Error> {
    let held = credentials.ok_or_else(|| Error::new("STS answered without credentials"))?;
    Ok(SignIn::Allowed(Credentials {
        access_key_id: held.access_key_id,
        secret_access_key: held.secret_access_key,
        session_token: Some(held.session_token),
    }))
}

fn denied(code: &str, message: Option<&str>) -> SignIn {
    SignIn::Denied(code.to_owned(), message.unwrap_or_default().to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
