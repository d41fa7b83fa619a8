//! The learner and what is measured of it while it trains.

pub mod effective_rank;
pub mod learner;
pub mod online_probe;
pub mod trace;
