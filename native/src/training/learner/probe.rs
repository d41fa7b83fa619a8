//! The online probe of a learner.

use tch::Tensor;

use super::Learner;
use crate::error::{Error, Result};
use crate::training::online_probe::{OnlineProbe, ProbeRates};

impl Learner {
    /// Gives the encoder an online probe, which starts from zeros.
    pub fn add_probe(&mut self, classes: i64) -> Result<()> {
        let place = (self.kind, self.device);
        self.probe = Some(OnlineProbe::new(self.features(), classes, place)?);
        Ok(())
    }

    /// Keeps the labels of the micro-batch that forward_backward() was last called with.
    pub fn keep_labels(&mut self, labels: &Tensor) {
        if let Some(last) = self.last.as_mut().filter(|_| self.probe.is_some()) {
            last.labels.push(labels.shallow_clone());
        }
    }

    /// One step of the online probe on the embeddings of view 1 that the last step's encoder made.
    pub fn train_probe(&mut self, rates: &ProbeRates) -> Result<()> {
        let wrong = |what: &str| Error::invalid(format!("Cannot train the online probe: {what}"));
        let probe = self.probe.as_mut();
        let probe = probe.ok_or_else(|| wrong("expected a learner that was given one"))?;
        let last = self.last.as_ref().filter(|last| !last.labels.is_empty());
        let last = last.ok_or_else(|| wrong("expected a forward and backward pass before"))?;
        let embeddings = Tensor::f_cat(&last.embeddings, 0)?;
        let labels = Tensor::f_cat(&last.labels, 0)?;
        let group = self.ranks.as_ref().map(|ranks| ranks.group.as_ref());
        probe.learn((&embeddings, &labels), rates, group)
    }

    /// The online probe's loss, and its share of right answers, on the last step's images of all ranks.
    pub fn probe_metrics(&self) -> Result<[f64; 2]> {
        let probe = self.probe.as_ref().ok_or_else(|| {
            Error::invalid(
                "Cannot read the online probe's metrics: expected a learner that was given one",
            )
        })?;
        probe.metrics(self.ranks.as_ref().map(|ranks| ranks.group.as_ref()))
    }

    /// The online probe's tensors under their names in a checkpoint; none where there is none.
    pub fn probe_state(&self) -> Vec<(String, Tensor)> {
        self.probe
            .as_ref()
            .map(OnlineProbe::state)
            .unwrap_or_default()
    }
}
