//! A step of BYOL: forward and backward, update, target.

use tch::Tensor;

use super::rotation::Rotated;
use super::{BnViews, Learner};
use crate::error::{Error, Result};
use crate::network::layers::Pass;
use crate::network::loss::byol_loss;
use crate::network::parameters::Parameters;
use crate::optimizer::lars::{LarsStep, Learned};
use crate::torch::autocast::Autocast;
use crate::torch::foreach::{fill_zeros, move_average};
use crate::torch::grad_mode::GradMode;

/// Outputs of the online network for a batch.
pub struct Outputs {
    pub embedding: Tensor,
    pub projection: Tensor,
    pub prediction: Tensor,
}

/// One of the equal micro-batches of a step's batch.
#[derive(Clone, Copy)]
pub struct MicroBatch {
    pub index: u32,
    pub count: u32,
}

/// Views of one micro-batch, each images × 3 × side × side.
#[derive(Clone, Copy)]
pub struct StepViews<'a> {
    pub pair: [&'a Tensor; 2],
    /// The view that the rotation auxiliary turns.
    pub turned: Option<&'a Tensor>,
}

impl<'a> StepViews<'a> {
    /// All of them, in order.
    pub fn all(&self) -> impl Iterator<Item = &'a Tensor> {
        self.pair.into_iter().chain(self.turned)
    }
}

/// Values of the last step's micro-batches for the metrics: mean loss so far, projections of each micro-batch,
/// embeddings of view 1 and their labels.
pub(super) struct LastStep {
    pub(super) loss: Tensor,
    pub(super) projections: Vec<Tensor>,
    pub(super) embeddings: Vec<Tensor>,
    pub(super) labels: Vec<Tensor>,
    pub(super) rotated: Option<Rotated>,
    /// Set once the gradients have their own size again, where the loss was scaled.
    pub(super) unscaled: bool,
}

impl Learner {
    /// Loss and gradients on both views of one micro-batch of the step's batch, with the rotation auxiliary also on the
    /// third; gradients add up over the micro-batches, and the last one ends with them averaged over the ranks. The running
    /// statistics of both networks move by their own train-mode pass.
    pub fn forward_backward(&mut self, views: StepViews, micro_batch: MicroBatch) -> Result<()> {
        let first = micro_batch.index == 0;
        if !first && self.last.as_ref().is_some_and(|last| last.unscaled) {
            return Err(Error::invalid(format!(
                "Cannot add micro-batch {} to the gradients of a step whose update was made: expected micro-batch 0",
                micro_batch.index
            )));
        }
        if first {
            self.clear_gradients()?;
        }
        let recording = self.recording().map(|recorded| recorded.views.as_slice());
        let views = recording.and_then(step_views).unwrap_or(views);
        let [view1, view2] = views.pair;
        let passes = match self.options.bn_views {
            BnViews::Joint => vec![Tensor::f_cat(&[view1, view2], 0)?],
            BnViews::Separate => vec![view1.shallow_clone(), view2.shallow_clone()],
        };
        let targets = passes
            .iter()
            .map(|views| self.target_projections(views))
            .collect::<Result<Vec<_>>>()?;
        let targets = Tensor::f_cat(&targets, 0)?;
        let _grad = GradMode::set(true);
        let (mut projections, mut predictions) = (Vec::new(), Vec::new());
        let mut embedding = None;
        for views in &passes {
            let outputs = self.outputs(views, Pass::Train)?;
            // View 1 comes first, alone or before view 2.
            if embedding.is_none() {
                let both = outputs.embedding.f_detach()?;
                embedding = Some(both.f_narrow(0, 0, view1.size()[0])?);
            }
            predictions.push(outputs.prediction);
            projections.push(outputs.projection.f_detach()?);
        }
        let parts = f64::from(micro_batch.count);
        let loss = byol_loss(&Tensor::f_cat(&predictions, 0)?, &targets)?.f_div_scalar(parts)?;
        let (total, mut rotated) = match self.rotation_loss(views.turned)? {
            Some((added, rotated)) => (loss.f_add(&added.f_div_scalar(parts)?)?, Some(rotated)),
            None => (loss.shallow_clone(), None),
        };
        if micro_batch.index + 1 == micro_batch.count {
            if let Some(ranks) = &self.ranks {
                ranks.reducer.prepare()?;
            }
        }
        let start = match &self.scaler {
            Some(scaler) => scaler.scaled(&total)?,
            None => total,
        };
        start.f_backward().map_err(|error| match &self.ranks {
            Some(ranks) => ranks.group.blamed(error.into()),
            None => error.into(),
        })?;
        let loss = loss.f_detach()?;
        match self.last.as_mut().filter(|_| !first) {
            Some(last) => {
                last.loss = last.loss.f_add(&loss)?;
                if let (Some(rotated), Some(before)) = (&mut rotated, &last.rotated) {
                    rotated.add(before)?;
                }
                last.rotated = rotated;
                last.projections.append(&mut projections);
                last.embeddings.extend(embedding);
            }
            None => {
                self.last = Some(LastStep {
                    loss,
                    projections,
                    embeddings: embedding.into_iter().collect(),
                    labels: Vec::new(),
                    rotated,
                    unscaled: false,
                });
            }
        }
        Ok(())
    }

