//! The tensor core of the BYOL trainer: libtorch behind a small C interface.
//!
//! Rooms, bottom up; a room uses only rooms before it: error, torch, run, network, optimizer, views, formats, checkpoint,
//! training, data, evaluation, checks, abi.

pub mod abi;
pub mod checkpoint;
pub mod checks;
pub mod data;
pub mod error;
pub mod evaluation;
pub mod formats;
pub mod network;
pub mod optimizer;
pub mod run;
pub mod torch;
pub mod training;
pub mod views;
