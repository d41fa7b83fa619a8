//! The online monitor: a linear classifier that learns beside the encoder, from embeddings that no gradient leaves.

use tch::{Kind, Reduction, Tensor};

use crate::error::{Error, Result};
use crate::torch::distributed::Group;
use crate::torch::grad_mode::GradMode;

/// SGD's learning rate and momentum for one step.
pub struct ProbeRates {
    pub learning_rate: f64,
    pub momentum: f64,
}

/// Weights, SGD's momentum, and how the last batch went. It starts from zeros, so it draws no random number.
pub struct OnlineProbe {
    weight: Tensor,
    bias: Tensor,
    buffers: [Tensor; 2],
    last: Option<Last>,
}

/// Before the step that the batch was used for: sums over this rank's images.
struct Last {
    loss: Tensor,
    hits: Tensor,
    images: i64,
}

/// Embeddings less their mean, divided by the root of their mean square length, over the images of all ranks. Encoders
/// differ in both by orders of magnitude, and in the course of one run; so scaled, one learning rate suits them all.
fn scaled(embeddings: &Tensor, images: f64, group: Option<&Group>) -> Result<Tensor> {
    let all = |sum: Tensor| -> Result<Tensor> {
        if let Some(group) = group {
            group.sum(&sum)?;
        }
        Ok(sum.f_div_scalar(images)?)
    };
    let kind = embeddings.kind();
    let mean = all(embeddings.f_sum_dim_intlist([0i64].as_slice(), true, kind)?)?;
    let centred = embeddings.f_sub(&mean)?;
    let square = all(centred.f_mul(&centred)?.f_sum(kind)?)?;
    // Embeddings that are all the same are zeros then, not NaN.
    Ok(centred.f_div(&square.f_sqrt()?.f_clamp_min(1e-12)?)?)
}

/// As many as the probe of linear evaluation has at most.
const MAX_CLASSES: i64 = 1 << 20;

impl OnlineProbe {
    pub fn new(features: i64, classes: i64, (kind, device): (Kind, tch::Device)) -> Result<Self> {
        if !(2..=MAX_CLASSES).contains(&classes) {
            return Err(Error::invalid(format!(
                "Cannot make an online probe for {classes} classes: expected 2 to {MAX_CLASSES}"
            )));
        }
        let zeros = |shape: &[i64]| Tensor::f_zeros(shape, (kind, device));
        Ok(Self {
            weight: zeros(&[classes, features])?,
            bias: zeros(&[classes])?,
            buffers: [zeros(&[classes, features])?, zeros(&[classes])?],
            last: None,
        })
    }

    /// One step of cross-entropy, mean over the images of all ranks, which bring as many each: PyTorch's SGD,
    /// buf = m·buf + g; p −= lr·buf.
    pub fn learn(
        &mut self,
        (embeddings, labels): (&Tensor, &Tensor),
        rates: &ProbeRates,
        group: Option<&Group>,
    ) -> Result<()> {
        let _no_grad = GradMode::set(false);
        let images = labels.size()[0];
        let ranks = group.map_or(1, |group| group.size as i64);
        let embeddings = &scaled(embeddings, (images * ranks) as f64, group)?;
        let logits = embeddings.f_linear(&self.weight, Some(&self.bias))?;
        let none = None::<&Tensor>;
        let loss = logits.f_cross_entropy_loss(labels, none, Reduction::Sum, -100, 0.0)?;
        let hits = logits.f_argmax(1, false)?.f_eq_tensor(labels)?;
        self.last = Some(Last {
            loss,
            hits: hits.f_sum(Kind::Int64)?,
            images,
        });
        // The gradient of the logits is softmax − one-hot.
        let truth = labels
            .f_one_hot(self.bias.size()[0])?
            .f_to_kind(logits.kind())?;
        let error = logits
            .f_softmax(1, logits.kind())?
            .f_sub(&truth)?
            .f_div_scalar((images * ranks) as f64)?;
        let gradients = [
            error.f_transpose(0, 1)?.f_matmul(embeddings)?,
            error.f_sum_dim_intlist([0i64].as_slice(), false, error.kind())?,
        ];
        for ((tensor, buffer), gradient) in [&mut self.weight, &mut self.bias]
            .into_iter()
            .zip(&mut self.buffers)
            .zip(&gradients)
        {
            if let Some(group) = group {
                group.sum(gradient)?;
            }
            let _ = buffer.f_mul_scalar_(rates.momentum)?;
            let _ = buffer.f_add_(gradient)?;
            let _ = tensor.f_sub_(&buffer.f_mul_scalar(rates.learning_rate)?)?;
        }
        Ok(())
    }

    /// Mean loss and share of right answers on the last batch of all ranks, before the step that it was used for.
    pub fn metrics(&self, group: Option<&Group>) -> Result<[f64; 2]> {
        let last = self.last.as_ref().ok_or_else(|| {
            Error::invalid("Cannot read the online probe's metrics: expected a step before")
        })?;
        let (loss, hits) = (last.loss.f_detach_copy()?, last.hits.f_detach_copy()?);
        let mut images = last.images as f64;
        if let Some(group) = group {
            group.sum(&loss)?;
            group.sum(&hits)?;
            images *= group.size as f64;
        }
        let hits = hits.f_int64_value(&[])? as f64;
        Ok([loss.f_double_value(&[])? / images, hits / images])
    }

    /// Everything a resume needs, under its names in a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let [weight, bias] = &self.buffers;
        [
            ("online_probe.weight", &self.weight),
            ("online_probe.bias", &self.bias),
            ("online_probe.momentum.weight", weight),
            ("online_probe.momentum.bias", bias),
        ]
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
        .collect()
    }
}
