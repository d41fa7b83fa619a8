//! Photos in folders or packed shards: found, read, decoded, cut into views, ahead of the step that needs them.

pub mod bad;
pub mod beside;
pub mod crop;
pub mod decode;
pub mod jpeg;
pub mod listing;
pub mod loader;
pub mod measure;
pub mod pack;
pub mod packed;
mod plain_jpeg;
pub mod render;
pub mod shard;
pub mod source;
pub mod stage;
pub mod statistics;
