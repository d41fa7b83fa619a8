//! A shard that is being written: a tar file of images, and its index.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::bad::BadFiles;
use super::beside::Beside;
use super::decode::{decode, Format, Photo};
use super::source::Source;
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;
use crate::formats::shards::{Reencoding, ShardHead};

const BLOCK: u64 = 512;

/// One image on its way into a shard.
struct Packet {
    sample: u32,
    bytes: Vec<u8>,
}

pub(super) struct Task<'a> {
    pub(super) source: &'a Source,
    pub(super) bad: &'a BadFiles,
    pub(super) reencoding: Option<&'a Reencoding>,
    pub(super) pool: &'a rayon::ThreadPool,
    pub(super) at_once: usize,
}

/// A shard that is being written.
pub(super) struct Shard {
    path: PathBuf,
    beside: Beside,
    file: BufWriter<File>,
    hash: Sha256,
    written: u64,
    rows: String,
}

impl Shard {
    pub(super) fn create(out: &Path, url: &str) -> Result<Self> {
        let path = out.join(url);
        let created = Beside::create(path.with_extension("tar.part"));
        let (beside, file) = created.map_err(|error| failed(&path, error))?;
        Ok(Self {
            path,
            beside,
            file: BufWriter::with_capacity(1 << 20, file),
            hash: Sha256::new(),
            written: 0,
            rows: String::new(),
        })
    }

    /// Writes the images, then the index that says that the shard is whole.
    pub(super) fn fill(
        mut self,
        task: &Task,
        (samples, mut head): (&[u32], ShardHead),
        progress: &Progress,
    ) -> Result<ShardHead> {
        for chunk in samples.chunks(task.at_once) {
            let packets: Vec<Packet> = task.pool.install(|| {
                chunk
                    .par_iter()
                    .map_init(Reencoder::default, |reencoder, &sample| {
                        Ok(Packet {
                            sample,
                            bytes: reencoder.read(task, sample)?,
                        })
                    })
                    .collect::<Result<_>>()
            })?;
            for packet in &packets {
                head.bad += usize::from(packet.bytes.is_empty());
                self.add(task.source, packet)
                    .map_err(|error| failed(&self.path, error))?;
            }
            progress.advance(chunk.len(), chunk.len())?;
        }
        let path = self.path.clone();
        head.bytes = self.written + 2 * BLOCK;
        let index = path.with_extension("idx");
        self.close(head, &index)
            .map_err(|error| failed(&path, error))
    }

    fn add(&mut self, source: &Source, packet: &Packet) -> std::io::Result<()> {
        let index = packet.sample as usize;
        let class = source.class(index);
        let name = source.relative_name(index);
        let crc = crc32fast::hash(&packet.bytes);
        let mut offset = 0;
        if let Ok(format) = Format::of(&packet.bytes) {
            let extension = format.extension();
            offset = self.member(&format!("{index:08}.{extension}"), &packet.bytes)?;
            self.member(&format!("{index:08}.cls"), class.to_string().as_bytes())?;
        }
        let length = if offset == 0 { 0 } else { packet.bytes.len() };
        let class = source.classes().get(class).map_or("", |name| name);
        self.rows.push_str(&format!(
            "{index}\t{offset}\t{length}\t{crc:08x}\t{class}\t{name}\n"
        ));
        Ok(())
    }

    /// One file of the tar. Returns where its bytes begin.
    fn member(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<u64> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.write(header.as_bytes())?;
        let offset = self.written;
        self.write(bytes)?;
        let rest = (BLOCK - self.written % BLOCK) % BLOCK;
        self.write(&[0; BLOCK as usize][..rest as usize])?;
        Ok(offset)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn close(mut self, mut head: ShardHead, index: &Path) -> std::io::Result<ShardHead> {
        self.write(&[0; 2 * BLOCK as usize])?;
        head.sha256 = hex(&self.hash.finalize());
        self.file
            .into_inner()
            .map_err(|error| error.into_error())?
            .sync_all()?;
        self.beside.place(&self.path)?;
        let first = serde_json::to_string(&head)?;
        let rows = self.rows;
        replace(index, |file| write!(file, "{first}\n{rows}"))?;
        Ok(head)
    }
}

/// Reads images and, where asked, makes them smaller.
#[derive(Default)]
struct Reencoder {
    file: Vec<u8>,
    photo: Photo,
    resizer: Resizer,
    pixels: Vec<u8>,
}

impl Reencoder {
    /// The bytes to pack; none for an image that cannot be used, which is noted.
    fn read(&mut self, task: &Task, sample: u32) -> Result<Vec<u8>> {
        let index = sample as usize;
        let bytes = task.source.bytes(index, &mut self.file).and_then(|bytes| {
            Format::of(bytes)?;
            match task.reencoding {
                None => Ok(bytes.to_vec()),
                Some(reencoding) => {
                    decode(bytes, &mut self.photo)?;
                    if self.photo.width.min(self.photo.height) <= reencoding.max_side {
                        return Ok(bytes.to_vec());
                    }
                    shrink(&self.photo, reencoding, &mut self.resizer, &mut self.pixels)
                }
            }
        });
        bytes.or_else(|reason| {
            let name = task.source.name(index);
            task.bad.add(sample, format!("{name}: {reason}"))?;
            Ok(Vec::new())
        })
    }
}

/// A smaller JPEG: the shorter side `max_side`, the longer in proportion.
fn shrink(
    photo: &Photo,
    reencoding: &Reencoding,
    resizer: &mut Resizer,
    pixels: &mut Vec<u8>,
) -> std::result::Result<Vec<u8>, String> {
    let shorter = photo.width.min(photo.height);
    let side = |side: usize| {
        let exact = side as f64 * reencoding.max_side as f64 / shorter as f64;
        exact.round().max(1.0) as usize
    };
    let (width, height) = (side(photo.width), side(photo.height));
    let problem = |error: &dyn std::fmt::Display| format!("it cannot be made smaller: {error}");
    pixels.resize(width * height * 3, 0);
    let source = ImageRef::new(
        photo.width as u32,
        photo.height as u32,
        &photo.pixels,
        PixelType::U8x3,
    )
    .map_err(|error| problem(&error))?;
    let mut target = Image::from_slice_u8(width as u32, height as u32, pixels, PixelType::U8x3)
        .map_err(|error| problem(&error))?;
    let bicubic = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    resizer
        .resize(&source, &mut target, &bicubic)
        .map_err(|error| problem(&error))?;
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(problem(&"a JPEG has at most 65535 pixels a side"));
    };
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, reencoding.quality)
        .encode(pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .map_err(|error| problem(&error))?;
    Ok(bytes)
}

pub(super) fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::io(format!("Cannot write {}: {error}", path.display()))
}

/// Writes beside, syncs, renames.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let (beside, file) = Beside::create(path.with_extension("part"))?;
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.into_inner()
        .map_err(|error| error.into_error())?
        .sync_all()?;
    beside.place(path)
}
