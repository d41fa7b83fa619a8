//! The two decoders of JPEG files: libjpeg-turbo, where set-up could bring it, and zune-jpeg, which is part of the
//! core.
//!
//! libjpeg-turbo's pixels are PIL's and torchvision's to the bit; zune-jpeg's differ by a few units where colours are
//! stored at half the resolution. Which of them decodes is decided once for a process, and said.

use std::ffi::{c_char, CStr};
use std::ptr::NonNull;
use std::sync::OnceLock;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::decode::Photo;
use super::plain_jpeg::plain;
use crate::error::{Error, Result};
use crate::torch::library;

/// The functions of libjpeg that the shim calls, in the order of shim/declarations/libjpeg.h.
const FUNCTIONS: [&str; 7] = [
    "jpeg_std_error",
    "jpeg_CreateDecompress",
    "jpeg_read_header",
    "jpeg_start_decompress",
    "jpeg_read_scanlines",
    "jpeg_resync_to_restart",
    "jpeg_destroy_decompress",
];

/// Lines of gray or CMYK that are decoded at once.
const LINES: usize = 16;

type Functions = [unsafe extern "C" fn(); FUNCTIONS.len()];

#[repr(C)]
struct RawDecoder(u8);

extern "C" {
    fn byol_jpeg_new(functions: *const Functions) -> *mut RawDecoder;
    fn byol_jpeg_free(decoder: *mut RawDecoder);
    fn byol_jpeg_message(decoder: *const RawDecoder) -> *const c_char;
    fn byol_jpeg_read_header(
        decoder: *mut RawDecoder,
        bytes: *const u8,
        length: usize,
        size: *mut [u32; 3],
    ) -> bool;
    fn byol_jpeg_start(decoder: *mut RawDecoder, samples: u32) -> bool;
    fn byol_jpeg_read_lines(decoder: *mut RawDecoder, pixels: *mut u8, lines: u32) -> bool;
}

/// A libjpeg-turbo that stays open as long as the process lives.
#[derive(Clone, Copy)]
pub struct Library(&'static Functions);

impl Library {
    pub fn open(path: &str) -> Result<Self> {
        let failed =
            |reason: &str| Error::io(format!("Cannot open libjpeg-turbo {path}: {reason}"));
        let library = library::open(path).map_err(|reason| failed(&reason))?;
        let mut functions = Vec::new();
        for name in FUNCTIONS {
            // SAFETY: a pointer of any function; the shim has their types.
            let found = unsafe { library.function(name) };
            functions.push(found.map_err(|_| failed("it lacks functions of libjpeg"))?);
        }
        let functions = <Box<Functions>>::try_from(functions);
        let functions = functions.map_err(|_| failed("it lacks functions of libjpeg"))?;
        Ok(Self(Box::leak(functions)))
    }
}

/// A decoder of JPEG files.
#[derive(Clone, Copy)]
pub enum Decoder {
    Turbo(Library),
    Zune,
}

static CHOSEN: OnceLock<Library> = OnceLock::new();

impl Decoder {
    /// This process's.
    pub fn chosen() -> Self {
        CHOSEN
            .get()
            .map_or(Self::Zune, |&library| Self::Turbo(library))
    }

    /// Makes a libjpeg-turbo this process's; the first stays.
    pub fn choose(path: &str) -> Result<()> {
        let library = Library::open(path)?;
        CHOSEN.get_or_init(|| library);
        Ok(())
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Turbo(_) => "libjpeg-turbo",
            Self::Zune => "zune-jpeg",
        }
    }

    pub fn decode(self, bytes: &[u8], photo: &mut Photo) -> std::result::Result<(), String> {
        match self {
            Self::Turbo(library) => turbo(library, bytes, photo),
            Self::Zune => zune(bytes, photo),
        }
        .map_err(|reason| match reason {
            Reason::Size(text) => text,
            Reason::Content(text) => format!("it is no JPEG that can be decoded: {text}"),
        })
    }
}

enum Reason {
    Size(String),
    Content(String),
}

