//! A step as a CUDA graph: recorded once, replayed on other views by other rates.

use tch::{Kind, Tensor};

use super::{Learner, StepViews};
use crate::error::{Error, Result};
use crate::torch::gpu::gpu;
use crate::torch::gpu::graph::Graph;

/// Numbers that change from step to step, as tensors of no dimension on the device: a recorded step reads them there.
pub struct Rates {
    pub learning_rate: Tensor,
    /// The online network's share in the target, 1 − tau.
    pub online_share: Tensor,
}

/// A step as a CUDA graph, being recorded or complete, with the views that it reads.
pub struct Recorded {
    // First, so that it is dropped before the memory it uses.
    graph: Graph,
    pub views: Vec<Tensor>,
    complete: bool,
}

impl Learner {
    /// While a step is recorded, the rates are those that it was begun with: what sets them is no part of it.
    pub(super) fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        if self.recording().is_none() {
            let rate = rounded(learning_rate, self.kind);
            let _ = self.rates.learning_rate.f_fill_(rate)?;
        }
        Ok(())
    }

    pub(super) fn set_tau(&mut self, tau: f64) -> Result<()> {
        if self.recording().is_none() {
            let share = rounded(1.0 - tau, self.kind);
            let _ = self.rates.online_share.f_fill_(share)?;
        }
        Ok(())
    }

    pub(super) fn recording(&self) -> Option<&Recorded> {
        self.recorded.as_ref().filter(|recorded| !recorded.complete)
    }

    /// From now to end_recording(), the calls of a step are recorded as a CUDA graph instead of run: on these views, of
    /// which the graph gets copies. False where that cannot be: on the processor, without the library of the GPUs'
    /// side, with other ranks, with activation checkpointing. Some steps must have been run before, which leave
    /// libtorch nothing to set up.
    pub fn begin_recording(
        &mut self,
        views: StepViews,
        (learning_rate, tau): (f64, f64),
    ) -> Result<bool> {
        self.recorded = None;
        // A graph keeps all memory that a step takes, which is what checkpointing is to spare.
        let refused = self.ranks.is_some() || self.options.activation_checkpointing;
        let Some(gpu) = gpu().filter(|_| self.device.is_cuda() && !refused) else {
            return Ok(false);
        };
        self.set_learning_rate(learning_rate)?;
        self.set_tau(tau)?;
        let copies = views.all().map(|view| Ok(view.f_detach_copy()?));
        let views = copies.collect::<Result<Vec<_>>>()?;
        self.last = None;
        self.recorded = Some(Recorded {
            graph: Graph::begin(gpu)?,
            views,
            complete: false,
        });
        Ok(true)
    }

    /// Ends the recording, and runs what was recorded: the step that was asked for.
    pub fn end_recording(&mut self) -> Result<()> {
        let recorded = self
            .recorded
            .as_mut()
            .ok_or_else(|| Error::invalid("Cannot end a recording: expected one that was begun"))?;
        recorded.graph.end()?;
        recorded.complete = true;
        recorded.graph.replay()
    }

    /// Forgets a recording that failed on its way.
    pub fn drop_recording(&mut self) {
        self.recorded = None;
    }

    /// Runs the recorded step on a batch. False where none is recorded, or one for views of another shape.
    pub fn replay(&mut self, views: StepViews, (learning_rate, tau): (f64, f64)) -> Result<bool> {
        let fits = self.recorded.as_ref().is_some_and(|recorded| {
            let sizes = recorded.views.iter().map(Tensor::size);
            recorded.complete && sizes.eq(views.all().map(Tensor::size))
        });
        if !fits {
            self.recorded = None;
            return Ok(false);
        }
        self.set_learning_rate(learning_rate)?;
        self.set_tau(tau)?;
        if let Some(recorded) = &mut self.recorded {
            for (mine, given) in recorded.views.iter_mut().zip(views.all()) {
                mine.f_copy_(given)?;
            }
            recorded.graph.replay()?;
        }
        if let Some(last) = &mut self.last {
            last.labels.clear();
        }
        Ok(true)
    }
}

/// A number as a tensor of the learner's type holds it: what float32 cannot is infinite there, which the check of the
/// step's numbers then names, where libtorch would refuse to store it.
fn rounded(value: f64, kind: Kind) -> f64 {
    match kind {
        Kind::Double => value,
        _ => f64::from(value as f32),
    }
}
