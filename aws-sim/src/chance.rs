//! Chance that is no chance: the same seed gives the same run, on every machine.

use std::hash::Hasher;

/// The finaliser of SplitMix64: spreads the bits of a number over all of its places.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The number that a seed gives to something that is named by texts.
pub(crate) fn roll(seed: u64, names: &[&str]) -> u64 {
    let mut hash = Fnv(seed ^ 0xcbf2_9ce4_8422_2325);
    for name in names {
        hash.write(name.as_bytes());
        // A byte that no text holds, so that `ab`, `c` is not `a`, `bc`.
        hash.write_u8(0xff);
    }
    mix(hash.finish())
}

/// True in that share of all numbers, from 0 to 1.
pub(crate) fn within(rolled: u64, share: f64) -> bool {
    // The upper 53 bits are as many as a float holds.
    ((rolled >> 11) as f64) < share * (1_u64 << 53) as f64
}

/// FNV-1a. The standard library's own hashers may change from one release to the next.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{roll, within};

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seed_others() {
        assert_eq!(roll(7, &["a", "b"]), roll(7, &["a", "b"]));
        assert_ne!(roll(7, &["a", "b"]), roll(8, &["a", "b"]));
        assert_ne!(roll(7, &["ab", "c"]), roll(7, &["a", "bc"]));
    }

    #[test]
    fn a_share_is_hit_about_as_often_as_it_says() {
        let hits = |share| {
            (0..10_000)
                .filter(|at: &u64| within(roll(7, &[&at.to_string()]), share))
                .count()
        };
        assert_eq!((hits(0.0), hits(1.0)), (0, 10_000));
        assert!((900..1100).contains(&hits(0.1)), "{}", hits(0.1));
    }
}