/// One file's decoding by libjpeg-turbo; the file's bytes outlive it.
struct Decoding<'a> {
    decoder: NonNull<RawDecoder>,
    bytes: &'a [u8],
}

impl Decoding<'_> {
    fn read_header(&mut self) -> std::result::Result<[usize; 3], Reason> {
        let mut size = [0; 3];
        let (bytes, length) = (self.bytes.as_ptr(), self.bytes.len());
        let done =
            unsafe { byol_jpeg_read_header(self.decoder.as_ptr(), bytes, length, &mut size) };
        self.outcome(done).map(|()| size.map(|side| side as usize))
    }

    fn start(&mut self, samples: usize) -> std::result::Result<(), Reason> {
        let done = unsafe { byol_jpeg_start(self.decoder.as_ptr(), samples as u32) };
        self.outcome(done)
    }

    /// Decodes the next lines, as many as `pixels` holds.
    fn read_lines(
        &mut self,
        pixels: &mut [u8],
        bytes_a_line: usize,
    ) -> std::result::Result<(), Reason> {
        let lines = (pixels.len() / bytes_a_line) as u32;
        let (decoder, start) = (self.decoder.as_ptr(), pixels.as_mut_ptr());
        let done = unsafe { byol_jpeg_read_lines(decoder, start, lines) };
        self.outcome(done)
    }

    fn outcome(&self, done: bool) -> std::result::Result<(), Reason> {
        if done {
            return Ok(());
        }
        let text = unsafe { CStr::from_ptr(byol_jpeg_message(self.decoder.as_ptr())) };
        Err(Reason::Content(text.to_string_lossy().into_owned()))
    }
}

impl Drop for Decoding<'_> {
    fn drop(&mut self) {
        unsafe { byol_jpeg_free(self.decoder.as_ptr()) }
    }
}

fn turbo(library: Library, bytes: &[u8], photo: &mut Photo) -> std::result::Result<(), Reason> {
    let decoder = NonNull::new(unsafe { byol_jpeg_new(library.0) })
        .ok_or_else(|| Reason::Content("there is no memory".to_owned()))?;
    let mut decoding = Decoding { decoder, bytes };
    let [width, height, samples] = decoding.read_header()?;
    photo.resize(width, height).map_err(Reason::Size)?;
    decoding.start(samples)?;
    if samples == 3 {
        return decoding.read_lines(&mut photo.pixels, width * 3);
    }
    let mut raw = vec![0; width * samples * LINES];
    for lines in photo.pixels.chunks_mut(width * 3 * LINES) {
        let raw = &mut raw[..lines.len() / 3 * samples];
        decoding.read_lines(raw, width * samples)?;
        let targets = lines.chunks_exact_mut(3);
        if samples == 1 {
            targets
                .zip(raw)
                .for_each(|(target, gray)| target.fill(*gray));
        } else {
            let inks = raw.chunks_exact(4);
            targets
                .zip(inks)
                .for_each(|(target, ink)| rgb_of(ink, target));
        }
    }
    Ok(())
}

/// Colours of Adobe's CMYK: 255 is no ink.
pub(super) fn rgb_of(ink: &[u8], target: &mut [u8]) {
    let paper = u32::from(ink[3]);
    for (value, &color) in target.iter_mut().zip(ink) {
        *value = (paper - divided_by_255((255 - u32::from(color)) * paper)) as u8;
    }
}

/// Rounded, as PIL does it.
fn divided_by_255(product: u32) -> u32 {
    let sum = product + 128;
    ((sum >> 8) + sum) >> 8
}

fn zune(bytes: &[u8], photo: &mut Photo) -> std::result::Result<(), Reason> {
    let side = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side)
        .set_strict_mode(false)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let plain = plain(bytes);
    let bytes = plain.as_deref().unwrap_or(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let failed = |error: zune_jpeg::errors::DecodeErrors| Reason::Content(error.to_string());
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    photo.resize(width, height).map_err(Reason::Size)?;
    if decoder.output_buffer_size() != Some(photo.pixels.len()) {
        return Err(Reason::Content("its colours are unknown".to_owned()));
    }
    decoder.decode_into(&mut photo.pixels).map_err(failed)
}
