//! Somebody with AWS credentials who assumes a role, with signed calls of STS.

use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sts::error::{DisplayErrorContext, ProvideErrorMetadata as _};

use crate::simulator::{Simulator, User};
use crate::{Error, simulator};

/// What STS said to somebody who wanted to assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Let in: the ARN of the session, as `GetCallerIdentity` then gives it.
    Allowed(String),
    /// Not let in: the message of `AccessDenied`.
    Denied(String),
}

/// A user assumes a role: with a fresh code of the MFA device, or without any; and with an external id, or without one.
///
/// # Errors
/// When STS gives another answer than yes or `AccessDenied`, or the user has no MFA device to use.
pub async fn assume(
    simulator: &Simulator,
    user: &User,
    role_arn: &str,
    mfa: bool,
    external_id: Option<&str>,
) -> Result<Answer, Error> {
    let name = user.arn.rsplit('/').next().unwrap_or_default();
    let mut call = sts(simulator, &user.credentials)
        .assume_role()
        .role_arn(role_arn)
        .role_session_name(name)
        .set_external_id(external_id.map(str::to_owned));
    if mfa {
        let serial = user
            .mfa_serial
            .as_deref()
            .ok_or_else(|| Error::new(format!("{name} has no MFA device")))?;
        call = call.serial_number(serial).token_code(simulator.mfa_code(serial).await?);
    }
    let session = match call.send().await {
        Ok(answer) => answer.credentials,
        Err(error) if error.code() == Some("AccessDenied") => {
            return Ok(Answer::Denied(error.message().unwrap_or_default().to_owned()));
        }
        Err(error) => {
            return Err(Error::new(format!(
                "AssumeRole {role_arn}: {}",
                DisplayErrorContext(error)
            )));
        }
    };
    let session = session.ok_or_else(|| Error::new("AssumeRole answered without credentials"))?;
    let credentials = simulator::Credentials {
        access_key_id: session.access_key_id,
        secret_access_key: session.secret_access_key,
        session_token: Some(session.session_token),
    };
    let identity = sts(simulator, &credentials)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| Error::new(format!("GetCallerIdentity: {}", DisplayErrorContext(error))))?;
    Ok(Answer::Allowed(identity.arn.unwrap_or_default()))
}

fn sts(simulator: &Simulator, credentials: &simulator::Credentials) -> aws_sdk_sts::Client {
    let credentials = Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        credentials.session_token.clone(),
        None,
        "crossrole-testkit",
    );
    aws_sdk_sts::Client::from_conf(
        aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&simulator.endpoint)
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard())
            .build(),
    )
}
