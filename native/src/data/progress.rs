//! Progress of long work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::cifar::Watcher;
use crate::error::{Error, Result};

/// Progress of a job.
#[derive(Default)]
pub struct Progress {
    pub(super) done: AtomicU64,
    pub(super) total: AtomicU64,
    pub(super) images: AtomicU64,
    pub(super) stop: AtomicBool,
}

impl Progress {
    pub fn start(&self, total: usize) {
        self.total.store(total as u64, Ordering::Relaxed);
    }

    /// Counts what is done. Fails when the job is no longer wanted.
    pub fn advance(&self, done: usize, images: usize) -> Result<()> {
        self.done.fetch_add(done as u64, Ordering::Relaxed);
        self.images.fetch_add(images as u64, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::invalid("Cannot continue: no longer wanted"));
        }
        Ok(())
    }
}

impl Watcher for Progress {
    fn will_read(&self, bytes: usize) {
        self.start(bytes);
    }

    fn wants_more(&self, bytes: usize) -> bool {
        self.advance(bytes, 0).is_ok()
    }
}
