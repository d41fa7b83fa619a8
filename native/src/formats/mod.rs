//! File formats: safetensors headers, pickle, zip, torch.save, encoders, packed shards. They need no libtorch: the fuzz
//! targets build them without it (fuzz/src/lib.rs).

pub mod encoder_file;
mod foreign_names;
pub mod header;
pub mod hex;
pub mod pickle;
pub mod shards;
pub mod torch_file;
pub mod zip;
