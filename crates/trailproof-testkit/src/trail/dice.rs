//! Seeded randomness. The same seed gives the same trail on every machine.
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use std::fmt::Write;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A stream of random numbers.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Creates dice for one purpose. Each chain uses its own, so that they can be built in any
    /// order.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        self.0.next_u32().checked_rem(end).unwrap_or(0)
    }

    /// Returns a number from 0 to just under 1.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }

    /// Returns a number from the normal distribution with mean 0 and standard deviation 1
    /// (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Returns a number from the Poisson distribution with this mean.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let limit = (-mean.clamp(0.0, 500.0)).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }

    /// Returns letters and digits, as in the names of log files.
    pub fn letters(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(count);
        for _ in 0..count {
            let at = usize::try_from(self.below(62)).unwrap_or(0);
            text.push(char::from(LETTERS.get(at).copied().unwrap_or(b'0')));
        }
        text
    }

    /// Returns lowercase hexadecimal digits, two for each of `bytes` bytes.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.0.fill_bytes(&mut buffer);
        hex::encode(buffer)
    }

    /// Returns an event id.
    pub fn uuid(&mut self) -> String {
        let digits = self.hex(16);
        let mut text = String::with_capacity(36);
        for (at, digit) in digits.chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                let _ = text.write_char('-');
            }
            text.push(digit);
        }
        text
    }
}
