//! The identity that the operator itself runs with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use crossrole_iam::{AccountId, Arn, Partition};
use crossrole_plan::outcome::Failure;

use super::Action;
use super::action::Side;
use super::error::CallError;
use super::fenced::Fenced;
use super::rate::Rate;
use crate::fence::Fence;

/// The hub identity: who the operator is before it assumes any bootstrap role.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(super) config: SdkConfig,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) fence: Fence,
    /// How fast STS may be asked: it counts the calls of whoever asks, whichever account they are for.
    rate: Arc<Mutex<Rate>>,
    /// Held by the one call that waits for the next slot; the others queue behind it.
    next: Arc<tokio::sync::Mutex<()>>,
    /// Who that is.
    pub identity: Identity,
}

/// Who the operator is, as `GetCallerIdentity` answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: AccountId,
    /// Its partition. One operator serves one partition.
    pub partition: Partition,
}

/// A connection that nobody needs is kept for so long: between two looks it would only take memory, some dozens of kilobytes
/// each, and while roles are written none idles for as long.
const CONNECTIONS_IDLE_FOR: Duration = Duration::from_secs(10);

/// The SDK's default client, by default made anew for each client of a service: with one for all, certificates are read
/// once, and connections are shared, for every account is reached at the same address.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc));
        connector.set_pool_idle_timeout(Some(Some(CONNECTIONS_IDLE_FOR)));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