    /// Fills the gradients of the step before with zeros.
    fn clear_gradients(&self) -> Result<()> {
        let learned = self.online_parameters();
        let gradients = learned.iter().map(|parameter| parameter.f_grad());
        // Not zero_grad(): it detaches the gradient, which a view into the Reducer's buckets refuses.
        let gradients = gradients.collect::<std::result::Result<Vec<_>, _>>()?;
        let defined: Vec<&Tensor> = gradients.iter().filter(|one| one.defined()).collect();
        fill_zeros(&defined)
    }

    /// Returns the target network's projections of images, by their own statistics; its running ones move.
    fn target_projections(&self, images: &Tensor) -> Result<Tensor> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder.layer;
        let embedding = encoder.forward(&self.target_encoder, images, Pass::Train)?;
        let projector = &self.projector.layer;
        let projection = projector.forward(&self.target_projector, &embedding, Pass::Train)?;
        Ok(projection.f_to_kind(self.kind)?)
    }

    /// Returns the online network's outputs for images, in the learner's type whatever it was computed in. In train
    /// mode batch statistics are used, and the running ones move.
    pub fn outputs(&self, images: &Tensor, pass: Pass) -> Result<Outputs> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder;
        let embedding = encoder.layer.forward(&encoder.parameters, images, pass)?;
        let projector = &self.projector;
        let projection = projector
            .layer
            .forward(&projector.parameters, &embedding, pass)?;
        let predictor = &self.predictor;
        let prediction = predictor
            .layer
            .forward(&predictor.parameters, &projection, pass)?;
        Ok(Outputs {
            embedding: embedding.f_to_kind(self.kind)?,
            projection: projection.f_to_kind(self.kind)?,
            prediction: prediction.f_to_kind(self.kind)?,
        })
    }

    /// The online encoder's embeddings alone, likewise.
    pub fn encode(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder;
        let embedding = encoder.layer.forward(&encoder.parameters, images, pass)?;
        Ok(embedding.f_to_kind(self.kind)?)
    }

    /// LARS over all parameters with the gradients of the last pass; nothing moves where float16 overflowed. Repeated,
    /// it is another step along the same gradients.
    pub fn apply_update(&mut self, step: &LarsStep) -> Result<()> {
        if self.last.is_none() {
            return Err(Error::invalid(
                "Cannot update the weights: expected a forward and backward pass before",
            ));
        }
        let skip = self.unscale()?;
        self.set_learning_rate(step.learning_rate)?;
        let parameters = self.online_parameters();
        let gradients = parameters.iter().map(|parameter| parameter.f_grad());
        let learned = Learned {
            gradients: gradients.collect::<std::result::Result<Vec<_>, _>>()?,
            buffers: self.momentum.iter().map(|(_, buffer)| buffer).collect(),
            parameters,
        };
        step.apply(&learned, &self.rates.learning_rate, skip.as_ref())
    }

    /// Brings the gradients back to their own size, once for each pass, where the loss was scaled. Returns a flag on the
    /// device: true where they overflowed.
    fn unscale(&mut self) -> Result<Option<Tensor>> {
        if self.scaler.is_none() {
            return Ok(None);
        }
        let learned = self.online_parameters().into_iter();
        let gradients = learned
            .map(|parameter| Ok(parameter.f_grad()?))
            .collect::<Result<Vec<_>>>()?;
        let Some(scaler) = &mut self.scaler else {
            return Ok(None);
        };
        if let Some(last) = self.last.as_mut().filter(|last| !last.unscaled) {
            last.unscaled = true;
            scaler.unscale(&gradients.iter().collect::<Vec<_>>())?;
        }
        Ok(Some(scaler.overflowed()?))
    }

    /// target ← tau·target + (1 − tau)·online, over parameters only (BYOL, eq. 1).
    pub fn move_target(&mut self, tau: f64) -> Result<()> {
        self.set_tau(tau)?;
        let mut weight = self.rates.online_share.shallow_clone();
        if let Some(scaler) = &self.scaler {
            // Where a step was skipped, the target stays too.
            weight = weight.f_masked_fill(&scaler.overflowed()?, 0.0)?;
        }
        let pairs = [
            (&self.target_encoder, &self.encoder.parameters),
            (&self.target_projector, &self.projector.parameters),
        ];
        let of = |networks: [&Parameters; 2]| -> Vec<Tensor> {
            let learned = networks.into_iter().flat_map(Parameters::learned);
            learned.map(|entry| entry.tensor.shallow_clone()).collect()
        };
        let targets = of(pairs.map(|(target, _)| target));
        let online = of(pairs.map(|(_, online)| online));
        move_average(
            &targets.iter().collect::<Vec<_>>(),
            &online.iter().collect::<Vec<_>>(),
            &weight,
        )
    }
}

/// The views in the order of StepViews::all(); none for another number of tensors.
fn step_views(views: &[Tensor]) -> Option<StepViews<'_>> {
    match views {
        [view1, view2, more @ ..] if more.len() < 2 => Some(StepViews {
            pair: [view1, view2],
            turned: more.first(),
        }),
        _ => None,
    }
}
