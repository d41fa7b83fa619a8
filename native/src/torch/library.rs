//! Shared libraries that are opened while the core runs, and stay open.

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// A library that stays open for the life of the process.
pub struct Opened(&'static Library);

/// Opens a library by its path, or by a name that the dynamic linker looks for. Error: the linker's words.
pub fn open(path: &str) -> Result<Opened, String> {
    // SAFETY: initialisers of the libraries that the core opens may run at any time.
    let opened = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = opened.map_err(|error| error.to_string())?;
    Ok(Opened(Box::leak(Box::new(library))))
}

impl Opened {
    /// Returns a function of the library by its name. Error: the linker's words.
    ///
    /// # Safety
    /// `F` must be the type of a pointer to that function.
    pub unsafe fn function<F: Copy>(&self, name: &str) -> Result<F, String> {
        let found = unsafe { self.0.get::<F>(name.as_bytes()) };
        found
            .map(|symbol| *symbol)
            .map_err(|error| error.to_string())
    }
}
