//! Calls into libtorch that tch lacks, through the C++ of shim/, whose files have the names of these modules.

pub mod autocast;
pub mod convolution;
pub mod device;
pub mod distributed;
pub mod foreach;
pub mod gpu;
pub mod gpus;
pub mod grad_mode;
pub mod lbfgs;
pub mod library;
pub mod memory;
pub mod recompute;
pub mod scaler;
pub mod shim;
