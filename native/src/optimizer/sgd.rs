//! Stochastic gradient descent with Nesterov momentum, as PyTorch defines it.

use tch::Tensor;

use crate::error::Result;

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

#[cfg(test)]
mod tests {
    use super::*;

    const SGD: Nesterov = Nesterov {
        momentum: 0.5,
        weight_decay: 0.25,
    };

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(&tensor.detach()).expect("values")
    }

    /// A parameter of value 4 whose gradient is that factor, and a buffer of value 2.
    fn begun(factor: f64) -> (Tensor, Tensor) {
        let parameter = Tensor::from_slice(&[4.0]).set_requires_grad(true);
        (&parameter * factor).sum(None).backward();
        (parameter, Tensor::from_slice(&[2.0]))
    }

    #[test]
    fn a_step_is_that_of_the_formula() {
        let _no_grad = tch::no_grad_guard();
        for skip in [None, Some(Tensor::from_slice(&[false]))] {
            let (mut parameter, mut buffer) = tch::with_grad(|| begun(3.0));
            SGD.apply(&mut parameter, &mut buffer, 0.1, skip.as_ref())
                .expect("a step");
            // g = 3 + 0.25·4 = 4; buf = 0.5·2 + 4 = 5; p = 4 − 0.1·(4 + 0.5·5).
            assert_eq!(values(&buffer), [5.0]);
            assert!((values(&parameter)[0] - 3.35).abs() < 1e-12);
        }
    }

    #[test]
    fn a_step_that_is_skipped_changes_nothing_whatever_the_gradient_holds() {
        let _no_grad = tch::no_grad_guard();
        for factor in [f64::NAN, f64::INFINITY, 3.0] {
            let (mut parameter, mut buffer) = tch::with_grad(|| begun(factor));
            let skip = Tensor::from_slice(&[true]);
            SGD.apply(&mut parameter, &mut buffer, 0.1, Some(&skip))
                .expect("a step");
            assert_eq!(values(&buffer), [2.0]);
            assert_eq!(values(&parameter), [4.0]);
        }
    }
}
