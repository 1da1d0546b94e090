//! `AssumeRoleWithSAML`: a session for an assertion of a SAML provider.

use super::assertion::Assertion;
use super::request;
use super::sign_in::SignIn;
use super::token::{expired, invalid};
use super::write_session;
use crate::call::Outside;
use crate::policy::visitor::Visitor;
use crate::wire::base64;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;
use crate::world::credential::Attributes;

/// The beginning of the attributes' names that are meant for AWS.
pub(crate) const FOR_AWS: &str = "https://aws.amazon.com/SAML/Attributes/";

/// Attributes that AWS makes condition keys of: the key and the attribute's name.
const PERSONAL: [(&str, &str); 16] = [
    ("eduPersonAffiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"),
    ("eduPersonNickname", "urn:oid:1.3.6.1.4.1.5923.1.1.1.2"),
    ("eduPersonOrgDN", "urn:oid:1.3.6.1.4.1.5923.1.1.1.3"),
    ("eduPersonOrgUnitDN", "urn:oid:1.3.6.1.4.1.5923.1.1.1.4"),
    ("eduPersonPrimaryAffiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.5"),
    ("eduPersonPrincipalName", "urn:oid:1.3.6.1.4.1.5923.1.1.1.6"),
    ("eduPersonEntitlement", "urn:oid:1.3.6.1.4.1.5923.1.1.1.7"),
    ("eduPersonPrimaryOrgUnitDN", "urn:oid:1.3.6.1.4.1.5923.1.1.1.8"),
    ("eduPersonScopedAffiliation", "urn:oid:1.3.6.1.4.1.5923.1.1.1.9"),
    ("eduPersonTargetedID", "urn:oid:1.3.6.1.4.1.5923.1.1.1.10"),
    ("eduPersonAssurance", "urn:oid:1.3.6.1.4.1.5923.1.1.1.11"),
    ("cn", "urn:oid:2.5.4.3"),
    ("surname", "urn:oid:2.5.4.4"),
    ("givenName", "urn:oid:2.5.4.42"),
    ("mail", "urn:oid:0.9.2342.19200300.100.1.3"),
    ("uid", "urn:oid:0.9.2342.19200300.100.1.1"),
];

/// Where the partition's users sign in.
pub(crate) fn sign_in_address(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "https://signin.amazonaws.cn/saml",
        "aws-us-gov" => "https://signin.amazonaws-us-gov.com/saml",
        "aws-eusc" => "https://signin.amazonaws-eusc.eu/saml",
        _ => "https://signin.aws.amazon.com/saml",
    }
}

/// Gives a session of a role to whoever the assertion is about.
pub(crate) fn assume_role_with_saml(call: Outside<'_>) -> Answer {
    let Outside {
        world,
        parameters,
        mut context,
        now,
    } = call;
    let role_arn = parameters.required("RoleArn")?;
    let provider_arn = parameters.required("PrincipalArn")?;
    let text = parameters.required("SAMLAssertion")?;
    let account_id = request::account_of(role_arn)?;
    let seconds = request::duration(parameters, 3600, 43_200)?;
    let text = base64::decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| invalid("Invalid base64 SAMLResponse"))?;
    let assertion = Assertion::read(&text).ok_or_else(|| invalid("Invalid SAML response"))?;

    let held = world.accounts.get(&account_id).and_then(|account| {
        let name = provider_arn.rsplit('/').next()?;
        let provider = account.saml_providers.get(name)?;
        (account.arn("saml-provider", "/", name) == provider_arn).then_some((name, provider))
    });
    let (name, provider) = held.ok_or_else(|| invalid("Specified provider doesn't exist"))?;
    if assertion.issuer != provider.issuer {
        return Err(invalid("Issuer not present in specified provider"));
    }
    // Each Region has its own address beside the partition's.
    let for_us = |audience: &String| {
        let signs_in = audience.starts_with("https://") && audience.contains("signin.") && audience.ends_with("/saml");
        signs_in || audience.starts_with("urn:amazon:webservices")
    };
    if !assertion.audiences.iter().any(for_us) {
        return Err(invalid("Response does not contain the required audience"));
    }
    if assertion.is_over(now) {
        return Err(expired("Token must be redeemed within 5 minutes of issuance"));
    }
    let [session_name] = assertion.values(&format!("{FOR_AWS}RoleSessionName")) else {
        return Err(invalid("RoleSessionName is required in AuthnResponse"));
    };
    if request::session_name(session_name).is_err() {
        return Err(invalid(
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        ));
    }
    let pairs = [
        format!("{role_arn},{provider_arn}"),
        format!("{provider_arn},{role_arn}"),
    ];
    let offered = assertion.values(&format!("{FOR_AWS}Role"));
    if !offered.iter().any(|pair| pairs.contains(&pair.replace(' ', ""))) {
        return Err(AwsError::access_denied(
            "Not authorized to perform sts:AssumeRoleWithSAML",
        ));
    }

    let subject = [
        ("SAML:sub", &assertion.subject),
        ("SAML:sub_type", &assertion.subject_type),
    ];
    context.set("SAML:doc", format!("{account_id}/{name}"));
    context.set("SAML:aud", assertion.recipient.as_str());
    context.set("SAML:iss", assertion.issuer.as_str());
    for (key, value) in subject {
        context.set(key, value.as_str());
    }
    for (key, attribute) in PERSONAL {
        let values = [assertion.values(attribute), assertion.values(key)].concat();
        if !values.is_empty() {
            context.set_many(&format!("SAML:{key}"), values);
        }
    }
    let mut attributes = attributes(&assertion)?;
    attributes.provider_keys = subject
        .map(|(key, value)| (key.to_owned(), vec![value.clone()]))
        .to_vec();
    attributes
        .provider_keys
        .push(("aws:FederatedProvider".to_owned(), vec![provider_arn.to_owned()]));
    let sign_in = SignIn {
        role_arn,
        session_name,
        visitor: Visitor::Federated(provider_arn),
        action: "sts:AssumeRoleWithSAML",
        context,
        attributes,
        policies: request::session_policies(parameters, world, &account_id)?,
        seconds,
    };
    let (session, credential) = sign_in.carry_out(world)?;
    let mut xml = Xml::new();
    xml.leaf("Issuer", &assertion.issuer)
        .leaf("Audience", &assertion.recipient)
        .leaf("Subject", &assertion.subject)
        .leaf("SubjectType", &assertion.subject_type);
    write_session(&mut xml, world.account(&account_id)?, &session, &credential);
    xml.answer()
}

/// The session tags and the source identity that the assertion asks for.
fn attributes(assertion: &Assertion) -> Result<Attributes, AwsError> {
    let mut attributes = Attributes {
        transitive: assertion.values(&format!("{FOR_AWS}TransitiveTagKeys")).to_vec(),
        source_identity: assertion.values(&format!("{FOR_AWS}SourceIdentity")).first().cloned(),
        ..Attributes::default()
    };
    for (name, values) in &assertion.attributes {
        if let Some(key) = name
            .strip_prefix(FOR_AWS)
            .and_then(|rest| rest.strip_prefix("PrincipalTag:"))
        {
            let value = values.first().cloned().unwrap_or_default();
            attributes.tags.push((key.to_owned(), value));
        }
    }
    if let Some(text) = &attributes.source_identity
        && request::source_identity(text).is_err()
    {
        return Err(invalid(
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
        ));
    }
    Ok(attributes)
}
