//! Random numbers as a pure function of what they are for.
//!
//! Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") maps a counter and a key to
//! 128 random bits. There is no state to save: a resumed run, another number of threads or of ranks draws the same.

const MULTIPLIER_0: u32 = 0xD251_1F53;
const MULTIPLIER_1: u32 = 0xCD9E_8D57;
const WEYL_0: u32 = 0x9E37_79B9;
const WEYL_1: u32 = 0xBB67_AE85;
const ROUNDS: usize = 10;

/// The use of a stream's numbers; two purposes never share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Parameters of an augmented view.
    View = 1,
    /// The order of the samples in an epoch.
    Order = 2,
    /// Images of the demo dataset.
    Demo = 3,
}

/// The identity of a stream of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawKey {
    pub seed: u64,
    pub purpose: Purpose,
    pub step: u64,
    pub sample: u64,
    pub view: u32,
}

/// Ten rounds of Philox4x32: 128 random bits for a counter and a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let mut c = counter;
    let mut k = key;
    for _ in 0..ROUNDS {
        let (high_0, low_0) = multiply(MULTIPLIER_0, c[0]);
        let (high_1, low_1) = multiply(MULTIPLIER_1, c[2]);
        c = [high_1 ^ c[1] ^ k[0], low_1, high_0 ^ c[3] ^ k[1], low_0];
        k = [k[0].wrapping_add(WEYL_0), k[1].wrapping_add(WEYL_1)];
    }
    c
}

fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

fn split(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// The random numbers of one key, divided into slots that do not disturb each other.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 2],
    base: [u32; 2],
}

impl Stream {
    /// The key has more bits than one Philox block takes, so a first block digests seed, step, purpose and view, and
    /// its output keys the blocks that are drawn. Adding the parts up instead would let (step 1, sample 2) and
    /// (step 2, sample 1) share numbers.
    pub fn new(key: DrawKey) -> Self {
        let step = split(key.step);
        let sample = split(key.sample);
        let digest = philox(
            [step[0], step[1], key.purpose as u32, key.view],
            split(key.seed),
        );
        Self {
            key: [digest[0], digest[1]],
            base: [digest[2] ^ sample[0], digest[3] ^ sample[1]],
        }
    }

    /// The numbers of one slot, from the first. How many are drawn from a slot never moves another slot.
    pub fn slot(&self, slot: u32) -> Draws {
        Draws {
            stream: *self,
            slot,
            block: 0,
            words: [0; 4],
            used: 4,
        }
    }
}

