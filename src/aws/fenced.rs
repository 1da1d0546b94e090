//! No call of AWS is sent while the fence is closed.

use aws_sdk_iam::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;

use crate::fence::Fence;

/// Asks the fence at the last moment that the SDK offers: of each attempt, after it was signed, before it is sent.
#[derive(Debug)]
pub(super) struct Fenced(pub(super) Fence);

impl Intercept for Fenced {
    fn name(&self) -> &'static str {
        "Fenced"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(self.0.check()?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::SdkConfig;
    use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
    use aws_sdk_sts::config::SharedCredentialsProvider;
    use crossrole_plan::outcome::Failure;
    use tokio::net::TcpListener;

    use super::*;
    use crate::aws::{Action, CallError};
    use crate::fence::uptime;

    #[tokio::test]
    async fn a_call_behind_a_closed_fence_never_reaches_aws_and_is_told_apart() {
        let aws = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", aws.local_addr().unwrap()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        let fence = Fence::closed();
        let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(Fenced(fence.clone()));
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        let error = sts.get_caller_identity().send().await.unwrap_err();
        let error = CallError::of(Action::GetCallerIdentity, &error);
        assert_eq!(error.failure, Failure::NotLeader, "{error}");
        assert!(error.message.contains("was not sent"), "{error}");

        // Open, and closed while the call waits for its answer: it is not tried again. Nothing came before it.
        assert!(fence.extend(uptime() + Duration::from_secs(3600)));
        let call = tokio::spawn(sts.get_caller_identity().send());
        let (connection, _) = aws.accept().await.unwrap();
        fence.close();
        drop(connection);
        let error = call.await.unwrap().unwrap_err();
        let error = CallError::of(Action::GetCallerIdentity, &error);
        assert_eq!(error.failure, Failure::NotLeader, "{error}");
        assert!(tokio::time::timeout(Duration::ZERO, aws.accept()).await.is_err());
    }
}
