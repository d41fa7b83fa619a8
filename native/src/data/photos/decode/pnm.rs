//! PPM, PGM and PBM files, binary and in words, with Pillow's idea of values: those below the largest are scaled to
//! bytes and rounded. Of gray of more than a byte the high byte is taken, as of other files of 16 bits.
//!
//! The format is a line of text and the values: crates that read it leave the files in words out.

use super::Photo;

/// Digits of a number.
const MOST_DIGITS: usize = 10;

/// Decodes a file into `photo`.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let failed = |reason: String| format!("it is no PPM or PGM that can be decoded: {reason}");
    let mut text = Text {
        rest: bytes.get(2..).unwrap_or_default(),
    };
    let kind = bytes.get(1).copied().unwrap_or_default();
    let [width, height] = [text.number(), text.number()];
    let [width, height] = [width.map_err(failed)?, height.map_err(failed)?];
    if let b'1' | b'4' = kind {
        photo.resize(width, height)?;
        let read = match kind {
            b'1' => bits_in_words(text, photo),
            _ => bits(text.rest, photo),
        };
        return read.map_err(failed);
    }
    let most = largest(&mut text).map_err(failed)?;
    if most > 255 && photo.keeps_bits {
        photo.resize_words(width, height)?;
        let scale = |value: usize| (value as f64 / most as f64 * 65535.0).round_ties_even() as u16;
        return decode_values((kind, most), text, &mut photo.words, scale).map_err(failed);
    }
    photo.resize(width, height)?;
    let scale = Scale::new(most, samples_of(kind));
    let pixels = &mut photo.pixels;
    decode_values((kind, most), text, pixels, |value| scale.of(value)).map_err(failed)?;
    if scale.is_wide_gray {
        photo.note_few_grays();
    }
    Ok(())
}

fn samples_of(kind: u8) -> usize {
    if let b'3' | b'6' = kind {
        3
    } else {
        1
    }
}

/// Reads the largest value.
fn largest(text: &mut Text) -> Result<usize, String> {
    let most = text.number()?;
    if !(1..=usize::from(u16::MAX)).contains(&most) {
        return Err(format!(
            "its largest value is {most}, expected 1 to {}",
            u16::MAX
        ));
    }
    Ok(most)
}

fn decode_values<T: Copy>(
    (kind, most): (u8, usize),
    mut text: Text,
    out: &mut [T],
    scale: impl Fn(usize) -> T,
) -> Result<(), String> {
    let mut put = Put::new(out, samples_of(kind));
    if let b'2' | b'3' = kind {
        while put.is_open() {
            let value = text.value()?;
            if value > most {
                return Err(format!("it has the value {value}, expected at most {most}"));
            }
            put.sample(scale(value));
        }
        return Ok(());
    }
    let length = if most > 255 { 2 } else { 1 };
    if text.rest.len() / length < put.count() {
        return Err("it ends too early".to_owned());
    }
    for sample in text.rest.chunks_exact(length).take(put.count()) {
        let byte = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        // A larger value than the largest counts as that.
        put.sample(scale(sample.iter().fold(0, byte).min(most)));
    }
    Ok(())
}

/// The bytes of values.
struct Scale {
    is_wide_gray: bool,
    most: usize,
    table: Vec<u8>,
}

impl Scale {
    fn new(most: usize, samples: usize) -> Self {
        let is_wide_gray = samples == 1 && most > 255;
        let byte_of = |value: usize| {
            let share = value as f64 / most as f64;
            match is_wide_gray {
                true => ((share * 65535.0).round_ties_even() as u16 >> 8) as u8,
                false => (share * 255.0).round_ties_even() as u8,
            }
        };
        let table = (0..=most).map(byte_of).collect();
        Self {
            is_wide_gray,
            most,
            table,
        }
    }

    /// Returns a value's byte; a larger value than the largest counts as that.
    fn of(&self, value: usize) -> u8 {
        let byte = self.table.get(value.min(self.most));
        byte.copied().unwrap_or(u8::MAX)
    }
}

/// The samples of a photo, one after the other; gray is repeated.
struct Put<'a, T> {
    open: std::slice::IterMut<'a, T>,
    repeats: usize,
}

impl<'a, T: Copy> Put<'a, T> {
    fn new(out: &'a mut [T], samples: usize) -> Self {
        Self {
            open: out.iter_mut(),
            repeats: 3 / samples,
        }
    }

    fn count(&self) -> usize {
        self.open.len() / self.repeats
    }

    fn is_open(&self) -> bool {
        self.open.len() > 0
    }

    fn sample(&mut self, value: T) {
        for target in self.open.by_ref().take(self.repeats) {
            *target = value;
        }
    }
}

/// Eight pixels a byte, each row from a byte of its own; 1 is black.
fn bits(data: &[u8], photo: &mut Photo) -> Result<(), String> {
    let (width, height) = (photo.width, photo.height);
    let length = width.div_ceil(8);
    if data.len() / length < height {
        return Err("it ends too early".to_owned());
    }
    let mut put = Put::new(&mut photo.pixels, 1);
    for row in data.chunks_exact(length).take(height) {
        for x in 0..width {
            let is_black = row[x / 8] >> (7 - x % 8) & 1 == 1;
            put.sample(if is_black { 0 } else { u8::MAX });
        }
    }
    Ok(())
}

/// One digit a pixel, with spaces between them or without; 1 is black.
fn bits_in_words(mut text: Text, photo: &mut Photo) -> Result<(), String> {
    let mut put = Put::new(&mut photo.pixels, 1);
    while put.is_open() {
        match text.byte().ok_or("it ends too early")? {
            b'0' => put.sample(u8::MAX),
            b'1' => put.sample(0),
            byte if is_space(byte) => {}
            byte => return Err(format!("it has the pixel {:?}", char::from(byte))),
        }
    }
    Ok(())
}

/// The rest of a file.
struct Text<'a> {
    rest: &'a [u8],
}

impl Text<'_> {
    /// Returns the next byte outside of comments, which reach from # to the end of the line.
    fn byte(&mut self) -> Option<u8> {
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            if byte != b'#' {
                return Some(byte);
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.rest = end.map_or(&[], |end| &rest[end + 1..]);
        }
    }

    /// Reads a number of the header, and the space behind it.
    fn number(&mut self) -> Result<usize, String> {
        self.value()
            .map_err(|reason| format!("of its size and its largest value, {reason}"))
    }

    /// Reads a number, and the space behind it.
    fn value(&mut self) -> Result<usize, String> {
        let (mut value, mut digits) = (0, 0);
        while let Some(byte) = self.byte() {
            match byte {
                b'0'..=b'9' if digits < MOST_DIGITS => {
                    (value, digits) = (value * 10 + usize::from(byte - b'0'), digits + 1);
                }
                byte if is_space(byte) && digits == 0 => {}
                byte if is_space(byte) => return Ok(value),
                b'0'..=b'9' => return Err(format!("a number has more than {MOST_DIGITS} digits")),
                byte => return Err(format!("a number has the digit {:?}", char::from(byte))),
            }
        }
        if digits == 0 {
            return Err("a number is missing: it ends too early".to_owned());
        }
        Ok(value)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
