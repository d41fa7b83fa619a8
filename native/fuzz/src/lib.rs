//! The core's readers that need no libtorch, from its own sources; and files for them to read.

#[path = "../../src"]
mod sources {
    pub mod data {
        pub mod cifar;
        pub mod photos {
            pub mod decode;
            #[path = "../../../fuzz/src/no_jpeg.rs"]
            pub mod jpeg;
        }
    }
    pub mod formats;
}
mod folder;
mod image;
mod shards;

pub use folder::read_folder;
pub use image::read_image;
pub use shards::read_shards;
pub use sources::{data, formats};
