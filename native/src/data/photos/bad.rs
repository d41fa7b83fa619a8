//! Files that could not be used: which, why, and when there are too many of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::error::{Error, Result};

/// The bad files of one data set.
pub struct BadFiles {
    /// Share of the files that may be bad; none for the default.
    most: Option<f64>,
    files: usize,
    count: AtomicUsize,
    reasons: Mutex<BTreeMap<u32, String>>,
}

/// Share of the files that may be bad by default.
const SHARE: f64 = 0.01;
/// Files that may be bad by default, where the share of them is less.
const FEW: f64 = 8.0;
/// The largest share that these are of the files: more are bad in a folder that is not what it should be.
const LARGEST_SHARE: f64 = 0.1;

/// Fails when of `files` more cannot be used than the share `most`; without it, than the larger of 1 % and 8 files, or
/// than a tenth.
pub fn require_few(bad: usize, files: usize, most: Option<f64>) -> Result<()> {
    let all = files as f64;
    let allowed = match most {
        Some(share) => share * all,
        None => FEW.max(SHARE * all).min(LARGEST_SHARE * all),
    };
    if bad as f64 <= allowed {
        return Ok(());
    }
    let expected = match most {
        Some(share) => format!("at most the share --max_bad_fraction={share}"),
        None => format!(
            "at most {}, or a larger share --max_bad_fraction",
            allowed.floor()
        ),
    };
    Err(Error::io(format!(
        "Cannot continue: {bad} of {files} images cannot be used, expected {expected}"
    )))
}

impl BadFiles {
    pub fn new(files: usize, most: Option<f64>) -> Self {
        Self {
            most,
            files,
            count: AtomicUsize::new(0),
            reasons: Mutex::default(),
        }
    }

    /// Returns an empty list for another number of files.
    pub fn of(&self, files: usize) -> Self {
        Self::new(files, self.most)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_a_few_files_may_be_bad_and_never_more_than_a_tenth() {
        for (files, most) in [
            (9, 0),
            (10, 1),
            (36, 3),
            (80, 8),
            (800, 8),
            (1000, 10),
            (1_281_167, 12_811),
        ] {
            assert!(require_few(most, files, None).is_ok(), "{most} of {files}");
            let message = require_few(most + 1, files, None).unwrap_err().message;
            let expected = format!(
                "{} of {files} images cannot be used, expected at most",
                most + 1
            );
            assert!(message.contains(&expected), "{message}");
        }
    }

    #[test]
    fn a_share_that_is_given_is_taken_literally() {
        for (share, files, most) in [
            (0.0, 36, 0),
            (0.0001, 36, 0),
            (0.5, 36, 18),
            (0.0001, 1_281_167, 128),
        ] {
            assert!(require_few(most, files, Some(share)).is_ok());
            let message = require_few(most + 1, files, Some(share))
                .unwrap_err()
                .message;
            assert!(
                message.ends_with(&format!("--max_bad_fraction={share}")),
                "{message}"
            );
        }
    }
}
