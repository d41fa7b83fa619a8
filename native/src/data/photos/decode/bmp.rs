//! BMP files, with Pillow's idea of which can be decoded: 1, 4, 8, 16, 24 and 32 bits a pixel, bit fields, and runs of
//! 4 and 8 bits. Rows lie upside down, unless the height is negative.
//!
//! The only maintained crate that reads the format alone asks for a newer compiler than the core does.

use super::Photo;

const RAW: u32 = 0;
const RUNS_OF_8: u32 = 1;
const RUNS_OF_4: u32 = 2;
const BIT_FIELDS: u32 = 3;
/// Before the header: magic, length, and the place of the pixels.
const FILE_HEADER: usize = 14;
const HEADERS: [usize; 7] = [12, 40, 52, 56, 64, 108, 124];
/// The header of OS/2, with sizes of 16 bits and colours of three bytes.
const SHORT_HEADER: usize = 12;
/// The header that bit fields follow, where no longer header holds them at the same place.
const PLAIN_HEADER: usize = 40;
/// Red, green and blue of 16 bits.
const FIVES: [u32; 3] = [0x7c00, 0x3e0, 0x1f];
const FIVE_SIX_FIVE: [u32; 3] = [0xf800, 0x7e0, 0x1f];
/// Red, green and blue of 24 and 32 bits.
const EIGHTS: [u32; 3] = [0xff_0000, 0xff00, 0xff];

/// Decodes a BMP into `photo`.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let failed = |reason: String| format!("it is no BMP that can be decoded: {reason}");
    let file = File::read(bytes).map_err(failed)?;
    photo.resize(file.width, file.height)?;
    file.decode(photo).map_err(failed)
}

/// The parts of a file that its pixels are made of.
struct File<'a> {
    width: usize,
    height: usize,
    from_top: bool,
    bits: usize,
    compression: u32,
    masks: [u32; 3],
    palette: Vec<[u8; 3]>,
    /// Place of the pixels.
    start: usize,
    bytes: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> Result<u32, String> {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let found = found.ok_or("it ends within its header")?;
    Ok(u32::from_le_bytes(*found))
}

