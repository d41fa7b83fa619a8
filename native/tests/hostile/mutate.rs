//! Damage to valid files: always the same for the same seed.

/// Numbers that sizes, counts and offsets go wrong at.
const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "-1",
    "8",
    "255",
    "65536",
    "2147483648",
    "4611686018427387904",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
    "1e308",
];

/// splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A copy with one to four changes; every other one falls into the first 512 bytes, where headers are. `other` is a
    /// second valid file, to splice with.
    pub fn mutate(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(4) {
            if out.is_empty() {
                break;
            }
            self.change(&mut out, other);
        }
        out
    }

    fn change(&mut self, out: &mut Vec<u8>, other: &[u8]) {
        let range = [out.len(), out.len().min(512)][self.below(2)];
        let at = self.below(range);
        let end = (at + 1 + self.below(32)).min(out.len());
        match self.below(10) {
            0 => out[at] = self.below(256) as u8,
            1 | 2 => out[at] ^= 1 << self.below(8),
            3 => drop(out.drain(at..end)),
            4 => {
                let piece = out[at..end].to_vec();
                let to = self.below(range);
                out.splice(to..to, piece);
            }
            5 => {
                let from = self.below(other.len());
                let until = (from + 1 + self.below(64)).min(other.len());
                out.splice(at..end, other[from..until].iter().copied());
            }
            6 | 7 => self.renumber(out, at),
            8 => {
                let number = *self.pick(&[0, 1, 7, 1 << 31, 1 << 62, u64::MAX - 7, u64::MAX]);
                for (byte, value) in out[at..].iter_mut().zip(number.to_le_bytes()) {
                    *byte = value;
                }
            }
            _ => out.truncate(at),
        }
    }

    /// Another number in place of the next one that is written in digits.
    fn renumber(&mut self, out: &mut Vec<u8>, at: usize) {
        let digit = |byte: &u8| byte.is_ascii_digit();
        let Some(start) = out[at..].iter().take(4096).position(digit) else {
            return;
        };
        let start = at + start;
        let length = out[start..].iter().take_while(|byte| digit(byte)).count();
        let number = self.pick(&NUMBERS).bytes();
        out.splice(start..start + length, number);
    }
}
