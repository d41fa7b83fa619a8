//! Calls into libtorch that tch lacks (shim/): devices, memory, autocast, the gradient scaler, collectives.

pub mod convolution;
pub mod device;
pub mod gpu;
pub mod gpus;
pub mod memory;
pub mod precision;
pub mod shim;
