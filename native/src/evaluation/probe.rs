//! Linear evaluation of a frozen encoder.

use std::path::Path;

use serde::Deserialize;
use tch::{Kind, Reduction, Tensor};

use super::answers::Answers;
use crate::checkpoint::Snapshot;
use crate::data::dataset::{Dataset, Embedded};
use crate::error::{Error, Result};
use crate::optimizer::sgd::Nesterov;
use crate::torch::device::{moved, DeviceName};
use crate::torch::distributed::Group;
use crate::torch::grad_mode::GradMode;
use crate::training::learner::{Dtype, Learner};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinearOptions {
    features: i64,
    classes: i64,
    dtype: Dtype,
    device: DeviceName,
    seed: u64,
    momentum: f64,
    weight_decay: f64,
    logit_clip: Option<LogitClip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbeSaveOptions {
    path: String,
    metadata: serde_json::Value,
    /// True to write the encoder with it, both under torchvision's names.
    with_encoder: bool,
}

/// More embedding sides or classes, or weights in all, than any probe has.
const MAX_SIDE: i64 = 1 << 20;
const MAX_WEIGHTS: i64 = 1 << 27;

impl LinearOptions {
    /// Refuses what no probe can be made of.
    pub fn validate(&self) -> Result<()> {
        require_sides(self.features, self.classes)
    }
}

/// Refuses numbers of features and classes that no linear classifier has.
pub fn require_sides(features: i64, classes: i64) -> Result<()> {
    let sides = 1..=MAX_SIDE;
    let fits = sides.contains(&features) && sides.contains(&classes);
    if fits && features * classes <= MAX_WEIGHTS {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Cannot make a probe of {features} × {classes}: expected at least 1 × 1 and at most {MAX_WEIGHTS} weights"
    )))
}

/// A bound on the logits, and a penalty on their squares: CPC v2 (Hénaff et al. 2019), BYOL's appendix C.1.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogitClip {
    /// Logits become bound · tanh(logit / bound).
    bound: f64,
    /// Factor of the mean of their squares, which is added to the loss.
    penalty: f64,
}

/// A linear classifier on embeddings, trained by SGD with Nesterov momentum.
pub struct Probe {
    weight: Tensor,
    bias: Tensor,
    buffers: [Tensor; 2],
    pub sgd: Nesterov,
    clip: Option<LogitClip>,
    seen: i64,
    correct: [Tensor; 2],
    answers: Answers,
}

impl Probe {
    pub fn new(options: LinearOptions) -> Result<Self> {
        options.validate()?;
        let LinearOptions {
            features,
            classes,
            dtype,
            device,
            seed,
            momentum,
            weight_decay,
            logit_clip,
        } = options;
        let device = device.open()?;
        unsafe { torch_sys::at_manual_seed(seed as i64) };
        let bound = 1.0 / (features as f64).sqrt();
        let cpu = (Kind::Float, tch::Device::Cpu);
        let uniform = |shape: &[i64]| {
            let drawn = Tensor::f_zeros(shape, cpu)?.f_uniform_(-bound, bound)?;
            moved(&drawn.f_to_kind(dtype.kind())?, device)
        };
        let weight = uniform(&[classes, features])?;
        let bias = uniform(&[classes])?;
        let count = || Tensor::f_zeros([0; 0], (Kind::Int64, device));
        Ok(Self {
            buffers: [weight.f_zeros_like()?, bias.f_zeros_like()?],
            weight: weight.f_set_requires_grad(true)?,
            bias: bias.f_set_requires_grad(true)?,
            sgd: Nesterov {
                momentum,
                weight_decay,
            },
            clip: logit_clip,
            seen: 0,
            correct: [count()?, count()?],
            answers: Answers::new(classes, device)?,
        })
    }

    /// One step of cross-entropy on the dataset's one-view batch; the encoder stays as it is.
    pub fn train(
        &mut self,
        learner: &Learner,
        dataset: &Dataset,
        learning_rate: f64,
    ) -> Result<()> {
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        self.learn(&features, &labels, learning_rate)
    }

    /// One step of cross-entropy on embeddings.
    pub fn learn(&mut self, features: &Tensor, labels: &Tensor, learning_rate: f64) -> Result<()> {
        self.forget_gradients();
        {
            let _grad = GradMode::set(true);
            self.loss(features, labels)?.f_backward()?;
        }
        self.descend(learning_rate, None)
    }

    pub fn forget_gradients(&mut self) {
        self.weight.zero_grad();
        self.bias.zero_grad();
    }

