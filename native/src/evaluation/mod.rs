//! Probes, nearest neighbours, features, logistic regression, fine-tuning.

mod answers;
pub mod features;
pub mod finetune;
pub mod neighbours;
pub mod probe;
pub mod regression;
