//! External ids. AWS does not treat them as secrets; but one that nobody else has cannot be presented by mistake. Source:
//! IAM User Guide, "Access to AWS accounts owned by third parties" (when to use the external ID).

use super::accounts::AccountsError;

/// 128 random bits, as 32 hexadecimal digits.
///
/// # Errors
/// The system gives no random bits.
pub fn random() -> Result<String, AccountsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| AccountsError::NoRandom {
        problem: error.to_string(),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_is_one_that_sts_takes() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one, other);
        for id in [one, other] {
            assert_eq!(id.len(), 32, "{id}");
            assert!(id.parse::<crossrole_iam::ExternalId>().is_ok(), "{id}");
        }
    }
}
