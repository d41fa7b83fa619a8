//! PNG files, with Pillow's idea of which can be decoded: of a file's chunks the header, the palette, the first frame's
//! place and the image data count, and no other chunk is looked at. The checksums of header and palette must be right;
//! of the image data, the checksum of the stream counts, and those of its chunks do not.

use std::io::Read;

use flate2::read::ZlibDecoder;
use png::{DecodeOptions, Decoder, InterlaceInfo, Limits, Reader, Transformations};

use super::png_chunks::{next_chunk, number, Feed};
use super::Photo;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const HEADER_LENGTH: usize = 13;
/// Bytes of a palette of 256 colours.
const MOST_PALETTE: usize = 3 * 256;
/// A checksum, and the last chunk.
const TAIL: &[u8] = b"\0\0\0\0\0\0\0\0IEND\0\0\0\0";
/// More than a code's bits.
const PADDING: &[u8] = &[0; 8];
/// Of header byte 9: each pixel is a palette's index.
const INDEXED: u8 = 3;
/// Of header bytes 8 and 9: 16 bits of gray.
const GRAY_OF_16_BITS: [u8; 2] = [16, 0];
/// Adam7: the first column and row of each pass, and the steps from there.
const PASSES: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// Decodes a PNG into `photo`.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let failed = |reason: String| format!("it is no PNG that can be decoded: {reason}");
    let file = File::read(bytes).map_err(failed)?;
    let [width, height] = file.size();
    if photo.keeps_bits && file.header[8] == 16 {
        photo.resize_words(width, height)?;
        file.decode(as_bytes(&mut photo.words), 2).map_err(failed)?;
        photo
            .words
            .iter_mut()
            .for_each(|value| *value = u16::from_be(*value));
        return Ok(());
    }
    photo.resize(width, height)?;
    file.decode(&mut photo.pixels, 1).map_err(failed)?;
    if file.header[8..10] == GRAY_OF_16_BITS {
        photo.note_few_grays();
    }
    Ok(())
}

/// The bytes of values of 16 bits.
fn as_bytes(words: &mut [u16]) -> &mut [u8] {
    // SAFETY: bytes have no alignment, and all of them are values.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 2) }
}

