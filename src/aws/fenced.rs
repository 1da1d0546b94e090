//! No call of AWS is sent while the fence is closed, and none that the table of calls does not have.

use aws_sdk_iam::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use aws_smithy_types::config_bag::{Storable, StoreReplace};

use super::Action;
use super::action::Side;
use crate::fence::{Fence, Passed};

/// Asks the fence at the last moment that the SDK offers: of each attempt, after it was signed, before it is sent.
#[derive(Debug)]
pub(super) struct Fenced(pub(super) Fence, pub(super) Side);

impl Intercept for Fenced {
    fn name(&self) -> &'static str {
        "Fenced"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let action = listed(self.1, config.load::<Metadata>())?;
        let passed = self.0.pass()?;
        // Whoever works next need not wait for what is only read.
        if action.writes() {
            // What is kept here lives as long as the call.
            config.interceptor_state().store_put(passed);
        }
        Ok(())
    }
}

impl Storable for Passed {
    type Storer = StoreReplace<Self>;
}

/// What the bootstrap role and the grant role may do is made from the table: a call that is not in it would work for whoever
/// has more rights, and fail for everybody else.
fn listed(side: Side, call: Option<&Metadata>) -> Result<Action, String> {
    let (service, name) = call.map_or(("", ""), |call| (call.service(), call.name()));
    Action::of_operation(side, service, name)
        .ok_or_else(|| format!("{service}:{name} is none of crossrole's calls here, and was not sent"))
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

    #[test]
    fn only_calls_that_the_table_has_are_sent() {
        for action in Action::ALL
            .iter()
            .chain(Action::OF_GRANTS)
            .chain(Action::OF_ORGANIZATION)
            .chain(Action::OF_EVENTS)
        {
            let (service, name) = action.as_str().split_once(':').unwrap();
            let call = Metadata::new(name, service.to_ascii_uppercase());
            assert_eq!(listed(action.side(), Some(&call)), Ok(*action), "{action}");
        }
        // Neither role makes the other's calls.
        for (side, name) in [
            (Side::Bootstrap, "CreatePolicy"),
            (Side::Grants, "CreateRole"),
            (Side::Organization, "GetRole"),
            (Side::Events, "GetRole"),
        ] {
            assert!(listed(side, Some(&Metadata::new(name, "IAM"))).is_err(), "{name}");
        }
        for (name, service) in [("CreateUser", "IAM"), ("GetRole", "STS"), ("getrole", "IAM"), ("", "")] {
            let refused = listed(Side::Bootstrap, Some(&Metadata::new(name, service))).unwrap_err();
            assert!(refused.contains("was not sent"), "{refused}");
        }
        assert!(listed(Side::Bootstrap, None).is_err());
    }

    fn config(aws: &TcpListener) -> SdkConfig {
        let keys = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://{}", aws.local_addr().unwrap()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build()
    }

    #[tokio::test]
    async fn a_call_behind_a_closed_fence_never_reaches_aws_and_is_told_apart() {
        let aws = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(&aws);
        let fence = Fence::closed();
        let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(Fenced(fence.clone(), Side::Bootstrap));
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

    #[tokio::test]
    async fn a_write_that_was_sent_is_waited_for_and_a_read_is_not() {
        let aws = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config(&aws);
        for (writes, fence) in [(false, Fence::closed()), (true, Fence::closed())] {
            assert!(fence.extend(uptime() + Duration::from_secs(3600)));
            let iam = aws_sdk_iam::config::Builder::from(&config).interceptor(Fenced(fence.clone(), Side::Bootstrap));
            let iam = aws_sdk_iam::Client::from_conf(iam.build());
            let call = tokio::spawn(async move {
                match writes {
                    true => iam.delete_role().role_name("audit").send().await.is_ok(),
                    false => iam.get_role().role_name("audit").send().await.is_ok(),
                }
            });
            let (connection, _) = aws.accept().await.unwrap();
            fence.close();
            let quiet = tokio::time::timeout(Duration::ZERO, fence.quiet()).await;
            assert_eq!(quiet.is_err(), writes);
            drop(connection);
            assert!(!call.await.unwrap());
            fence.quiet().await;
        }
    }
}
