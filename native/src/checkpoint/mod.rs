//! Training states and encoders as safetensors files: written beside, synced, renamed; read strictly.

mod digest;
mod read;
mod snapshot;

pub use digest::require_whole;
pub use read::{open_plain, Checkpoint, Wanted};
pub use snapshot::{save, Snapshot};

/// The key of our JSON in a file's metadata.
const METADATA_KEY: &str = "byol";
