//! The rotation auxiliary (E-SSL, Dangovski et al. 2022): a head on the embedding that tells the four rotations of an
//! image apart.

use tch::{Device, Kind, Tensor};

use super::layers::{LayerNorm, Linear};
use super::parameters::{channels_last, Parameters};
use crate::error::Result;

/// Rotations by 0, 90, 180 and 270 degrees.
pub const ROTATIONS: i64 = 4;

/// Linear → LN → ReLU → Linear → LN → Linear, as in E-SSL's program for SimSiam.
pub struct RotationHead {
    first: (Linear, LayerNorm),
    second: (Linear, LayerNorm),
    output: Linear,
}

impl RotationHead {
    pub fn new(parameters: &mut Parameters, inputs: i64, hidden: i64) -> Result<Self> {
        Ok(Self {
            first: (
                Linear::new(parameters, "0", (inputs, hidden), true)?,
                LayerNorm::new(parameters, "1", hidden)?,
            ),
            second: (
                Linear::new(parameters, "3", (hidden, hidden), true)?,
                LayerNorm::new(parameters, "4", hidden)?,
            ),
            output: Linear::new(parameters, "5", (hidden, ROTATIONS), true)?,
        })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor) -> Result<Tensor> {
        let (linear, norm) = &self.first;
        let hidden = norm.forward(parameters, &linear.forward(parameters, input)?)?;
        let (linear, norm) = &self.second;
        let hidden = norm.forward(parameters, &linear.forward(parameters, &hidden.f_relu()?)?)?;
        self.output.forward(parameters, &hidden)
    }
}

/// All rotations of images: those as they are, then all of them turned by 90, 180 and 270 degrees.
pub fn rotations(images: &Tensor) -> Result<Tensor> {
    let turned = (0..ROTATIONS)
        .map(|turns| Ok(images.f_rot90(turns, [2, 3])?))
        .collect::<Result<Vec<_>>>()?;
    channels_last(&Tensor::f_cat(&turned, 0)?)
}

/// The right answers for the rotations of so many images.
pub fn rotation_classes(images: i64, device: Device) -> Result<Tensor> {
    let classes = Tensor::f_arange(ROTATIONS, (Kind::Int64, device))?;
    let classes = classes
        .f_unsqueeze(1)?
        .f_expand([ROTATIONS, images], false)?;
    Ok(classes.f_reshape([ROTATIONS * images])?)
}
