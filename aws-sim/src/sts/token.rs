//! OIDC tokens. Their signature is not verified; what they say is.

use serde_json::{Map, Value};

use crate::policy::document::texts;
use crate::wire::base64;
use crate::wire::error::AwsError;
use crate::world::credential::Attributes;
use crate::world::providers::without_scheme;
use crate::world::time::Seconds;

/// Claims of GitHub that AWS makes condition keys of.
const GITHUB: &str = "token.actions.githubusercontent.com";
const GITHUB_CLAIMS: [&str; 9] = [
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "workflow",
];

/// The claims of a token.
#[derive(Debug)]
pub(crate) struct Token {
    claims: Map<String, Value>,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    audiences: Vec<String>,
    authorized_party: Option<String>,
    expires: Seconds,
    not_before: Option<Seconds>,
}

pub(crate) fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidIdentityToken", text)
}

pub(crate) fn expired(text: impl Into<String>) -> AwsError {
    AwsError::new(400, "ExpiredTokenException", text)
}

impl Token {
    /// Takes a token apart.
    pub(crate) fn read(text: &str) -> Result<Self, AwsError> {
        let parts: Vec<_> = text.split('.').collect();
        let claims = match parts[..] {
            [header, payload, _signature] => object(header).and(object(payload)),
            _ => None,
        };
        let claims = claims.ok_or_else(|| {
            invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        })?;
        let required = |name: &str| {
            let missing = || invalid(format!("Missing a required claim: {name}"));
            claims.get(name).ok_or_else(missing)
        };
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let seconds = |name: &str| {
            claims
                .get(name)
                .and_then(Value::as_f64)
                .map(|seconds| seconds as Seconds)
        };
        for name in ["iss", "aud", "sub", "exp", "iat"] {
            required(name)?;
        }
        Ok(Self {
            issuer: text("iss").unwrap_or_default(),
            subject: text("sub").unwrap_or_default(),
            audiences: texts(required("aud")?).unwrap_or_default(),
            authorized_party: text("azp"),
            expires: seconds("exp").unwrap_or_default(),
            not_before: seconds("nbf"),
            claims,
        })
    }

    /// Whom the token is for, as `aud` in conditions: the authorized party where the token names one.
    pub(crate) fn audience(&self) -> Result<&str, AwsError> {
        match (&self.authorized_party, &self.audiences[..]) {
            (Some(party), _) => Ok(party),
            (None, [only]) => Ok(only),
            // AWS asks for `azp` then; its sentence for this is not known.
            (None, _) => Err(invalid("Incorrect token audience")),
        }
    }

    /// Fails unless the token is good now.
    pub(crate) fn check_time(&self, now: Seconds) -> Result<(), AwsError> {
        if now >= self.expires {
            let expires = self.expires;
            return Err(expired(format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            )));
        }
        if self.not_before.is_some_and(|start| now < start) {
            return Err(rejected("The ID Token cannot be used yet"));
        }
        Ok(())
    }

    /// The condition keys of the token. The second list is what stays with the session.
    pub(crate) fn condition_keys(&self) -> Result<(Keys, Keys), AwsError> {
        let host = without_scheme(&self.issuer);
        let key = |claim: &str| format!("{host}:{claim}");
        let claimed = |claim: &str| {
            let values = texts(self.claims.get(claim)?).ok()?;
            Some((key(claim), values))
        };
        let mut keys = vec![
            (key("aud"), vec![self.audience()?.to_owned()]),
            (key("sub"), vec![self.subject.clone()]),
        ];
        keys.extend(claimed("amr"));
        let kept = keys.clone();
        keys.extend(claimed("email"));
        if self.authorized_party.is_some() {
            keys.push((key("oaud"), self.audiences.clone()));
        }
        if host == GITHUB {
            keys.extend(GITHUB_CLAIMS.iter().filter_map(|claim| claimed(claim)));
        }
        Ok((keys, kept))
    }

    /// The session tags and the source identity that the token asks for.
    pub(crate) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::default();
        let source = self.claims.get("https://aws.amazon.com/source_identity");
        attributes.source_identity = source.and_then(Value::as_str).map(str::to_owned);
        let Some(asked) = self.claims.get("https://aws.amazon.com/tags") else {
            return attributes;
        };
        for (key, value) in asked["principal_tags"].as_object().into_iter().flatten() {
            let first = texts(value).unwrap_or_default().into_iter().next();
            attributes.tags.push((key.clone(), first.unwrap_or_default()));
        }
        attributes.transitive = asked
            .get("transitive_tag_keys")
            .and_then(|keys| texts(keys).ok())
            .unwrap_or_default();
        attributes
    }
}

/// Condition keys with their values.
pub(crate) type Keys = Vec<(String, Vec<String>)>;

pub(crate) fn rejected(text: &str) -> AwsError {
    AwsError::new(403, "IDPRejectedClaim", text)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&base64::decode(part)?).ok()
}

/// A token with these claims and a signature that says nothing.
pub(crate) fn write(claims: &Value) -> String {
    let part = |value: &Value| base64::encode_for_url(value.to_string().as_bytes());
    let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "aws-sim"});
    format!("{}.{}.bm90LXNpZ25lZA", part(&header), part(claims))
}
