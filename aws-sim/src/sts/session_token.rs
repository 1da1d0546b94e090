//! `GetSessionToken`, and the one-time codes of MFA devices.

use super::{request, write_credentials};
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::credential::{CallerKind, Identity};

/// Temporary keys for the calling user itself, with MFA if a device's code is given.
pub(crate) fn session_token(call: &mut Call<'_>) -> Answer {
    let seconds = request::duration(call.parameters, 43_200, 129_600)?;
    if call.caller.temporary {
        return Err(AwsError::access_denied(
            "Cannot call GetSessionToken with session credentials",
        ));
    }
    let identity = match &call.caller.kind {
        CallerKind::Root => Identity::Root,
        _ => Identity::User {
            id: call.caller.unique_id.clone(),
        },
    };
    let mfa = take_mfa_code(call)?;
    let account = call.caller.account.clone();
    let credential = call
        .world
        .issue_session(&account, identity, seconds, mfa.then_some(call.now));
    let mut xml = Xml::new();
    write_credentials(&mut xml, &credential);
    xml.answer()
}

/// Checks `SerialNumber` and `TokenCode` and uses the code up. True if MFA was given, false if neither was sent.
pub(crate) fn take_mfa_code(call: &mut Call<'_>) -> Result<bool, AwsError> {
    let (serial, code) = match (call.parameters.get("SerialNumber"), call.parameters.get("TokenCode")) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return Err(AwsError::access_denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            ));
        }
    };
    let user_id = call.caller.unique_id.clone();
    let device = call
        .account_mut()?
        .mfa_devices
        .get_mut(serial)
        .filter(|device| device.user_id == user_id);
    let Some(device) = device else {
        return Err(AwsError::access_denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user.",
        ));
    };
    if !device.codes.remove(code) {
        return Err(AwsError::access_denied(
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
        ));
    }
    Ok(true)
}
