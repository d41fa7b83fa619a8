//! Classification by the k nearest neighbours on a frozen encoder.

use tch::{Kind, Tensor};

use crate::data::dataset::{Dataset, Embedded};
use crate::error::{Error, Result};
use crate::network::loss::normalize;
use crate::training::learner::Learner;

/// Unit-length embeddings with their labels: what nearest neighbours are looked up in.
#[derive(Default)]
pub struct FeatureBank {
    chunks: Vec<(Tensor, Tensor)>,
    joined: Option<(Tensor, Tensor)>,
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
        k: i64,
        temperature: f64,
    ) -> Result<[f64; 2]> {
        if temperature <= 0.0 {
            return Err(Error::invalid(format!(
                "Cannot classify by neighbours with temperature={temperature}: expected more than 0"
            )));
        }
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        let scores = self.scores(&features, k, temperature)?;
        let right = scores
            .f_argmax(1, false)?
            .f_eq_tensor(&labels)?
            .f_sum(Kind::Int64)?
            .f_int64_value(&[])?;
        Ok([labels.size()[0] as f64, right as f64])
    }

    /// Returns each class's sum of the neighbours' weights, for each embedding; the nearest neighbour's weight counts as
    /// 1, which changes no comparison and lets no temperature overflow.
    pub fn scores(&mut self, features: &Tensor, k: i64, temperature: f64) -> Result<Tensor> {
        if self.joined.is_none() {
            let (features, labels): (Vec<_>, Vec<_>) =
                self.chunks.iter().map(|(f, l)| (f, l)).unzip();
            if features.is_empty() {
                return Err(Error::invalid(
                    "Cannot classify by neighbours: the feature bank is empty",
                ));
            }
            self.joined = Some((Tensor::f_cat(&features, 0)?, Tensor::f_cat(&labels, 0)?));
        }
        let Some((known, labels)) = &self.joined else {
            return Err(Error::invalid(
                "Cannot classify by neighbours: the feature bank is empty",
            ));
        };
        let k = k.clamp(1, known.size()[0]);
        let queries = normalize(features)?;
        let (cosines, neighbours) = queries
            .f_matmul(&known.f_transpose(0, 1)?)?
            .f_topk(k, 1, true, false)?;
        let weights = relative_weights(&cosines, temperature)?;
        let classes = labels.f_max()?.f_int64_value(&[])? + 1;
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
