//! The tensor core of the BYOL trainer: libtorch behind a small C interface.

pub mod abi;
pub mod boundary;
pub mod checkpoint;
pub mod checks;
pub mod cifar;
pub mod dataset;
pub mod demo;
pub mod heads;
pub mod heartbeat;
pub mod job;
pub mod lars;
pub mod layers;
pub mod learner;
pub mod loss;
pub mod memory;
pub mod parameters;
pub mod pickle;
pub mod probe;
pub mod process;
pub mod random;
pub mod resnet;
pub mod signals;
pub mod view_checks;
pub mod view_kernels;
pub mod view_parameters;
pub mod view_sheet;
