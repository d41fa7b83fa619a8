//! Probes, nearest neighbours, features, fine-tuning.

pub mod features;
pub mod finetune;
pub mod neighbours;
pub mod probe;
