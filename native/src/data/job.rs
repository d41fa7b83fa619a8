//! Long work beside the event loop: the caller starts it, asks how far it is, and takes what it made.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use serde::Deserialize;

use super::cifar::Cifar;
use super::photos::listing::{FileList, Listing};
use super::photos::measure::{measure, Part};
use super::photos::pack::{pack, PackOptions};
use super::photos::packed::Packed;
use super::photos::source::Source;
use super::photos::stage::{stage, verify};
use super::photos::statistics::{statistics, StatisticsOptions};
use super::progress::Progress;
use super::sources::{load_cifar, Loaded};
use crate::error::{Error, Result};

#[derive(Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum DataWork {
    /// Lists a folder of images, for a data set to be opened from.
    List {
        directory: String,
        /// The folder that listings are kept in.
        cache: Option<String>,
    },
    /// Takes the images of a list, for a data set to be opened from.
    Files { list: FileList },
    /// Opens packed shards, for a data set to be opened from.
    Open { manifest: String },
    /// Reads the files of CIFAR-10 or CIFAR-100 into memory, for a data set to be opened from.
    Read {
        name: Cifar,
        directory: String,
        train: bool,
        allow_unverified: bool,
    },
    /// Packs a folder of images.
    Pack(PackOptions),
    /// Copies packed shards to a faster place.
    Stage { manifest: String, target: String },
    /// Compares the shards' checksums.
    Verify { manifest: String },
    /// Measures the values of all images of a folder or of packed shards.
    Statistics(StatisticsOptions),
    /// Measures a part of the loader on a folder of images.
    Measure {
        directory: String,
        part: Part,
        rounds: usize,
    },
}

/// The result of a job.
enum Outcome {
    Source(Box<Source>),
    /// Images of CIFAR-10 or CIFAR-100.
    Memory(Box<Loaded>),
    /// JSON.
    Text(String),
}

/// A job that runs, or has ended.
pub struct DataJob {
    progress: Arc<Progress>,
    thread: Option<JoinHandle<Result<Outcome>>>,
    /// Kept for a caller whose buffer was too small.
    text: Option<String>,
}

impl DataJob {
    pub fn start(options: DataWork) -> Result<Self> {
        let progress = Arc::new(Progress::default());
        let seen = progress.clone();
        let thread = std::thread::Builder::new()
            .name("byol-job".to_owned())
            .spawn(move || run(options, &seen))
            .map_err(|error| Error::io(format!("Cannot start a thread: {error}")))?;
        Ok(Self {
            progress,
            thread: Some(thread),
            text: None,
        })
    }

    /// Done, of how many, images so far, and 1 when it has ended.
    pub fn numbers(&self) -> [f64; 4] {
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let Progress {
            done,
            total,
            images,
            ..
        } = &*self.progress;
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed) as f64;
        [
            read(done),
            read(total),
            read(images),
            f64::from(u8::from(ended)),
        ]
    }

    /// The files that a listing job found; waits for its end.
    pub fn take_source(&mut self) -> Result<Source> {
        match self.finish()? {
            Outcome::Source(source) => Ok(*source),
            _ => Err(Error::invalid("Cannot open images: the job listed none")),
        }
    }

    /// The images that a reading job holds; waits for its end.
    pub fn take_memory(&mut self) -> Result<Loaded> {
        match self.finish()? {
            Outcome::Memory(loaded) => Ok(*loaded),
            _ => Err(Error::invalid("Cannot open images: the job read none")),
        }
    }

    /// Waits for the end of the job and returns the description of its work, as JSON.
    pub fn text(&mut self) -> Result<String> {
        if let Some(text) = &self.text {
            return Ok(text.clone());
        }
        match self.finish()? {
            Outcome::Text(text) => Ok(self.text.insert(text).clone()),
            _ => Err(Error::invalid("Cannot tell of the job: it found images")),
        }
    }

    fn finish(&mut self) -> Result<Outcome> {
        let gone = || Error::invalid("Cannot use the job: what it made was taken before");
        let thread = self.thread.take().ok_or_else(gone)?;
        thread.join().unwrap_or_else(|_| {
            Err(Error::invalid(
                "Cannot use the job: its thread ended by itself",
            ))
        })
    }
}

impl Drop for DataJob {
    fn drop(&mut self) {
        self.progress.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(options: DataWork, progress: &Progress) -> Result<Outcome> {
    match options {
        DataWork::List { directory, cache } => {
            let cache = cache.map(PathBuf::from);
            let listing = Listing::read(&PathBuf::from(directory), cache.as_deref(), progress)?;
            Ok(Outcome::Source(Box::new(Source::Folder(listing))))
        }
        DataWork::Files { list } => {
            let listing = Listing::of_list(list)?;
            Ok(Outcome::Source(Box::new(Source::Folder(listing))))
        }
        DataWork::Open { manifest } => {
            let packed = Packed::open(&PathBuf::from(manifest), progress)?;
            Ok(Outcome::Source(Box::new(Source::Packed(packed))))
        }
        DataWork::Read {
            name,
            directory,
            train,
            allow_unverified,
        } => {
            let directory = PathBuf::from(directory);
            let loaded = load_cifar(&directory, train, allow_unverified, (name, progress))?;
            Ok(Outcome::Memory(Box::new(loaded)))
        }
        DataWork::Pack(options) => pack(&options, progress).map(Outcome::Text),
        DataWork::Stage { manifest, target } => {
            stage(&PathBuf::from(manifest), &PathBuf::from(target), progress).map(Outcome::Text)
        }
        DataWork::Verify { manifest } => {
            verify(&PathBuf::from(manifest), progress).map(Outcome::Text)
        }
        DataWork::Statistics(options) => statistics(options, progress).map(Outcome::Text),
        DataWork::Measure {
            directory,
            part,
            rounds,
        } => {
            let listing = Listing::read(&PathBuf::from(directory), None, &Progress::default())?;
            measure(&Source::Folder(listing), part, rounds, progress).map(Outcome::Text)
        }
    }
}
