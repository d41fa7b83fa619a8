//! The core's readers that need no libtorch, from its own sources; and files for them to read.

#[path = "../../src"]
mod sources {
    pub mod data {
        pub mod cifar;
    }
    pub mod formats;
}
mod folder;
mod shards;

pub use folder::read_folder;
pub use shards::read_shards;
pub use sources::{data, formats};
