//! Fine-tuning: encoder and classifier learn together, end to end, from labelled images.

use std::sync::Arc;

use tch::Tensor;

use super::probe::Probe;
use crate::data::dataset::Dataset;
use crate::error::{Error, Result};
use crate::network::layers::Pass;
use crate::torch::autocast::Precision;
use crate::torch::device::require_same;
use crate::torch::distributed::Group;
use crate::torch::grad_mode::GradMode;
use crate::torch::scaler::Scaler;
use crate::training::learner::Learner;

/// SGD's state of the encoder from step to step. The classifier is a probe, which keeps its own.
pub struct FineTuning {
    buffers: Vec<Tensor>,
    scaler: Option<Scaler>,
    loss: Option<Tensor>,
    group: Option<Arc<Group>>,
}

impl FineTuning {
    /// Begins on a learner's online encoder, with no momentum yet.
    pub fn new(learner: &mut Learner) -> Result<Self> {
        let device = learner.device();
        let scaler = match learner.precision() {
            Precision::Fp16 => Some(Scaler::new(device)?),
            Precision::Normal | Precision::Bf16 => None,
        };
        let learned = learner.encoder_parameters().learned();
        let buffers = learned.map(|entry| Ok(entry.tensor.f_detach()?.f_zeros_like()?));
        Ok(Self {
            buffers: buffers.collect::<Result<_>>()?,
            scaler,
            loss: None,
            group: None,
        })
    }

    /// Averages gradients over the ranks from now on, whose batches of equal size batch normalisation takes as one.
    pub fn join(&mut self, learner: &mut Learner, group: &Arc<Group>) {
        learner.encoder_parameters().sync = Some(Arc::clone(group));
        self.group = Some(Arc::clone(group));
    }

    /// One step of cross-entropy, mean over the dataset's one-view batch: the encoder in train mode, momentum and
    /// weight decay the classifier's, on all parameters alike. Batch statistics of fewer than two images are undefined:
    /// from a last batch of one, nothing is learnt.
    pub fn step(
        &mut self,
        learner: &mut Learner,
        classifier: &mut Probe,
        dataset: &Dataset,
        learning_rate: f64,
    ) -> Result<()> {
        let batch = dataset.batch(1)?;
        let (view, labels) = (&batch.views[0], &batch.labels);
        require_same("views", view.device(), learner.device())?;
        if view.kind() != learner.kind() {
            return Err(Error::invalid(format!(
                "Cannot fine-tune on views of {:?}: expected the learner's {:?}",
                view.kind(),
                learner.kind()
            )));
        }
        if labels.size()[0] < 2 {
            return Ok(());
        }
        classifier.forget_gradients();
        for entry in &mut learner.encoder_parameters().entries {
            entry.tensor.zero_grad();
        }
        {
            let _grad = GradMode::set(true);
            let loss = classifier.loss(&learner.encode(view, Pass::Train)?, labels)?;
            let start = match &self.scaler {
                Some(scaler) => scaler.scaled(&loss)?,
                None => loss.shallow_clone(),
            };
            start.f_backward().map_err(|error| match &self.group {
                Some(group) => group.blamed(error.into()),
                None => error.into(),
            })?;
            self.loss = Some(loss.f_detach()?);
        }
        self.average(learner, classifier)?;
        let skip = match &mut self.scaler {
            None => None,
            Some(scaler) => {
                let gradients = gradients_of(learner, classifier)?;
                scaler.unscale(&gradients.iter().collect::<Vec<_>>())?;
                Some(scaler.overflowed()?)
            }
        };
        let sgd = classifier.sgd;
        let learned = learner.encoder_parameters().learned_mut();
        for (entry, buffer) in learned.zip(&mut self.buffers) {
            sgd.apply(&mut entry.tensor, buffer, learning_rate, skip.as_ref())?;
        }
        classifier.descend(learning_rate, skip.as_ref())
    }

    /// Gives the gradients their mean over the ranks, by one collective.
    fn average(&self, learner: &mut Learner, classifier: &Probe) -> Result<()> {
        let Some(group) = &self.group else {
            return Ok(());
        };
        let gradients = gradients_of(learner, classifier)?;
        let rows: Vec<Tensor> = gradients
            .iter()
            .map(|gradient| Ok(gradient.f_reshape([-1])?))
            .collect::<Result<_>>()?;
        let mut all = Tensor::f_cat(&rows, 0)?;
        group.sum(&all)?;
        let _ = all.f_div_scalar_(group.size as f64)?;
        let mut start = 0;
        for mut gradient in gradients {
            let count = gradient.numel() as i64;
            let averaged = all.f_narrow(0, start, count)?;
            gradient.f_copy_(&averaged.f_view(&gradient.size()[..])?)?;
            start += count;
        }
        Ok(())
    }

    /// The last step's loss, before it was taken: the mean of all ranks', which all call this then. Waits for the
    /// device.
    pub fn loss(&self) -> Result<f64> {
        let loss = self.loss.as_ref().ok_or_else(|| {
            Error::invalid("Cannot read the loss of fine-tuning: expected a step before")
        })?;
        let Some(group) = &self.group else {
            return Ok(loss.f_double_value(&[])?);
        };
        let share = loss.f_div_scalar(group.size as f64)?;
        group.sum(&share)?;
        let mean = share.f_double_value(&[])?;
        group.check()?;
        Ok(mean)
    }
}

/// Returns the gradients of encoder and classifier, as they are kept.
fn gradients_of(learner: &mut Learner, classifier: &Probe) -> Result<Vec<Tensor>> {
    let learned = learner.encoder_parameters().learned();
    let mut gradients = learned
        .map(|entry| Ok(entry.tensor.f_grad()?))
        .collect::<Result<Vec<_>>>()?;
    gradients.extend(classifier.gradients()?);
    Ok(gradients)
}