/// The parts of a file that its pixels are made of.
struct File<'a> {
    header: [u8; HEADER_LENGTH],
    /// Colours of three bytes each, at least one.
    palette: Vec<u8>,
    /// Left, top, width and height of the data's part of the image: all of it, unless an animation's control says less.
    frame: [usize; 4],
    data: Vec<&'a [u8]>,
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut rest = bytes
            .strip_prefix(SIGNATURE)
            .ok_or("its first bytes are damaged")?;
        let (mut header, mut palette, mut control) = (None, Vec::new(), None);
        let mut data = Vec::new();
        while let Some((name, body, after)) = next_chunk(rest) {
            match name {
                b"IDAT" | b"fdAT" if header.is_none() => {}
                b"IDAT" => data.push(body.bytes),
                b"fdAT" => data.push(body.bytes.get(4..).unwrap_or_default()),
                _ if !data.is_empty() => break,
                b"IEND" => break,
                b"IHDR" => header = Some(body.checked(name)?),
                b"PLTE" if header.is_some_and(|header| header.get(9) == Some(&INDEXED)) => {
                    palette = body.checked(name)?.to_vec();
                }
                b"fcTL" => control = Some(body.bytes),
                _ => {}
            }
            rest = after;
        }
        let header = header
            .and_then(|header: &[u8]| header.first_chunk())
            .ok_or("it has no header")?;
        if data.is_empty() {
            return Err("it has no image data".to_owned());
        }
        if palette.len() > MOST_PALETTE {
            return Err("its palette is too long".to_owned());
        }
        palette.truncate(palette.len() / 3 * 3);
        if palette.is_empty() {
            palette.resize(3, 0);
        }
        let mut file = Self {
            header: *header,
            palette,
            frame: [0; 4],
            data,
        };
        // Methods that Pillow does not look at: there is one way to compress and one to interlace.
        file.header[10] = 0;
        file.header[12] = u8::from(file.header[12] != 0);
        file.frame = file.frame_of(control.unwrap_or_default());
        Ok(file)
    }

    fn size(&self) -> [usize; 2] {
        [number(&self.header, 0), number(&self.header, 4)]
    }

    fn interlaced(&self) -> bool {
        self.header[12] != 0
    }

    /// The frame of an animation's control, unless it leaves the image.
    fn frame_of(&self, control: &[u8]) -> [usize; 4] {
        let [width, height] = self.size();
        let frame = [12, 16, 4, 8].map(|at| number(control, at));
        let fits = frame[2] > 0
            && frame[3] > 0
            && frame[0] + frame[2] <= width
            && frame[1] + frame[3] <= height;
        if fits && control.len() >= 26 {
            frame
        } else {
            [0, 0, width, height]
        }
    }

    fn fill(&self, pixels: &mut [u8]) {
        if self.header[9] == INDEXED {
            let first = &self.palette[..3];
            pixels
                .chunks_exact_mut(3)
                .for_each(|pixel| pixel.copy_from_slice(first));
        } else {
            pixels.fill(0);
        }
    }

    /// Decodes into colours of samples of so many bytes.
    fn decode(&self, target: &mut [u8], depth: usize) -> Result<(), String> {
        // What the image data leave out is of the first colour of the palette, or black.
        let [width, height] = self.size();
        if self.interlaced() || self.frame != [0, 0, width, height] {
            self.fill(target);
        }
        let rows = self.rows();
        let Err((done, error)) = self.decode_rows((target, depth), rows.len(), &[]) else {
            return Ok(());
        };
        let whole: usize = rows.iter().sum();
        let (length, ended) = self.inflated(whole);
        if length == whole && !ended {
            // The data end within the last code, whose bits tell all that is needed.
            let padded = self.decode_rows((target, depth), rows.len(), PADDING);
            return padded.map_err(|(_, error)| error);
        }
        // As Pillow has it: a stream that ends with a row is whole.
        if done == 0 || !ended || length != rows[..done].iter().sum::<usize>() {
            return Err(error);
        }
        if !self.interlaced() {
            let start = (self.frame[1] + done) * width * 3 * depth;
            self.fill(&mut target[start..]);
        }
        Ok(())
    }

    /// Decodes rows, with more bytes behind the data. Error: the number of rows before it, and the reason.
    fn decode_rows(
        &self,
        (target, depth): (&mut [u8], usize),
        count: usize,
        padding: &[u8],
    ) -> Result<(), (usize, String)> {
        let failed = |error: png::DecodingError| (0, error.to_string());
        let head = self.plain_head(padding.len()).map_err(|error| (0, error))?;
        let mut options = DecodeOptions::default();
        options.set_ignore_crc(true);
        options.set_ignore_adler32(false);
        let feed = Feed::new(&head, &self.data, &[padding, TAIL]);
        let mut decoder = Decoder::new_with_options(feed, options);
        // A row of an image whose size has been taken.
        decoder.set_limits(Limits { bytes: usize::MAX });
        decoder.set_transformations(match depth {
            2 => Transformations::EXPAND,
            _ => Transformations::EXPAND | Transformations::STRIP_16,
        });
        let mut reader = decoder.read_info().map_err(failed)?;
        let mut target = Rows::new(self, (target, depth), &reader);
        for done in 0..count {
            target.read(&mut reader).map_err(|error| (done, error))?;
        }
        Ok(())
    }

    /// The lengths of the data's rows, each with the byte that names its filter.
    fn rows(&self) -> Vec<usize> {
        let [_, _, width, height] = self.frame;
        let samples = match self.header[9] {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let bits = samples * usize::from(self.header[8]);
        let length = |samples: usize| 1 + (samples * bits).div_ceil(8);
        if !self.interlaced() {
            return vec![length(width); height];
        }
        let passes = PASSES.iter().flat_map(|&[left, top, across, down]| {
            let samples = width.saturating_sub(left).div_ceil(across);
            let lines = height.saturating_sub(top).div_ceil(down);
            vec![length(samples); if samples == 0 { 0 } else { lines }]
        });
        passes.collect()
    }

    /// The number of bytes that the data inflate to, up to `most`, and true where the stream ends there.
    fn inflated(&self, most: usize) -> (usize, bool) {
        let mut stream = ZlibDecoder::new(Feed::new(&[], &self.data, &[]));
        let (mut length, mut buffer) = (0, vec![0; 1 << 16]);
        while length <= most {
            match stream.read(&mut buffer) {
                Ok(0) => return (length, true),
                Ok(count) => length += count,
                Err(_) => break,
            }
        }
        (length.min(most), false)
    }

    /// The start of a file that holds the frame alone, up to the image data.
    fn plain_head(&self, padding: usize) -> Result<Vec<u8>, String> {
        let mut header = self.header;
        for (at, side) in [(0, self.frame[2]), (4, self.frame[3])] {
            header[at..at + 4].copy_from_slice(&(side as u32).to_be_bytes());
        }
        let length = self.data.iter().map(|piece| piece.len()).sum::<usize>();
        let length = u32::try_from(length + padding).map_err(|_| "it has too much image data")?;
        let mut head = SIGNATURE.to_vec();
        let mut chunk = |name: &[u8], body: &[u8]| {
            head.extend_from_slice(&(body.len() as u32).to_be_bytes());
            head.extend_from_slice(name);
            head.extend_from_slice(body);
            // The checksum, which nobody compares.
            head.extend_from_slice(&[0; 4]);
        };
        chunk(b"IHDR", &header);
        if header[9] == INDEXED {
            chunk(b"PLTE", &self.palette);
        }
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(b"IDAT");
        Ok(head)
    }
}

