//! Asking one of the judges: any action with any parameters, signed as the SDK signs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_iam::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_iam::error::{BoxError, DisplayErrorContext};

use super::answer::Answer;

/// Which of the two services a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Iam,
    Sts,
}

/// Keys, and the account that they belong to.
#[derive(Debug, Clone)]
pub struct Keys {
    pub account: String,
    pub credentials: Credentials,
}

impl Keys {
    pub fn new(account: &str, id: &str, secret: &str, token: Option<String>) -> Self {
        Self {
            account: account.to_owned(),
            credentials: Credentials::new(id, secret, token, None, "agreement"),
        }
    }
}

/// One judge: somewhere that speaks the protocol of IAM and STS.
#[derive(Debug)]
pub struct Asker {
    pub name: &'static str,
    endpoint: String,
    iam: HashMap<String, aws_sdk_iam::Client>,
    sts: HashMap<String, aws_sdk_sts::Client>,
}

impl Asker {
    pub fn new(name: &'static str, endpoint: &str) -> Self {
        Self {
            name,
            endpoint: endpoint.to_owned(),
            iam: HashMap::new(),
            sts: HashMap::new(),
        }
    }

    /// Sends a request and gives what came back. An operation of the SDK carries it: its body is put in before it is
    /// signed, and the answer is caught before anybody makes sense of it.
    pub async fn ask(
        &mut self,
        keys: &Keys,
        service: Service,
        action: &str,
        parameters: &[(String, String)],
    ) -> Answer {
        let caught = Catch::default();
        // moto goes by this header, not by the keys; the others do not know it.
        let account = keys.account.clone();
        let failed = match service {
            Service::Iam => {
                let body = form(action, "2010-05-08", parameters);
                let call = self.iam(keys).get_account_summary().customize();
                let call = call.interceptor(caught.clone()).mutate_request(move |request| {
                    request.headers_mut().insert("x-moto-account-id", account.clone());
                    request.headers_mut().insert("content-length", body.len().to_string());
                    *request.body_mut() = body.clone().into();
                });
                call.send()
                    .await
                    .err()
                    .map(|error| DisplayErrorContext(error).to_string())
            }
            Service::Sts => {
                let body = form(action, "2011-06-15", parameters);
                let call = self.sts(keys).get_caller_identity().customize();
                let call = call.interceptor(caught.clone()).mutate_request(move |request| {
                    request.headers_mut().insert("x-moto-account-id", account.clone());
                    request.headers_mut().insert("content-length", body.len().to_string());
                    *request.body_mut() = body.clone().into();
                });
                call.send()
                    .await
                    .err()
                    .map(|error| DisplayErrorContext(error).to_string())
            }
        };
        let caught = caught.0.lock().unwrap().take();
        let (status, body) = caught.unwrap_or_else(|| panic!("{} did not answer {action}: {failed:?}", self.name));
        Answer::read(status, &body)
    }

    fn iam(&mut self, keys: &Keys) -> &aws_sdk_iam::Client {
        let (endpoint, id) = (&self.endpoint, keys.credentials.access_key_id().to_owned());
        self.iam.entry(id).or_insert_with(|| {
            let config = aws_sdk_iam::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("us-east-1"))
                .endpoint_url(endpoint)
                .retry_config(RetryConfig::disabled())
                .credentials_provider(keys.credentials.clone());
            aws_sdk_iam::Client::from_conf(config.build())
        })
    }

    fn sts(&mut self, keys: &Keys) -> &aws_sdk_sts::Client {
        let (endpoint, id) = (&self.endpoint, keys.credentials.access_key_id().to_owned());
        self.sts.entry(id).or_insert_with(|| {
            let config = aws_sdk_sts::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("us-east-1"))
                .endpoint_url(endpoint)
                .retry_config(RetryConfig::disabled())
                .credentials_provider(keys.credentials.clone());
            aws_sdk_sts::Client::from_conf(config.build())
        })
    }
}

fn form(action: &str, version: &str, parameters: &[(String, String)]) -> String {
    let mut text = format!("Action={action}&Version={version}");
    for (name, value) in parameters {
        text.push_str(&format!("&{name}="));
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

/// Keeps the status and the body of an answer.
#[derive(Debug, Clone, Default)]
struct Catch(Arc<Mutex<Option<(u16, String)>>>);

impl Intercept for Catch {
    fn name(&self) -> &'static str {
        "Catch"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
        *self.0.lock().unwrap() = Some((response.status().as_u16(), body));
        Ok(())
    }
}
