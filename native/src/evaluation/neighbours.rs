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

    /// Each class's sum of the neighbours' weights, for each embedding.
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
        let weights = cosines.f_div_scalar(temperature)?.f_exp()?;
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
