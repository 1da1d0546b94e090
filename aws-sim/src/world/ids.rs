//! Unique ids, access keys and secrets, made from a counter so that none is ever given out twice.

use crate::chance::mix;

/// Hands out ids. The same order of calls gives the same ids, which keeps failing tests repeatable.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    given: u64,
}

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const MIXED: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Ids {
    /// A unique id with AWS's prefix for its kind (`AROA` role, `AIDA` user, `ANPA` policy …): 21 characters.
    pub(crate) fn unique_id(&mut self, prefix: &str) -> String {
        self.letters(prefix, 21)
    }

    /// An access key id: `AKIA` for long-term keys, `ASIA` for temporary ones; 20 characters.
    pub(crate) fn access_key(&mut self, prefix: &str) -> String {
        self.letters(prefix, 20)
    }

    /// A secret access key of 40 characters.
    pub(crate) fn secret(&mut self) -> String {
        self.mixed(40)
    }

    /// A session token. Real ones are longer; clients must not care.
    pub(crate) fn session_token(&mut self) -> String {
        format!("FwoGZXIvYXdz{}", self.mixed(84))
    }

    /// Six digits for an MFA device.
    pub(crate) fn mfa_code(&mut self) -> String {
        self.given += 1;
        format!("{:06}", self.given * 7919 % 1_000_000)
    }

    /// A universally unique id, in AWS's writing.
    pub(crate) fn uuid(&mut self) -> String {
        self.given += 1;
        let (high, low) = (mix(self.given), mix(!self.given));
        let part = |bits: u64, width: usize| format!("{:0width$x}", bits & ((1 << (4 * width)) - 1));
        let (variant, node) = (part(low >> 48, 3), part(low, 12));
        format!(
            "{}-{}-4{}-8{variant}-{node}",
            part(high >> 32, 8),
            part(high >> 16, 4),
            part(high, 3)
        )
    }

    fn letters(&mut self, prefix: &str, length: usize) -> String {
        self.given += 1;
        let mut text = prefix.to_owned();
        // The counter itself goes in whole, so two ids can never be the same; the mixed bits only make it look real.
        let mut counter = self.given;
        let mut noise = mix(self.given);
        let numbered = 6;
        while text.len() < length - numbered {
            text.push(char::from(LETTERS[(noise & 31) as usize]));
            noise = noise.rotate_right(5) ^ 0x5bd1_e995;
        }
        for _ in 0..numbered {
            text.push(char::from(LETTERS[(counter & 31) as usize]));
            counter >>= 5;
        }
        text
    }

    fn mixed(&mut self, length: usize) -> String {
        self.given += 1;
        let mut state = self.given;
        (0..length)
            .map(|_| {
                state = mix(state);
                char::from(MIXED[(state & 63) as usize])
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Ids;

    #[test]
    fn ids_have_the_length_of_real_ones_and_never_repeat() {
        let mut ids = Ids::default();
        let many: HashSet<_> = (0..10_000).map(|_| ids.unique_id("AROA")).collect();
        assert_eq!(many.len(), 10_000);
        assert!(many.iter().all(|id| id.len() == 21 && id.starts_with("AROA")));
        assert_eq!(ids.access_key("ASIA").len(), 20);
        assert_eq!(ids.secret().len(), 40);
    }
}