fn half(bytes: &[u8], at: usize) -> Result<u32, String> {
    let found = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    let found = found.ok_or("it ends within its header")?;
    Ok(u32::from(u16::from_le_bytes(*found)))
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let length = word(bytes, FILE_HEADER)? as usize;
        if !HEADERS.contains(&length) {
            return Err(format!("its header has {length} bytes"));
        }
        let header = &bytes[FILE_HEADER..];
        let header = header.get(..length).ok_or("it ends within its header")?;
        let mut file = Self {
            width: 0,
            height: 0,
            from_top: false,
            bits: 0,
            compression: RAW,
            masks: EIGHTS,
            palette: Vec::new(),
            start: word(bytes, 10)? as usize,
            bytes,
        };
        let mut colors = 0;
        if length == SHORT_HEADER {
            file.width = half(header, 4)? as usize;
            file.height = half(header, 6)? as usize;
            file.bits = half(header, 10)? as usize;
        } else {
            file.from_top = header[11] == 0xff;
            file.width = word(header, 4)? as usize;
            let height = word(header, 8)?;
            let from_top = file.from_top;
            file.height = if from_top {
                height.wrapping_neg()
            } else {
                height
            } as usize;
            file.bits = half(header, 14)? as usize;
            file.compression = word(header, 16)?;
            colors = word(header, 32)? as usize;
        }
        if !matches!(file.bits, 1 | 4 | 8 | 16 | 24 | 32) {
            return Err(format!("it has {} bits a pixel", file.bits));
        }
        if file.bits == 16 {
            file.masks = FIVES;
        }
        let mut behind = FILE_HEADER + length;
        if file.compression == BIT_FIELDS {
            let places = FILE_HEADER + PLAIN_HEADER;
            for (index, mask) in file.masks.iter_mut().enumerate() {
                *mask = word(bytes, places + 4 * index)?;
            }
            behind = behind.max(places + 12);
        }
        if file.bits <= 8 {
            file.read_palette((length, behind), colors)?;
        }
        Ok(file)
    }

    fn read_palette(
        &mut self,
        (length, behind): (usize, usize),
        colors: usize,
    ) -> Result<(), String> {
        let colors = if colors == 0 { 1 << self.bits } else { colors };
        if colors > 1 << 16 {
            return Err(format!("its palette has {colors} colours"));
        }
        let step = if length == SHORT_HEADER { 3 } else { 4 };
        if self.start == FILE_HEADER + length {
            // Written by programs that forget the palette.
            self.start += step * colors;
        }
        let palette = self.bytes.get(behind..).unwrap_or_default();
        let palette = palette.chunks_exact(step).take(colors.min(256));
        self.palette = palette
            .map(|color| [color[2], color[1], color[0]])
            .collect();
        // Colours that the palette leaves out are black.
        self.palette.resize(256, [0; 3]);
        Ok(())
    }

    fn decode(&self, photo: &mut Photo) -> Result<(), String> {
        match (self.compression, self.bits) {
            (RUNS_OF_8 | RUNS_OF_4, 1 | 4 | 8) => self.decode_runs(photo),
            (RAW, _) | (BIT_FIELDS, 16 | 24 | 32) => self.decode_rows(photo),
            (other, bits) => Err(format!("it has compression {other} of {bits} bits a pixel")),
        }
    }

    fn decode_rows(&self, photo: &mut Photo) -> Result<(), String> {
        let length = (self.width * self.bits).div_ceil(32) * 4;
        let data = self.bytes.get(self.start..).unwrap_or_default();
        // The padding of the last row may be missing.
        let needed = length * (self.height - 1) + (self.width * self.bits).div_ceil(8);
        if data.len() < needed {
            return Err("it ends too early".to_owned());
        }
        let fields = self.fields()?;
        let stride = photo.width * 3;
        let rows = data.chunks(length).take(self.height);
        for (row, target) in rows.zip(self.places(photo).map(|y| y * stride)) {
            let target = &mut photo.pixels[target..target + stride];
            match self.bits {
                16 => target
                    .chunks_exact_mut(3)
                    .zip(row.chunks_exact(2))
                    .for_each(|(target, two)| {
                        let value = u32::from(u16::from_le_bytes([two[0], two[1]]));
                        fields.spread(value, target);
                    }),
                24 | 32 => target
                    .chunks_exact_mut(3)
                    .zip(row.chunks_exact(self.bits / 8))
                    .for_each(|(target, pixel)| fields.pick(pixel, target)),
                bits => {
                    let shades = 8 / bits;
                    for (x, target) in target.chunks_exact_mut(3).enumerate() {
                        let shift = 8 - bits - x % shades * bits;
                        let index = row[x / shades] >> shift & (0xff >> (8 - bits));
                        target.copy_from_slice(&self.palette[usize::from(index)]);
                    }
                }
            }
        }
        Ok(())
    }

    /// The rows of a photo in the order of the file.
    fn places(&self, photo: &Photo) -> impl Iterator<Item = usize> {
        let (height, from_top) = (photo.height, self.from_top);
        (0..height).map(move |y| if from_top { y } else { height - 1 - y })
    }

    fn fields(&self) -> Result<Fields, String> {
        let masks = self.masks;
        if self.bits <= 8 {
            return Ok(Fields::default());
        }
        if self.bits == 16 {
            return match masks {
                FIVES | FIVE_SIX_FIVE => Ok(Fields {
                    shifts: masks.map(u32::trailing_zeros),
                    most: masks.map(|mask| mask >> mask.trailing_zeros()),
                }),
                _ => Err(unknown(masks)),
            };
        }
        // No masks at all are those of four bytes.
        let masks = if masks == [0; 3] { EIGHTS } else { masks };
        let whole = |mask: &u32| {
            mask.trailing_zeros() % 8 == 0
                && mask >> mask.trailing_zeros() == 0xff
                && mask.trailing_zeros() < self.bits as u32
        };
        if !masks.iter().all(|mask| *mask != 0 && whole(mask)) {
            return Err(unknown(masks));
        }
        Ok(Fields {
            shifts: masks.map(u32::trailing_zeros),
            most: [0xff; 3],
        })
    }

    /// Runs of pixels, one after the other, by Pillow's rules: a run ends with its row, what is skipped is of colour 0,
    /// and a file that ends before its last pixel is damaged.
    fn decode_runs(&self, photo: &mut Photo) -> Result<(), String> {
        let all = self.width * self.height;
        let mut data = Vec::new();
        let mut runs = Runs {
            of_4: self.compression == RUNS_OF_4,
            bytes: self.bytes,
            at: self.start,
        };
        let mut x = 0;
        while data.len() < all {
            let [Some(count), Some(byte)] = [runs.next(), runs.next()] else {
                break;
            };
            match (usize::from(count), byte) {
                (0, 0) => {
                    data.resize(data.len().next_multiple_of(self.width), 0);
                    x = 0;
                }
                (0, 1) => break,
                (0, 2) => {
                    let [Some(right), Some(up)] = [runs.next(), runs.next()] else {
                        break;
                    };
                    let skipped = usize::from(right) + usize::from(up) * self.width;
                    data.resize(data.len() + skipped.min(all - data.len()), 0);
                    x = data.len() % self.width;
                }
                (0, count) => {
                    let wanted = usize::from(count).min(all - data.len());
                    if !runs.read(wanted, &mut data) || data.len() == all {
                        break;
                    }
                    x += usize::from(count);
                    runs.at = runs.at.next_multiple_of(2);
                }
                (count, byte) => {
                    let count = count.min(self.width.saturating_sub(x));
                    let pair = runs.pair(byte);
                    data.extend((0..count).map(|index| pair[index % 2]));
                    x += count;
                }
            }
        }
        if data.len() < all {
            return Err("it ends too early".to_owned());
        }
        let stride = photo.width * 3;
        for (row, y) in data.chunks_exact(self.width).zip(self.places(photo)) {
            let target = photo.pixels[y * stride..].chunks_exact_mut(3);
            for (target, index) in target.zip(row) {
                target.copy_from_slice(&self.palette[usize::from(*index)]);
            }
        }
        Ok(())
    }
}

