//! A random sample of a mirror's files that a seed determines.
//!
//! The files are divided into stretches of equal length, in the order of the manifest, and one file is
//! drawn from each. So the sample has exactly the size that was asked for, is spread over the whole
//! mirror, and needs no memory. With a new seed for each check, every file is drawn equally often.
use sha2::{Digest as _, Sha256};

/// The whole, of which a sample is a part.
pub const WHOLE: u64 = 100_000_000;

/// A share of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The share, of [`WHOLE`].
    pub parts: u64,
    /// The seed. The same seed draws the same files from the same manifest.
    pub seed: u64,
}

/// The sample of a number of files, drawn one after the other.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    sample: Sample,
    files: u64,
    /// The next file.
    at: u64,
    /// The number of the stretch that it is in.
    stretch: u64,
    /// The end of that stretch, and the file that is drawn from it.
    end: u64,
    drawn: u64,
}

impl Chosen {
    pub(super) fn new(sample: Sample, files: u64) -> Self {
        let parts = sample.parts.clamp(1, WHOLE);
        let mut chosen =
            Self { sample: Sample { parts, ..sample }, files, at: 0, stretch: 0, end: 0, drawn: 0 };
        chosen.draw();
        chosen
    }

    /// Returns whether the next file is in the sample.
    pub(super) fn next(&mut self) -> bool {
        while self.at >= self.end && self.end < self.files {
            self.stretch += 1;
            self.draw();
        }
        let is_drawn = self.at == self.drawn;
        self.at += 1;
        is_drawn
    }

    /// Draws a file from the current stretch.
    fn draw(&mut self) {
        let begin = self.bound(self.stretch);
        self.end = self.bound(self.stretch.saturating_add(1)).min(self.files);
        let hash = Sha256::new()
            .chain_update(b"trailproof sample ")
            .chain_update(self.sample.seed.to_be_bytes())
            .chain_update(self.stretch.to_be_bytes())
            .finalize();
        let random = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        // The stretches have far fewer than 2^64 files, so that the remainder is even enough.
        self.drawn = begin + random % self.end.saturating_sub(begin).max(1);
    }

    /// Returns where a stretch begins.
    fn bound(&self, stretch: u64) -> u64 {
        let at = u128::from(stretch) * u128::from(WHOLE) / u128::from(self.sample.parts);
        u64::try_from(at).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(parts: u64, seed: u64, files: u64) -> Vec<u64> {
        let mut chosen = Chosen::new(Sample { parts, seed }, files);
        (0..files).filter(|_| chosen.next()).collect()
    }

    #[test]
    fn a_sample_has_the_size_that_was_asked_for_rounded_up() {
        for (parts, files, size) in [
            (WHOLE, 0, 0),
            (WHOLE, 1, 1),
            (WHOLE, 7, 7),
            (WHOLE / 50, 1, 1),
            (WHOLE / 50, 50, 1),
            (WHOLE / 50, 51, 2),
            (WHOLE / 50, 10_000, 200),
            (30_000_000, 10, 3),
            (30_000_000, 1_000, 300),
            (66_000_000, 1_000, 660),
            (1, 1_000, 1),
        ] {
            for seed in 0..20 {
                let drawn = drawn(parts, seed, files);
                assert_eq!(u64::try_from(drawn.len()).unwrap(), size, "{parts} {files} {seed}");
            }
        }
    }

    #[test]
    fn a_seed_draws_the_same_files_and_seeds_draw_each_equally_often() {
        let mut counts = [0_u32; 100];
        for seed in 0..2_000 {
            let files = drawn(10_000_000, seed, 100);
            assert_eq!(files, drawn(10_000_000, seed, 100));
            for file in files {
                counts[usize::try_from(file).unwrap()] += 1;
            }
        }
        // 200 expected, with a standard deviation of 13.4.
        assert!(counts.iter().all(|count| (120..280).contains(count)), "{counts:?}");
    }
}
