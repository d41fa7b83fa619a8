//! File formats: safetensors headers, pickle, zip, torch.save, encoders.

pub mod encoder_file;
pub mod header;
pub mod pickle;
pub mod torch_file;
pub mod zip;
