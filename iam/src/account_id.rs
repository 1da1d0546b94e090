//! The id of an AWS account.

use std::fmt;
use std::str::FromStr;

use crate::name::NameError;

/// An AWS account id: exactly twelve ASCII digits, leading zeros kept.
///
/// Source: AWS Account Management Reference Guide, "View AWS account identifiers".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The twelve digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Nothing but digits.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether the text is twelve ASCII digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Debug for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AccountId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for AccountId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes().try_into().ok().filter(|_| is_account_id(text));
        digits.map(AccountId).ok_or_else(|| {
            NameError::new(
                "account id",
                text,
                "must be exactly 12 digits, without hyphens; in YAML, quote it",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_are_an_account_id_and_keep_their_zeros() {
        assert_eq!("000012345678".parse::<AccountId>().unwrap().as_str(), "000012345678");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "11111111111",
            "1111111111111",
            "1111-1111-1111",
            "11111111111a",
            " 111111111111",
            "١١١١١١١١١١١١",
        ] {
            let error = text.parse::<AccountId>().unwrap_err();
            assert!(error.to_string().contains("exactly 12 digits"), "{error}");
        }
    }
}