    /// Cross-entropy, mean over the embeddings; of clipped logits with the penalty on them.
    pub fn loss(&self, features: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let logits = features.f_linear(&self.weight, Some(&self.bias))?;
        let cross_entropy = |logits: &Tensor| {
            let none = None::<&Tensor>;
            logits.f_cross_entropy_loss(labels, none, Reduction::Mean, -100, 0.0)
        };
        let Some(LogitClip { bound, penalty }) = self.clip else {
            return Ok(cross_entropy(&logits)?);
        };
        let clipped = logits.f_div_scalar(bound)?.f_tanh()?.f_mul_scalar(bound)?;
        let squares = clipped.f_square()?.f_mean(None)?;
        Ok(cross_entropy(&clipped)?.f_add(&squares.f_mul_scalar(penalty)?)?)
    }

    /// Takes weights in place of its own.
    pub fn set(&mut self, weight: &Tensor, bias: &Tensor) -> Result<()> {
        let (own, given) = (self.weight.size(), weight.size());
        if own != given {
            return Err(Error::invalid(format!(
                "Cannot give a probe of {own:?} weights of {given:?}: expected the same sizes"
            )));
        }
        self.weight.f_copy_(weight)?;
        Ok(self.bias.f_copy_(bias)?)
    }

    pub fn gradients(&self) -> Result<[Tensor; 2]> {
        Ok([self.weight.f_grad()?, self.bias.f_grad()?])
    }

    /// One step by the gradients, or none where `skip` is true.
    pub fn descend(&mut self, learning_rate: f64, skip: Option<&Tensor>) -> Result<()> {
        for (tensor, buffer) in [&mut self.weight, &mut self.bias]
            .into_iter()
            .zip(&mut self.buffers)
        {
            self.sgd.apply(tensor, buffer, learning_rate, skip)?;
        }
        Ok(())
    }

    /// Counts the right answers on the dataset's one-view batch.
    pub fn test(&mut self, learner: &Learner, dataset: &Dataset) -> Result<()> {
        let Embedded { features, labels } = dataset.batch(1)?.embeddings(learner)?;
        self.count(&features, &labels)
    }

    /// Counts the right answers on embeddings.
    pub fn count(&mut self, features: &Tensor, labels: &Tensor) -> Result<()> {
        let best = self.best(features)?;
        self.answers.add(labels, &best.f_select(1, 0)?)?;
        let hits = best
            .f_eq_tensor(&labels.f_unsqueeze(1)?)?
            .f_to_kind(Kind::Int64)?;
        let _ = self.correct[0].f_add_(&hits.f_select(1, 0)?.f_sum(None)?)?;
        let _ = self.correct[1].f_add_(&hits.f_sum(None)?)?;
        self.seen += labels.size()[0];
        Ok(())
    }

    /// The five likeliest classes of each embedding, best first; all of them where there are fewer.
    pub fn best(&self, features: &Tensor) -> Result<Tensor> {
        let logits = features.f_linear(&self.weight, Some(&self.bias))?;
        Ok(logits.f_topk(5.min(logits.size()[1]), 1, true, true)?.1)
    }

    /// Gives every rank rank 0's weights, so that all test with the same classifier.
    pub fn join(&self, group: &Group) -> Result<()> {
        group.broadcast(&[&self.weight, &self.bias])
    }

    /// Weight and bias under PyTorch's names.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        Ok(vec![
            ("weight".to_owned(), self.weight.f_detach()?),
            ("bias".to_owned(), self.bias.f_detach()?),
        ])
    }

    /// Writes weight and bias to a file, with the learner's encoder where it is asked for.
    pub fn save(&self, learner: &Learner, options: &ProbeSaveOptions) -> Result<()> {
        let mut tensors = self.state()?;
        if options.with_encoder {
            for (name, _) in &mut tensors {
                *name = format!("fc.{name}");
            }
            tensors.extend(learner.encoder_state()?);
        }
        let snapshot = Snapshot::take(&tensors, options.metadata.to_string())?;
        snapshot.require_finite()?;
        snapshot.write(Path::new(&options.path), &[])
    }

    /// Numbers of images by true class and by answer, as JSON.
    pub fn answers(&self) -> Result<String> {
        self.answers.json()
    }

    /// Images tested, right at first guess, right within five.
    pub fn counts(&self) -> Result<[f64; 3]> {
        let count = |tensor: &Tensor| tensor.f_int64_value(&[]);
        Ok([
            self.seen as f64,
            count(&self.correct[0])? as f64,
            count(&self.correct[1])? as f64,
        ])
    }
}
