//! Values that another program recomputes. Cold: nothing of a run calls it.

pub mod outputs;
pub mod photos;
pub mod views;
