//! Reading an AWS query request: form parameters in the body, identity in the `Authorization` header.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::error::AwsError;
use super::xml::Service;

/// The parameters of one call, as sent.
#[derive(Debug, Default, Clone)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
    /// Whether they are for STS, which words refusals in another way.
    for_sts: bool,
}

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded`.
    pub(crate) fn decode(body: &str) -> Self {
        let values = body
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        Self { values, for_sts: false }
    }

    /// The same, for one of the two services.
    pub(crate) fn to(self, service: Service) -> Self {
        Self {
            for_sts: service == Service::Sts,
            ..self
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.get(name).ok_or_else(|| {
            let value = if self.for_sts { "Value null" } else { "Value" };
            AwsError::missing(value, &lower_first(name))
        })
    }

    /// A whole number; what is no number is AWS's `MalformedInput`.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, AwsError> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| AwsError::new(400, "MalformedInput", "Unexpected character encountered"))
            })
            .transpose()
    }

    /// `Name.member.1`, `Name.member.2` …, in order.
    pub(crate) fn members(&self, name: &str) -> Vec<&str> {
        (1..)
            .map_while(|index| self.get(&format!("{name}.member.{index}")))
            .collect()
    }

    /// The same as texts of their own.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.members(name).into_iter().map(str::to_owned).collect()
    }

    /// `Name.member.1.Key` with `Name.member.1.Value` …, in order. A missing value is empty.
    pub(crate) fn pairs(&self, name: &str) -> Vec<(String, String)> {
        (1..)
            .map_while(|index| {
                let key = self.get(&format!("{name}.member.{index}.Key"))?;
                let value = self.get(&format!("{name}.member.{index}.Value")).unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect()
    }

    /// All of them except the protocol's own, for the record of calls.
    pub(crate) fn recorded(&self) -> BTreeMap<String, String> {
        self.values
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "Action" | "Version"))
            .map(|(name, value)| {
                let secret = matches!(name.as_str(), "TokenCode" | "SAMLAssertion" | "WebIdentityToken");
                (name.clone(), if secret { "…".to_owned() } else { value.clone() })
            })
            .collect()
    }
}

impl AwsError {
    fn missing(value: &str, field: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: {value} at '{field}' failed to satisfy constraint: Member must not be null"
        ))
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// Who signed a request, for which service. The signature itself is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) access_key: String,
    pub(crate) region: String,
    pub(crate) service: Service,
}

impl Signer {
    /// Nobody: for the calls of STS that need no signature.
    pub(crate) fn nobody() -> Self {
        Self {
            access_key: String::new(),
            region: String::new(),
            service: Service::Sts,
        }
    }

    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
    pub(crate) fn read(authorization: Option<&str>) -> Result<Self, AwsError> {
        let header = authorization.ok_or_else(|| {
            AwsError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
        })?;
        let scope = header
            .split_once("Credential=")
            .map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default())
            .unwrap_or_default();
        let parts: Vec<_> = scope.split('/').collect();
        let [access_key, _date, region, service, "aws4_request"] = parts[..] else {
            return Err(AwsError::new(
                400,
                "IncompleteSignature",
                "Authorization header requires 'Credential' parameter.",
            ));
        };
        let service = match service {
            "iam" => Service::Iam,
            "sts" => Service::Sts,
            other => {
                return Err(AwsError::new(
                    403,
                    "SignatureDoesNotMatch",
                    format!("Credential should be scoped to correct service: 'iam' or 'sts', not '{other}'."),
                ));
            }
        };
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, Service, Signer};

    #[test]
    fn a_form_is_decoded_once() {
        let parameters = Parameters::decode("Action=TagRole&Tags.member.1.Key=a%2Bb+c&Tags.member.1.Value=%2525&x");
        assert_eq!(parameters.pairs("Tags"), vec![("a+b c".to_owned(), "%25".to_owned())]);
        assert_eq!(parameters.get("x"), Some(""));
    }

    #[test]
    fn the_service_is_told_from_the_credential_scope() {
        let signer = Signer::read(Some(
            "AWS4-HMAC-SHA256 Credential=AKIA1/20261122/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0",
        ));
        assert_eq!(
            signer.map(|signer| (signer.access_key, signer.service)),
            Ok(("AKIA1".to_owned(), Service::Sts))
        );
        assert_eq!(
            Signer::read(None).map_err(|error| error.code),
            Err("MissingAuthenticationToken".to_owned())
        );
    }
}
