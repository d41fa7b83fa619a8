//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file that is written beside its place, and removed unless it is put there.
pub struct Beside {
    path: PathBuf,
    placed: bool,
}

impl Beside {
    pub fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = File::create(&path)?;
        let placed = false;
        Ok((Self { path, placed }, file))
    }

    /// Renames the file, whatever `to` was before.
    pub fn place(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.placed {
            // The failure that is told is the one that ended the writing.
            drop(fs::remove_file(&self.path));
        }
    }
}
