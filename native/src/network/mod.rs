//! Layers, encoders, heads and the loss.

pub mod heads;
pub mod layers;
pub mod loss;
pub mod parameters;
pub mod resnet;
pub mod rotation;
