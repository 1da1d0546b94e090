//! Signatures, as Standard Webhooks has them: whoever knows the secret knows that a notice is ours, whole, and of now.
//!
//! Source: Standard Webhooks 1.0.0, "Verifying webhook authenticity": HMAC-SHA256 over `id.timestamp.body`; secrets are
//! base64 of 24 to 64 bytes behind `whsec_`; several signatures are separated by spaces.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A file holds at most so many secrets: the old one and the new one, while they are changed.
const MOST_SECRETS: usize = 2;

/// The bytes of a secret: at least and at most.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets of a receiver. They are never shown.
pub struct Secrets(Vec<Vec<u8>>);

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secrets")
    }
}

/// Why a file's text is no secret. Nothing of the text is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is empty.
    #[error("the file holds no secret")]
    Empty,
    /// It has more than the old and the new one.
    #[error("the file holds more than two secrets")]
    TooMany,
    /// A line is not base64.
    #[error("a secret is not base64, with or without whsec_ before it")]
    NotBase64,
    /// A secret can be guessed, or is none.
    #[error("a secret has fewer than 24 or more than 64 bytes")]
    Length,
}

impl Secrets {
    /// Reads a file's text: a secret in a line, with or without `whsec_`.
    ///
    /// # Errors
    /// Text that is none.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut secrets = Vec::new();
        for line in lines {
            let encoded = line.strip_prefix(PREFIX).unwrap_or(line);
            let secret = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?;
            if !LENGTH.contains(&secret.len()) {
                return Err(SecretError::Length);
            }
            secrets.push(secret);
        }
        match secrets.len() {
            0 => Err(SecretError::Empty),
            1..=MOST_SECRETS => Ok(Self(secrets)),
            _ => Err(SecretError::TooMany),
        }
    }

    /// The value of `webhook-signature`: one signature for each secret. `timestamp`: of this try, in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let sign = |secret: &Vec<u8>| {
            let mut mac = keyed(secret);
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        };
        let signatures: Vec<String> = self.0.iter().map(sign).collect();
        signatures.join(" ")
    }
}

/// HMAC with a key of at most one block, filled up with zeros as RFC 2104 has it.
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (byte, of_secret) in block.iter_mut().zip(secret) {
        *byte = *of_secret;
    }
    Hmac::new(&block)
}

/// An id that can stand in a header and before a full stop: itself where it can, and else what names it. CloudTrail's own
/// ids are GUIDs (CloudTrail User Guide, "CloudTrail record contents": `eventID`); what came over a queue may be anything.
pub fn safe_id(id: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=128).contains(&id.len()) && id.bytes().all(fits) {
        return id.to_string();
    }
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_signature_is_that_of_the_standards_own_example() {
        // Standard Webhooks, the test vector of its reference libraries.
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        for text in [SECRET, &SECRET[6..], &format!("\n  {SECRET}\r\n\n")] {
            let secrets = Secrets::parse(text).unwrap();
            assert_eq!(secrets.sign(id, timestamp, body.as_bytes()), expected);
            assert_ne!(secrets.sign(id, timestamp + 1, body.as_bytes()), expected);
            assert_ne!(secrets.sign("msg_2", timestamp, body.as_bytes()), expected);
            assert_ne!(secrets.sign(id, timestamp, b"{}"), expected);
        }
        let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 64]));
        let both = Secrets::parse(&format!("{other}\n{SECRET}")).unwrap();
        let signed = both.sign(id, timestamp, body.as_bytes());
        let (first, second) = signed.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != expected, "{signed}");
        assert_eq!(second, expected);
    }

    #[test]
    fn a_key_of_a_whole_block_is_taken_as_it_is() {
        // RFC 4231 has no key of 64 bytes; a block of zeros is the same key as none, by the definition of HMAC.
        let (zeros, fewer) = (Secrets(vec![vec![0; 64]]), Secrets(vec![vec![0; 24]]));
        assert_eq!(zeros.sign("a", 1, b"b"), fewer.sign("a", 1, b"b"));
    }

    #[test]
    fn a_file_that_holds_no_secret_is_told_without_what_it_holds() {
        let of = |bytes: usize| BASE64_STANDARD.encode(vec![9; bytes]);
        for (text, expected) in [
            (String::new(), SecretError::Empty),
            (" \n\n".to_string(), SecretError::Empty),
            ("not base64!".to_string(), SecretError::NotBase64),
            (of(23), SecretError::Length),
            (of(65), SecretError::Length),
            (format!("{0}\n{0}\n{0}", of(32)), SecretError::TooMany),
        ] {
            assert_eq!(Secrets::parse(&text).unwrap_err(), expected, "{text}");
        }
        for bytes in [24, 32, 64] {
            assert_eq!(format!("{:?}", Secrets::parse(&of(bytes)).unwrap()), "Secrets");
        }
    }

    #[test]
    fn an_id_has_nothing_that_a_signature_or_a_header_would_trip_over() {
        let guid = "6f2d1c5e-0f4a-4b52-9a3c-1d2e3f405162";
        assert_eq!(safe_id(guid), guid);
        for id in ["", "a.b", "a b", "a\r\nx: y", "ü", &"a".repeat(129)] {
            let safe = safe_id(id);
            assert!(
                safe.len() == 32 && safe.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id:?}: {safe}"
            );
            assert_ne!(safe, safe_id(&format!("{id}x")));
        }
    }
}