/// Consecutive random numbers of one slot.
#[derive(Clone, Debug)]
pub struct Draws {
    stream: Stream,
    slot: u32,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl Draws {
    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        if self.used == 4 {
            let base = self.stream.base;
            self.words = philox([base[0], base[1], self.slot, self.block], self.stream.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let high = u64::from(self.bits()) << 32;
        let word = high | u64::from(self.bits());
        (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform between two bounds; exactly the bound where they are equal.
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + self.uniform() * (high - low)
    }

    /// Uniform in 0..n without bias (Lemire 2019, "Fast random integer generation in an interval"); 0 where n is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let (mut high, mut low) = multiply(self.bits(), n);
        if low < n {
            let threshold = n.wrapping_neg() % n;
            while low < threshold {
                (high, low) = multiply(self.bits(), n);
            }
        }
        high
    }

    /// True with the given probability: never for 0, always for 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Puts a slice into a uniformly random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u32 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// The order in which an epoch visits the samples: each of 0..count once.
pub fn permutation(seed: u64, epoch: u64, count: usize) -> Vec<u32> {
    let key = DrawKey {
        seed,
        purpose: Purpose::Order,
        step: epoch,
        sample: 0,
        view: 0,
    };
    let mut order: Vec<u32> = (0..count as u32).collect();
    Stream::new(key).slot(0).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const KEY: DrawKey = DrawKey {
        seed: 7,
        purpose: Purpose::View,
        step: 11,
        sample: 13,
        view: 1,
    };

    fn first(key: DrawKey) -> u32 {
        Stream::new(key).slot(0).bits()
    }

    #[test]
    fn philox_gives_the_published_answers() {
        // kat_vectors of Random123: counter, key, expected.
        let zeros = philox([0; 4], [0; 2]);
        assert_eq!(zeros, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = philox([u32::MAX; 4], [u32::MAX; 2]);
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = philox(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
        );
        assert_eq!(pi, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn every_part_of_the_key_counts_and_none_can_stand_for_another() {
        let mut seen = HashSet::new();
        for seed in [0, 1, 2, 1 << 32, 1 << 33] {
            for step in [0, 1, 2, 1 << 32] {
                for sample in [0, 1, 2, 1 << 32] {
                    for view in 0..3 {
                        for purpose in [Purpose::View, Purpose::Order, Purpose::Demo] {
                            let key = DrawKey {
                                seed,
                                purpose,
                                step,
                                sample,
                                view,
                            };
                            let mut draws = Stream::new(key).slot(0);
                            seen.insert((draws.bits(), draws.bits()));
                        }
                    }
                }
            }
        }
        assert_eq!(seen.len(), 5 * 4 * 4 * 3 * 3);
    }

    #[test]
    fn a_slot_does_not_depend_on_what_another_drew() {
        let stream = Stream::new(KEY);
        let expected = stream.slot(3).bits();
        let mut other = stream.slot(2);
        for _ in 0..100 {
            other.bits();
        }
        assert_eq!(stream.slot(3).bits(), expected);
        assert_ne!(stream.slot(2).bits(), expected);
        assert_eq!(first(KEY), stream.slot(0).bits());
    }

    #[test]
    fn uniform_fills_the_unit_interval_evenly() {
        let mut draws = Stream::new(KEY).slot(0);
        let mut values: Vec<f64> = (0..100_000).map(|_| draws.uniform()).collect();
        assert!(values.iter().all(|v| (0.0..1.0).contains(v)));
        values.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let distance = values
            .iter()
            .enumerate()
            .map(|(i, v)| (v - i as f64 / n).abs().max((v - (i + 1) as f64 / n).abs()))
            .fold(0.0, f64::max);
        // Kolmogorov–Smirnov, p = 0.001.
        assert!(distance * n.sqrt() < 1.95, "{distance}");
    }

    #[test]
    fn below_is_uniform_and_stays_below() {
        let mut draws = Stream::new(KEY).slot(1);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[draws.below(7) as usize] += 1;
        }
        let chi: f64 = counts
            .iter()
            .map(|&c| (f64::from(c) - 10_000.0).powi(2) / 10_000.0)
            .sum();
        // 6 degrees of freedom, p = 0.001.
        assert!(chi < 22.46, "{chi}");
        assert_eq!(draws.below(1), 0);
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn below_rejects_what_would_bias_a_large_range() {
        // Without rejection 3 · 2^30 would give multiples of 3 … twice as often.
        let n = 3 << 30;
        let mut draws = Stream::new(KEY).slot(5);
        let mut thirds = [0u32; 3];
        for _ in 0..30_000 {
            let value = draws.below(n);
            assert!(value < n);
            thirds[(value % 3) as usize] += 1;
        }
        let chi: f64 = thirds
            .iter()
            .map(|&c| (f64::from(c) - 10_000.0).powi(2) / 10_000.0)
            .sum();
        assert!(chi < 13.82, "{chi}");
    }

    #[test]
    fn chance_is_exact_at_its_ends() {
        let mut draws = Stream::new(KEY).slot(0);
        assert!((0..1000).all(|_| !draws.chance(0.0)));
        assert!((0..1000).all(|_| draws.chance(1.0)));
        let hits = (0..10_000).filter(|_| draws.chance(0.2)).count();
        assert!((1850..2150).contains(&hits), "{hits}");
    }

    #[test]
    fn a_shuffle_reaches_every_order_equally() {
        let mut counts = std::collections::HashMap::new();
        let mut draws = Stream::new(KEY).slot(0);
        for _ in 0..24_000 {
            let mut order = [0u8, 1, 2, 3];
            draws.shuffle(&mut order);
            *counts.entry(order).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        let chi: f64 = counts
            .values()
            .map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0)
            .sum();
        // 23 degrees of freedom, p = 0.001.
        assert!(chi < 49.73, "{chi}");
    }

    #[test]
    fn an_epoch_visits_every_sample_once_in_an_order_of_its_own() {
        let order = permutation(1, 2, 1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<u32>>());
        assert_eq!(order, permutation(1, 2, 1000));
        assert_ne!(order, permutation(1, 3, 1000));
        assert_ne!(order, permutation(2, 2, 1000));
        assert_ne!(order, permutation(2, 1, 1000));
        assert!(permutation(1, 2, 0).is_empty());
    }
}
