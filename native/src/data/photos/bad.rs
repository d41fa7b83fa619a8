//! Files that could not be used: which, why, and when there are too many of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::error::{Error, Result};

/// The bad files of one data set.
pub struct BadFiles {
    /// Share of the files that may be bad.
    most: f64,
    files: usize,
    count: AtomicUsize,
    reasons: Mutex<BTreeMap<u32, String>>,
}

/// Fails when of `files` more than the share `most` cannot be used.
pub fn require_few(bad: usize, files: usize, most: f64) -> Result<()> {
    if bad as f64 <= most * files as f64 {
        return Ok(());
    }
    Err(Error::io(format!(
        "Cannot continue: {bad} of {files} images cannot be used, expected at most the share --max_bad_fraction={most}"
    )))
}

impl BadFiles {
    pub fn new(files: usize, most: f64) -> Self {
        Self {
            most,
            files,
            count: AtomicUsize::new(0),
            reasons: Mutex::default(),
        }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Returns whether a file was found bad before. Without any, no lock is taken.
    pub fn contains(&self, index: u32) -> bool {
        self.count() > 0 && self.reasons().contains_key(&index)
    }

    /// Notes a file. Fails when they are more than the share that is allowed.
    pub fn add(&self, index: u32, reason: String) -> Result<()> {
        let mut reasons = self.reasons();
        let shown = reasons.entry(index).or_insert(reason).clone();
        let count = reasons.len();
        self.count.store(count, Ordering::Release);
        require_few(count, self.files, self.most).map_err(|error| Error {
            message: format!("{}; the last: {shown}", error.message),
            ..error
        })
    }

    /// Index and reason of each.
    pub fn list(&self) -> Vec<(u32, String)> {
        let reasons = self.reasons();
        reasons.iter().map(|(i, r)| (*i, r.clone())).collect()
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<u32, String>> {
        self.reasons
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
