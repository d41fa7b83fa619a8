//! Batch normalisation, a shortcut added and ReLU in one pass (shim/batch_norm.cpp), over one rank's rows or all ranks'.

use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

use tch::Tensor;
use torch_sys::C_tensor;

use super::{Gpu, Kernels};
use crate::error::{Result, Status};
use crate::torch::distributed::Group;
use crate::torch::shim::{checked, Message};

extern "C" {
    fn byol_batch_norm_takes(input: *const C_tensor) -> bool;
    fn byol_batch_norm(
        kernels: *const Kernels,
        group: *mut c_void,
        input: *const C_tensor,
        shortcut: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        running_mean: *const C_tensor,
        running_variance: *const C_tensor,
        train: bool,
        momentum: f64,
        epsilon: f64,
        relu: bool,
        out: *mut *mut C_tensor,
        branch: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
}

/// The weights of a batch normalisation, and its running statistics: float32.
pub struct Normalised<'a> {
    pub weight: &'a Tensor,
    pub bias: &'a Tensor,
    pub mean: &'a Tensor,
    pub variance: &'a Tensor,
}

/// The mode of a batch normalisation.
#[derive(Clone, Copy)]
pub struct NormMode<'a> {
    pub train: bool,
    /// The ranks whose rows are normalised as one batch in training; None: this rank's own. The group must outlive the
    /// backward pass.
    pub group: Option<&'a Group>,
    pub momentum: f64,
    pub epsilon: f64,
    pub relu: bool,
}

/// The same values twice, for the two ways that they go: each with a gradient of its own, where the fused kernels made them.
pub struct Forked {
    pub main: Tensor,
    pub branch: Tensor,
}

impl Forked {
    /// Of values whose gradients autograd adds.
    pub fn of(values: Tensor) -> Self {
        Self {
            branch: values.shallow_clone(),
            main: values,
        }
    }
}

impl Gpu {
    /// Returns whether `batch_norm` takes such an input.
    pub fn takes(&self, input: &Tensor) -> bool {
        self.runs_on(input.device()) && unsafe { byol_batch_norm_takes(input.as_ptr()) }
    }

    /// relu(batch_norm(input) + shortcut) in one pass, without the shortcut or ReLU where they are not asked for. With a
    /// group, in training, all its ranks must call it; fails (Distributed) where a rank is gone.
    pub fn batch_norm(
        &'static self,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        norm: &Normalised,
        mode: NormMode,
    ) -> Result<Tensor> {
        self.normalise((input, shortcut), norm, mode, null_mut())
    }

    /// The same for an output that goes two ways: the backward pass adds the gradients of both in its own pass.
    pub fn batch_norm_forked(
        &'static self,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        norm: &Normalised,
        mode: NormMode,
    ) -> Result<Forked> {
        let mut branch = null_mut();
        let main = self.normalise((input, shortcut), norm, mode, &mut branch)?;
        let branch = unsafe { Tensor::from_ptr(branch) };
        Ok(Forked { main, branch })
    }

    /// `branch`, unless it is null, is led to the same values with a gradient of their own.
    fn normalise(
        &'static self,
        (input, shortcut): (&Tensor, Option<&Tensor>),
        norm: &Normalised,
        mode: NormMode,
        branch: *mut *mut C_tensor,
    ) -> Result<Tensor> {
        let mut out = null_mut();
        let group = mode.group.filter(|_| mode.train);
        let call = |error| unsafe {
            byol_batch_norm(
                &self.kernels,
                group.map_or(null_mut(), Group::raw),
                input.as_ptr(),
                shortcut.map_or(null(), Tensor::as_ptr),
                norm.weight.as_ptr(),
                norm.bias.as_ptr(),
                norm.mean.as_ptr(),
                norm.variance.as_ptr(),
                mode.train,
                mode.momentum,
                mode.epsilon,
                mode.relu,
                &mut out,
                branch,
                error,
            )
        };
        match group {
            Some(group) => group.call(call)?,
            None => checked(Status::Torch, call)?,
        }
        Ok(unsafe { Tensor::from_ptr(out) })
    }
}
