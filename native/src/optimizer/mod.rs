//! LARS and SGD.

pub mod lars;
pub mod sgd;
