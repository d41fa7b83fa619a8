//! Images: reading, listing, packing, batches.

pub mod cifar;
pub mod dataset;
pub mod demo;
pub mod hold_out;
pub mod job;
pub mod label_subset;
pub mod limit;
pub mod photos;
pub mod progress;
pub mod sheet;
pub mod sources;
