//! Views: random numbers, recipes and kernels.

pub mod gpu;
pub mod kernels;
pub mod random;
pub mod recipe;
pub mod size;