/// The rows of a frame, on their way into a photo.
struct Rows<'a> {
    photo: &'a mut [u8],
    /// Bytes of a row of the photo.
    stride: usize,
    /// The first byte of the frame's next row; of an interlaced one, of its first.
    start: usize,
    /// Bytes of a row of the frame.
    length: usize,
    samples: usize,
    /// Bytes of a sample.
    depth: usize,
    row: Vec<u8>,
    colors: Vec<u8>,
}

impl<'a> Rows<'a> {
    fn new(file: &File, (photo, depth): (&'a mut [u8], usize), reader: &Reader<Feed>) -> Self {
        let [left, top, width, _] = file.frame;
        let samples = reader.output_color_type().0.samples();
        let direct = samples == 3 && !file.interlaced();
        let (stride, length) = (file.size()[0] * 3 * depth, width * 3 * depth);
        Self {
            stride,
            start: top * stride + left * 3 * depth,
            photo,
            length,
            samples,
            depth,
            row: vec![0; if direct { 0 } else { width * samples * depth }],
            colors: vec![0; if file.interlaced() { length } else { 0 }],
        }
    }

    fn read(&mut self, reader: &mut Reader<Feed>) -> Result<(), String> {
        let Self {
            row, colors, start, ..
        } = self;
        let kind = (self.samples, self.depth);
        let target = &mut self.photo[*start..];
        let into = if row.is_empty() {
            &mut *target
        } else {
            &mut *row
        };
        let place = reader.read_row(into).map_err(|error| error.to_string())?;
        match place.ok_or("it has too few rows")? {
            InterlaceInfo::Adam7(place) => {
                rgb_of(row, kind, colors);
                let bits = 24 * self.depth as u8;
                png::expand_interlaced_row(target, self.stride, colors, &place, bits);
            }
            InterlaceInfo::Null(_) => {
                if !row.is_empty() {
                    rgb_of(row, kind, &mut target[..self.length]);
                }
                *start += self.stride;
            }
        }
        Ok(())
    }
}

/// Colours of gray, gray with transparency, colours, or colours with transparency, of samples of `depth` bytes.
fn rgb_of(row: &[u8], (samples, depth): (usize, usize), out: &mut [u8]) {
    let pixels = row.chunks_exact(samples * depth);
    for (target, source) in out.chunks_exact_mut(3 * depth).zip(pixels) {
        match samples {
            1 | 2 => target
                .chunks_exact_mut(depth)
                .for_each(|target| target.copy_from_slice(&source[..depth])),
            _ => target.copy_from_slice(&source[..3 * depth]),
        }
    }
}
