//! Embeddings computed once, with their labels: what a probe that sees no augmentation learns from.

use serde::Deserialize;
use tch::Tensor;

use super::probe::Probe;
use crate::data::dataset::{Dataset, Embedded};
use crate::error::{Error, Result};
use crate::torch::device::moved;
use crate::training::learner::Learner;
use crate::views::random::permutation;

/// The epoch whose order divides the images: no run comes so far.
const SPLIT: u64 = u64::MAX;

/// The embeddings of a data set's images.
#[derive(Default)]
pub struct Features {
    chunks: Vec<(Tensor, Tensor)>,
    order: Option<(FeatureOrder, Vec<i64>)>,
}

/// One step of a probe on embeddings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeatureStep {
    seed: u64,
    step: u64,
    batch_size: usize,
    /// Images that are kept from training.
    held_out: usize,
}

#[derive(Clone, Copy, PartialEq)]
struct FeatureOrder {
    seed: u64,
    epoch: u64,
    held_out: usize,
}

impl Features {
    #[cfg(test)]
    pub fn of(features: Tensor, labels: Tensor) -> Self {
        Self {
            chunks: vec![(features, labels)],
            order: None,
        }
    }

    /// Adds the embeddings of the dataset's one-view batch.
    pub fn append(&mut self, learner: &Learner, dataset: &Dataset) -> Result<()> {
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        self.chunks.push((features, labels));
        self.order = None;
        Ok(())
    }

    /// Trains a probe on the batch of one step: each epoch in an order of its own, its last batch kept when smaller.
    pub fn train(&mut self, probe: &mut Probe, step: &FeatureStep, rate: f64) -> Result<()> {
        let (features, labels) = self.joined()?;
        let count = (labels.size()[0] as usize).saturating_sub(step.held_out);
        if count == 0 || step.batch_size == 0 {
            return Err(Error::invalid(format!(
                "Cannot train on batches of {} of {} embeddings without {}: expected at least 1",
                step.batch_size,
                labels.size()[0],
                step.held_out
            )));
        }
        let steps = count.div_ceil(step.batch_size) as u64;
        let start = (step.step % steps) as usize * step.batch_size;
        let end = (start + step.batch_size).min(count);
        let order = FeatureOrder {
            seed: step.seed,
            epoch: step.step / steps,
            held_out: step.held_out,
        };
        let rows = moved(
            &Tensor::f_from_slice(&self.order_of(order, count)[start..end])?,
            labels.device(),
        )?;
        probe.learn(
            &features.f_index_select(0, &rows)?,
            &labels.f_index_select(0, &rows)?,
            rate,
        )
    }

    /// Tests a probe on the images held out, or on all where none are.
    pub fn test(&mut self, probe: &mut Probe, seed: u64, held_out: usize) -> Result<()> {
        let (features, labels) = self.joined()?;
        if held_out == 0 {
            return probe.count(&features, &labels);
        }
        let rows: Vec<i64> = split(seed, labels.size()[0] as usize)
            .into_iter()
            .take(held_out)
            .collect();
        let rows = moved(&Tensor::f_from_slice(&rows)?, labels.device())?;
        probe.count(
            &features.f_index_select(0, &rows)?,
            &labels.f_index_select(0, &rows)?,
        )
    }

    /// Returns the embeddings and labels that are not held out, in the order of the table.
    pub fn learned(&mut self, seed: u64, held_out: usize) -> Result<(Tensor, Tensor)> {
        let (features, labels) = self.joined()?;
        if held_out == 0 {
            return Ok((features, labels));
        }
        let mut rows = split(seed, labels.size()[0] as usize);
        let mut rows = rows.split_off(held_out.min(rows.len()));
        if rows.is_empty() {
            return Err(Error::invalid(format!(
                "Cannot learn from {} embeddings without {held_out}: expected at least 1",
                labels.size()[0]
            )));
        }
        rows.sort_unstable();
        let rows = moved(&Tensor::f_from_slice(&rows)?, labels.device())?;
        Ok((
            features.f_index_select(0, &rows)?,
            labels.f_index_select(0, &rows)?,
        ))
    }

    fn order_of(&mut self, wanted: FeatureOrder, count: usize) -> &[i64] {
        if !matches!(&self.order, Some((order, _)) if *order == wanted) {
            let kept = split(wanted.seed, count + wanted.held_out);
            let rows = permutation(!wanted.seed, wanted.epoch, count)
                .into_iter()
                .map(|place| kept[wanted.held_out + place as usize])
                .collect();
            self.order = Some((wanted, rows));
        }
        self.order.as_ref().map_or(&[], |(_, rows)| rows)
    }

    /// All embeddings and labels: put together once.
    fn joined(&mut self) -> Result<(Tensor, Tensor)> {
        if self.chunks.len() > 1 {
            let (features, labels): (Vec<_>, Vec<_>) =
                self.chunks.iter().map(|(f, l)| (f, l)).unzip();
            let joined = (Tensor::f_cat(&features, 0)?, Tensor::f_cat(&labels, 0)?);
            self.chunks = vec![joined];
        }
        let chunk = self.chunks.first();
        let (features, labels) =
            chunk.ok_or_else(|| Error::invalid("Cannot use a table of features: it is empty"))?;
        Ok((features.shallow_clone(), labels.shallow_clone()))
    }
}

/// The images in the order whose first ones are held out.
fn split(seed: u64, count: usize) -> Vec<i64> {
    permutation(seed, SPLIT, count)
        .into_iter()
        .map(i64::from)
        .collect()
}
