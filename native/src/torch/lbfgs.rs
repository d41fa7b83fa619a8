//! libtorch's L-BFGS with the strong Wolfe line search (shim/lbfgs.cpp).

use std::ffi::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

use tch::Tensor;
use torch_sys::C_tensor;

use super::shim::{checked, Message};
use crate::error::{Error, Result, Status};

#[repr(C)]
struct RawLbfgs(u8);

type Objective = unsafe extern "C" fn(*mut c_void, *mut f64, Message) -> c_int;

extern "C" {
    fn byol_lbfgs_open(
        parameter: *mut C_tensor,
        gradient: *mut C_tensor,
        numbers: *const LbfgsNumbers,
        out: *mut *mut RawLbfgs,
        error: Message,
    ) -> c_int;
    fn byol_lbfgs_step(
        lbfgs: *mut RawLbfgs,
        objective: Objective,
        context: *mut c_void,
        iterations: *mut i64,
        error: Message,
    ) -> c_int;
    fn byol_lbfgs_close(lbfgs: *mut RawLbfgs);
}

/// Numbers of an optimization by L-BFGS.
#[repr(C)]
pub struct LbfgsNumbers {
    /// Iterations of a step.
    pub iterations: i64,
    /// Pairs of steps and gradient differences that approximate the curvature.
    pub history: i64,
    /// The largest element of a gradient that ends the optimization.
    pub gradient_tolerance: f64,
    /// The change of the loss, and of each element of the parameter, that ends it.
    pub change_tolerance: f64,
}

/// An optimization of one parameter, with its approximation of the curvature.
pub struct Lbfgs {
    raw: *mut RawLbfgs,
    made: i64,
    iterations: i64,
}

// Used by one thread at a time: that of the handle.
unsafe impl Send for Lbfgs {}

/// Progress of a step.
pub struct Stepped {
    pub iterations: i64,
    /// True where a tolerance has ended the optimization.
    pub converged: bool,
}

impl Lbfgs {
    /// Begins at the parameter's values, which are moved in place. Both tensors are contiguous, and the parameter needs
    /// no gradient of autograd.
    pub fn open(parameter: &Tensor, gradient: &Tensor, numbers: &LbfgsNumbers) -> Result<Self> {
        let mut raw = null_mut();
        checked(Status::Torch, |error| unsafe {
            byol_lbfgs_open(
                parameter.as_ptr().cast_mut(),
                gradient.as_ptr().cast_mut(),
                numbers,
                &mut raw,
                error,
            )
        })?;
        Ok(Self {
            raw,
            made: 0,
            iterations: numbers.iterations,
        })
    }

    /// Goes some iterations on. `objective` returns the loss at the parameter, and writes its gradient into the tensor
    /// that open() was given.
    pub fn step<F: FnMut() -> Result<f64>>(&mut self, objective: F) -> Result<Stepped> {
        let mut asked = Asked {
            objective,
            failure: None,
        };
        let mut all = 0;
        let done = checked(Status::Torch, |error| unsafe {
            let context = std::ptr::from_mut(&mut asked).cast();
            byol_lbfgs_step(self.raw, answer::<F>, context, &mut all, error)
        });
        // The objective's own error has a status, which libtorch's exception has not.
        done.map_err(|error| asked.failure.take().unwrap_or(error))?;
        let iterations = all - self.made;
        self.made = all;
        Ok(Stepped {
            iterations,
            converged: iterations < self.iterations,
        })
    }
}

impl Drop for Lbfgs {
    fn drop(&mut self) {
        unsafe { byol_lbfgs_close(self.raw) }
    }
}

struct Asked<F> {
    objective: F,
    failure: Option<Error>,
}

unsafe extern "C" fn answer<F: FnMut() -> Result<f64>>(
    context: *mut c_void,
    loss: *mut f64,
    error: Message,
) -> c_int {
    let asked = unsafe { &mut *context.cast::<Asked<F>>() };
    let found = catch_unwind(AssertUnwindSafe(|| (asked.objective)()));
    match found.unwrap_or_else(|_| Err(Error::invalid("Cannot compute a loss: it panicked"))) {
        Ok(value) => {
            unsafe { *loss = value };
            0
        }
        Err(failure) => {
            error.write(&failure.message);
            asked.failure = Some(failure);
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    const NUMBERS: LbfgsNumbers = LbfgsNumbers {
        iterations: 10,
        history: 10,
        gradient_tolerance: 1e-9,
        change_tolerance: 1e-15,
    };

    /// Rosenbrock's function of two numbers, and its gradient.
    fn rosenbrock(at: &Tensor, gradient: &Tensor) -> Result<f64> {
        let [x, y] = [at.f_double_value(&[0])?, at.f_double_value(&[1])?];
        let slope = [
            -2.0 * (1.0 - x) - 400.0 * x * (y - x * x),
            200.0 * (y - x * x),
        ];
        gradient
            .shallow_clone()
            .f_copy_(&Tensor::from_slice(&slope))?;
        Ok((1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2))
    }

    #[test]
    fn it_finds_the_minimum_of_rosenbrocks_function_step_by_step() {
        let at = Tensor::from_slice(&[-1.2f64, 1.0]);
        let gradient = Tensor::zeros([2], (Kind::Double, Device::Cpu));
        let mut lbfgs = Lbfgs::open(&at, &gradient, &NUMBERS).unwrap();
        let mut iterations = 0;
        for _ in 0..20 {
            let stepped = lbfgs.step(|| rosenbrock(&at, &gradient)).unwrap();
            iterations += stepped.iterations;
            if stepped.converged {
                break;
            }
        }
        assert!((20..100).contains(&iterations), "{iterations}");
        let found: Vec<f64> = Vec::try_from(&at).unwrap();
        assert!(
            found.iter().all(|value| (value - 1.0).abs() < 1e-6),
            "{found:?}"
        );
    }

    #[test]
    fn an_error_of_the_objective_keeps_its_status() {
        let at = Tensor::from_slice(&[1.0f64]);
        let gradient = at.zeros_like();
        let mut lbfgs = Lbfgs::open(&at, &gradient, &NUMBERS).unwrap();
        let failed = lbfgs.step(|| {
            Err(Error {
                status: Status::OutOfMemory,
                message: "no room".to_owned(),
            })
        });
        assert!(failed.is_err_and(|error| error.status == Status::OutOfMemory));
    }
}