fn unknown([red, green, blue]: [u32; 3]) -> String {
    format!("its bit fields are {red:x}, {green:x} and {blue:x}")
}

/// Places of red, green and blue in a pixel; none of a palette's.
#[derive(Default)]
struct Fields {
    shifts: [u32; 3],
    most: [u32; 3],
}

impl Fields {
    fn spread(&self, value: u32, target: &mut [u8]) {
        for (channel, target) in target.iter_mut().enumerate() {
            let most = self.most[channel];
            *target = ((value >> self.shifts[channel] & most) * 255 / most) as u8;
        }
    }

    fn pick(&self, pixel: &[u8], target: &mut [u8]) {
        for (shift, target) in self.shifts.iter().zip(target) {
            *target = pixel[*shift as usize / 8];
        }
    }
}

/// The bytes of runs.
struct Runs<'a> {
    of_4: bool,
    bytes: &'a [u8],
    at: usize,
}

impl Runs<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    /// The two pixels that a run's byte repeats.
    fn pair(&self, byte: u8) -> [u8; 2] {
        match self.of_4 {
            true => [byte >> 4, byte & 0x0f],
            false => [byte; 2],
        }
    }

    /// Reads so many pixels as they are; false where the file ends before.
    fn read(&mut self, count: usize, data: &mut Vec<u8>) -> bool {
        let length = if self.of_4 { count.div_ceil(2) } else { count };
        let found = self.bytes.get(self.at..).unwrap_or_default();
        let found = &found[..length.min(found.len())];
        self.at += found.len();
        if self.of_4 {
            let pixels = found.iter().flat_map(|&byte| [byte >> 4, byte & 0x0f]);
            data.extend(pixels.take(count));
        } else {
            data.extend_from_slice(found);
        }
        found.len() == length
    }
}
