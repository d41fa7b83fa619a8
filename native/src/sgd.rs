//! Stochastic gradient descent with Nesterov momentum, as PyTorch defines it.

use tch::Tensor;

use crate::boundary::Result;

/// buf = m·buf + g; p −= lr·(g + m·buf), where g is the gradient plus weight decay times p.
#[derive(Clone, Copy)]
pub struct Nesterov {
    pub momentum: f64,
    pub weight_decay: f64,
}

impl Nesterov {
    /// Moves a parameter by its gradient, and its momentum buffer, in place. Where `skip`, a bool of one element on the
    /// device, is true, both stay as they are, whatever the gradient holds.
    pub fn apply(
        self,
        parameter: &mut Tensor,
        buffer: &mut Tensor,
        learning_rate: f64,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let gradient = parameter
            .f_grad()?
            .f_add(&parameter.f_detach()?.f_mul_scalar(self.weight_decay)?)?;
        let moved = buffer.f_mul_scalar(self.momentum)?.f_add(&gradient)?;
        let step = gradient
            .f_add(&moved.f_mul_scalar(self.momentum)?)?
            .f_mul_scalar(learning_rate)?;
        match skip {
            None => {
                buffer.f_copy_(&moved)?;
                let _ = parameter.f_sub_(&step)?;
            }
            Some(skip) => {
                buffer.f_copy_(&buffer.f_where_self(skip, &moved)?)?;
                let _ = parameter.f_sub_(&step.f_masked_fill(skip, 0.0)?)?;
            }
        }
        Ok(())
    }
}