impl Hub {
    /// Loads the identity from wherever the SDK finds it (IRSA, EKS Pod Identity, environment, profile…) and asks AWS
    /// who it is. No other call is sent while the fence is closed.
    ///
    /// # Errors
    /// No credentials, no answer, or an answer that names no account.
    pub async fn load(fence: Fence) -> Result<Self, CallError> {
        // IAM and STS need a Region to be signed for; where none is set, the commercial partition's own is meant.
        let region = RegionProviderChain::default_provider().or_else(Region::new("us-east-1"));
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .app_name(aws_config::AppName::new("crossrole").map_err(|error| unexpected(&error.to_string()))?)
            .timeout_config(super::session::timeouts())
            .http_client(http_client())
            .load()
            .await;
        let identity = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| CallError::of(Action::GetCallerIdentity, &error))?;
        let arn = identity.arn().unwrap_or_default().to_string();
        let parsed: Arn = arn
            .parse()
            .map_err(|error| unexpected(&format!("the caller's ARN {arn:?}: {error}")))?;
        let partition = parsed
            .partition()
            .parse()
            .map_err(|error| unexpected(&format!("the caller's ARN {arn}: {error}")))?;
        let account = parsed
            .account()
            .parse()
            .map_err(|error| unexpected(&format!("the caller's ARN {arn}: {error}")))?;
        // From here on every account has a gate of its own, which sends calls again.
        let config = config.into_builder().retry_config(RetryConfig::disabled()).build();
        // Entering is the same call, whichever role is entered.
        let sts = aws_sdk_sts::config::Builder::from(&config)
            .interceptor(Fenced(fence.clone(), Side::Bootstrap))
            .build();
        Ok(Self {
            config,
            sts: aws_sdk_sts::Client::from_conf(sts),
            fence,
            rate: Arc::new(Mutex::new(Rate::new(Instant::now()))),
            next: Arc::default(),
            identity: Identity {
                arn,
                account,
                partition,
            },
        })
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until STS may be asked for a session. Says how long that took.
    pub(super) async fn slot(&self) -> Duration {
        let asked = Instant::now();
        let _next = self.next.lock().await;
        loop {
            let wait = self.rate().take_slot(Instant::now());
            if wait.is_zero() {
                return asked.elapsed();
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether STS asked for fewer calls.
    pub(super) fn is_limited(&self) -> bool {
        self.rate().is_limited(Instant::now())
    }

    /// Asks STS for a session.
    ///
    /// # Errors
    /// As the SDK gives them.
    pub(super) async fn assume_role(
        &self,
        request: AssumeRoleFluentBuilder,
    ) -> Result<AssumeRoleOutput, SdkError<AssumeRoleError>> {
        let answer = request.send().await;
        let now = Instant::now();
        match &answer {
            Err(error) if CallError::of(Action::AssumeRole, error).failure == Failure::Throttled => {
                self.rate().throttled(now, fastrand::f64());
            }
            _ => self.rate().answered(now),
        }
        answer
    }
}

impl Identity {
    /// The role that the operator runs as, where it is one: its account id and its name.
    pub fn role(&self) -> Option<(&str, &str)> {
        let rest = self
            .arn
            .split_once(":assumed-role/")
            .or_else(|| self.arn.split_once(":role/"))?
            .1;
        let name = if self.arn.contains(":assumed-role/") {
            rest.split('/').next()
        } else {
            rest.rsplit('/').next()
        };
        name.map(|name| (self.account.as_str(), name))
    }
}

#[cfg(test)]
impl Hub {
    /// One that has nobody's credentials.
    pub(super) fn of_nobody() -> Self {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        Self {
            sts: aws_sdk_sts::Client::new(&config),
            config,
            fence: Fence::closed(),
            rate: Arc::new(Mutex::new(Rate::new(Instant::now()))),
            next: Arc::default(),
            identity: Identity {
                arn: "arn:aws:iam::111111111111:role/crossrole-operator".into(),
                account: "111111111111".parse().unwrap(),
                partition: Partition::Aws,
            },
        }
    }

    /// STS asks for fewer calls.
    pub(super) fn is_throttled(&self) {
        self.rate().throttled(Instant::now(), 0.5);
    }
}

fn unexpected(message: &str) -> CallError {
    CallError::new(Action::GetCallerIdentity, Failure::Unexpected, message)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_iam::config::interceptors::BeforeTransmitInterceptorContextRef;
    use aws_sdk_iam::config::{ConfigBag, Credentials, Intercept, RuntimeComponents};
    use aws_sdk_iam::error::BoxError;
    use aws_sdk_sts::config::SharedCredentialsProvider;

    use super::*;

    /// Notes where a call would go, and keeps it from going there.
    #[derive(Clone, Debug, Default)]
    struct Noted(Arc<Mutex<Vec<String>>>);

    impl Intercept for Noted {
        fn name(&self) -> &'static str {
            "noted"
        }

        fn read_before_transmit(
            &self,
            context: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            self.0.lock().unwrap().push(context.request().uri().to_string());
            Err("it is not sent".into())
        }
    }

    /// Sources: AWS General Reference, "AWS Identity and Access Management endpoints and quotas"; Amazon Web Services in
    /// China, "Endpoints and ARNs"; AWS GovCloud (US) User Guide, "Service endpoints"; AWS European Sovereign Cloud User
    /// Guide, "Endpoints".
    #[tokio::test]
    async fn every_partition_is_asked_at_its_own_endpoints() {
        for (region, iam, sts) in [
            (
                "us-east-1",
                "https://iam.amazonaws.com/",
                "https://sts.us-east-1.amazonaws.com/",
            ),
            (
                "eu-central-1",
                "https://iam.amazonaws.com/",
                "https://sts.eu-central-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                "https://iam.cn-north-1.amazonaws.com.cn/",
                "https://sts.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "us-gov-west-1",
                "https://iam.us-gov.amazonaws.com/",
                "https://sts.us-gov-west-1.amazonaws.com/",
            ),
            (
                "eusc-de-east-1",
                "https://iam.eusc-de-east-1.amazonaws.eu/",
                "https://sts.eusc-de-east-1.amazonaws.eu/",
            ),
        ] {
            let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region))
                .retry_config(RetryConfig::disabled())
                .credentials_provider(SharedCredentialsProvider::new(keys))
                .build();
            let noted = Noted::default();
            let roles = aws_sdk_iam::config::Builder::from(&config).interceptor(noted.clone());
            let roles = aws_sdk_iam::Client::from_conf(roles.build());
            roles.get_role().role_name("audit").send().await.unwrap_err();
            let identity = aws_sdk_sts::config::Builder::from(&config).interceptor(noted.clone());
            let identity = aws_sdk_sts::Client::from_conf(identity.build());
            identity.get_caller_identity().send().await.unwrap_err();
            assert_eq!(*noted.0.lock().unwrap(), [iam, sts], "{region}");
        }
    }
}
