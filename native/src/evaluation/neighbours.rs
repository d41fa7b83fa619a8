//! Classification by the k nearest neighbours on a frozen encoder.

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::answers::Answers;
use crate::data::dataset::{Dataset, Embedded};
use crate::error::{Error, Result};
use crate::network::loss::normalize;
use crate::training::learner::Learner;

/// Unit-length embeddings with their labels: what nearest neighbours are looked up in.
#[derive(Default)]
pub struct FeatureBank {
    chunks: Vec<(Tensor, Tensor)>,
    joined: Option<(Tensor, Tensor)>,
    /// Answers of the classifications so far.
    answers: Option<Answers>,
}

/// The neighbours that classify, and whether their answers are counted by class.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Neighbours {
    k: i64,
    temperature: f64,
    counted: bool,
}

impl FeatureBank {
    /// Adds the embeddings of the dataset's one-view batch.
    pub fn append(&mut self, learner: &Learner, dataset: &Dataset) -> Result<()> {
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        self.chunks.push((normalize(&features)?, labels));
        self.joined = None;
        Ok(())
    }

    /// Classifies the data set's one-view batch by its k nearest neighbours, each weighted by exp(cosine / temperature)
    /// (Wu et al. 2018, §3.4). Returns the images tested, and those that were right.
    pub fn classify(
        &mut self,
        learner: &Learner,
        dataset: &Dataset,
        neighbours: &Neighbours,
    ) -> Result<[f64; 2]> {
        let Neighbours {
            k,
            temperature,
            counted,
        } = *neighbours;
        if temperature <= 0.0 {
            return Err(Error::invalid(format!(
                "Cannot classify by neighbours with temperature={temperature}: expected more than 0"
            )));
        }
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        let scores = self.scores(&features, k, temperature)?;
        let found = scores.f_argmax(1, false)?;
        if counted {
            self.count(&labels, &found)?;
        }
        let right = found
            .f_eq_tensor(&labels)?
            .f_sum(Kind::Int64)?
            .f_int64_value(&[])?;
        Ok([labels.size()[0] as f64, right as f64])
    }

    fn count(&mut self, labels: &Tensor, found: &Tensor) -> Result<()> {
        if self.answers.is_none() {
            self.answers = Some(Answers::new(self.classes()?, found.device())?);
        }
        match &mut self.answers {
            Some(answers) => answers.add(labels, found),
            None => Ok(()),
        }
    }

    /// Numbers of images by true class and by counted answer, as JSON.
    pub fn answers(&self) -> Result<String> {
        self.answers
            .as_ref()
            .map_or(Ok("[]".to_owned()), Answers::json)
    }

    /// Returns the images of the smallest class that has any.
    pub fn smallest_class(&mut self) -> Result<[f64; 1]> {
        let counts = self.joined()?.1.f_bincount(None::<&Tensor>, 0)?;
        let smallest = counts.f_masked_select(&counts.f_gt(0)?)?.f_min()?;
        Ok([smallest.f_int64_value(&[])? as f64])
    }

    fn classes(&mut self) -> Result<i64> {
        Ok(self.joined()?.1.f_max()?.f_int64_value(&[])? + 1)
    }

    /// All embeddings and labels: put together once.
    fn joined(&mut self) -> Result<(Tensor, Tensor)> {
        if self.joined.is_none() {
            let (features, labels): (Vec<_>, Vec<_>) =
                self.chunks.iter().map(|(f, l)| (f, l)).unzip();
            if !features.is_empty() {
                self.joined = Some((Tensor::f_cat(&features, 0)?, Tensor::f_cat(&labels, 0)?));
            }
        }
        let (features, labels) = self.joined.as_ref().ok_or_else(|| {
            Error::invalid("Cannot classify by neighbours: the feature bank is empty")
        })?;
        Ok((features.shallow_clone(), labels.shallow_clone()))
    }

    /// Returns each class's sum of the neighbours' weights, for each embedding; the nearest neighbour's weight counts as
    /// 1, which changes no comparison and lets no temperature overflow.
    pub fn scores(&mut self, features: &Tensor, k: i64, temperature: f64) -> Result<Tensor> {
        let (known, labels) = self.joined()?;
        let classes = self.classes()?;
        let k = k.clamp(1, known.size()[0]);
        let queries = normalize(features)?;
        let (cosines, neighbours) = queries
            .f_matmul(&known.f_transpose(0, 1)?)?
            .f_topk(k, 1, true, false)?;
        let weights = relative_weights(&cosines, temperature)?;
        let votes = labels
            .f_index_select(0, &neighbours.f_reshape([-1])?)?
            .f_reshape(neighbours.size())?;
        let scores = weights.f_new_zeros(
            [queries.size()[0], classes],
            (weights.kind(), weights.device()),
        )?;
        Ok(scores.f_scatter_add(1, &votes, &weights)?)
    }
}

/// exp((cosine − largest cosine of the row) / temperature), in double precision: exp(cosine / temperature) leaves float32's
/// range below a temperature of 0.0113.
fn relative_weights(cosines: &Tensor, temperature: f64) -> Result<Tensor> {
    let largest = cosines.f_amax([1].as_slice(), true)?;
    let below = cosines.f_sub(&largest)?.f_to_kind(Kind::Double)?;
    // A GPU multiplies by the reciprocal, which has to be finite.
    let weights = below.f_div_scalar(temperature.max(1e-300))?.f_exp()?;
    Ok(weights.f_to_kind(cosines.kind())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank(rows: &[[f32; 2]], labels: &[i64]) -> FeatureBank {
        let features = Tensor::from_slice2(rows);
        FeatureBank {
            chunks: vec![(normalize(&features).unwrap(), Tensor::from_slice(labels))],
            joined: None,
            answers: None,
        }
    }

    #[test]
    fn no_temperature_makes_scores_that_are_no_numbers() {
        let mut bank = bank(&[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], &[0, 1, 2]);
        let query = Tensor::from_slice2(&[[0.8f32, 0.5], [0.1, 0.9]]);
        for temperature in [
            f64::MIN_POSITIVE / 4.0,
            1e-300,
            1e-40,
            1e-3,
            0.01,
            0.07,
            1e300,
        ] {
            let scores = bank.scores(&query, 3, temperature).unwrap();
            let finite = scores.f_isfinite().unwrap().f_all().unwrap();
            assert_eq!(finite.f_int64_value(&[]).unwrap(), 1, "{temperature}");
            if temperature < 1.0 {
                let nearest: Vec<i64> = scores.argmax(1, false).try_into().unwrap();
                assert_eq!(nearest, [1, 2], "{temperature}");
            }
        }
    }

    #[test]
    fn scores_are_the_published_ones_relative_to_the_nearest_neighbour() {
        let mut bank = bank(
            &[[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]],
            &[0, 1, 0, 1],
        );
        let query = Tensor::from_slice2(&[[1.0f32, 0.0]]);
        let scores: Vec<f32> = bank
            .scores(&query, 3, 0.07)
            .unwrap()
            .view(-1)
            .try_into()
            .unwrap();
        let weight = |cosine: f64| (cosine / 0.07).exp();
        let expected = [weight(1.0) + weight(0.6), weight(0.8)].map(|sum| sum / weight(1.0));
        for (found, expected) in scores.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1e-5,
                "{found} {expected}"
            );
        }
    }
}
