//! The actions of STS.

mod assume_role;
mod session_token;

use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::credential::Credential;

/// Carries out one action.
pub(crate) fn dispatch(action: &str, call: &mut Call<'_>) -> Answer {
    match action {
        "GetCallerIdentity" => caller_identity(call),
        "AssumeRole" => assume_role::assume_role(call),
        "GetSessionToken" => session_token::session_token(call),
        other => Err(AwsError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

/// Always allowed, whatever the policies say.
fn caller_identity(call: &Call<'_>) -> Answer {
    let mut xml = Xml::new();
    xml.leaf("Arn", &call.caller.arn)
        .leaf("UserId", &call.caller.user_id)
        .leaf("Account", &call.caller.account);
    xml.answer()
}

fn write_credentials(xml: &mut Xml, credential: &Credential) {
    xml.element("Credentials", |xml| {
        xml.leaf("AccessKeyId", &credential.access_key)
            .leaf("SecretAccessKey", &credential.secret);
        xml.optional("SessionToken", credential.token.as_deref());
        xml.time("Expiration", credential.expires.unwrap_or(credential.issued));
    });
}

/// `DurationSeconds` within AWS's outer limits.
fn duration(call: &Call<'_>, default: u64, longest: u64) -> Result<i64, AwsError> {
    let seconds = call.parameters.number("DurationSeconds")?.unwrap_or(default);
    let limit = |word: &str, bound: u64| {
        AwsError::constraint(
            Some(&seconds.to_string()),
            "durationSeconds",
            &format!("Member must have value {word} than or equal to {bound}"),
        )
    };
    if seconds < 900 {
        return Err(limit("greater", 900));
    }
    if seconds > longest {
        return Err(limit("less", longest));
    }
    Ok(i64::try_from(seconds).unwrap_or(3600))
}
