//! The tensor core of the BYOL trainer: libtorch behind a small C interface.

pub mod cifar;
pub mod demo;
pub mod pickle;
pub mod random;
pub mod view_kernels;
pub mod view_parameters;
