//! The program around a run: signals, heartbeat, processes, jobs of the background, ranks.

pub mod heartbeat;
pub mod job;
pub mod process;
pub mod ranks;
pub mod signals;
