//! The core's readers that need no libtorch, from its own sources; and files for them to read.

#[path = "../../src"]
mod sources {
    pub mod checkpoint {
        pub mod format;
    }
    pub mod cifar;
    pub mod pickle;
    pub mod torch_file;
}
mod folder;

pub use folder::read_folder;
pub use sources::{checkpoint, cifar, pickle, torch_file};
