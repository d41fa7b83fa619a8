//! Probes, nearest neighbours, features, fine-tuning.

mod answers;
pub mod features;
pub mod finetune;
pub mod neighbours;
pub mod probe;
