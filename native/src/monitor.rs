//! What a run is watched by as it trains, at next to no cost: a linear probe on the embeddings of the training views,
//! with no gradient into the encoder, and the effective rank of the embeddings.

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::boundary::{Error, GradMode, Result};
use crate::shim::Group;

/// What the names of its tensors in a training state begin with.
pub const PREFIX: &str = "online_probe.";
/// More classes than any data set has.
const MAX_CLASSES: i64 = 1 << 20;
/// Embeddings that the effective rank is taken of: their eigenvalues take some milliseconds.
const MOST_ROWS: i64 = 256;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonitorOptions {
    classes: i64,
    momentum: f64,
}

/// A linear classifier trained beside the encoder by SGD with Nesterov momentum. Its first weights are zeros: the
/// problem is convex, and nothing is drawn.
pub struct Monitor {
    weight: Tensor,
    bias: Tensor,
    buffers: [Tensor; 2],
    momentum: f64,
    /// Mean loss and share of right answers of the last step, before its update.
    last: Option<Tensor>,
}

impl Monitor {
    pub fn new(
        options: &MonitorOptions,
        features: i64,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        if !(1..=MAX_CLASSES).contains(&options.classes) {
            return Err(Error::invalid(format!(
                "Cannot make an online probe of {} classes: expected 1 to {MAX_CLASSES}",
                options.classes
            )));
        }
        let zeros = |shape: &[i64]| Tensor::f_zeros(shape, (kind, device));
        let (matrix, vector) = ([options.classes, features], [options.classes]);
        Ok(Self {
            weight: zeros(&matrix)?,
            bias: zeros(&vector)?,
            buffers: [zeros(&matrix)?, zeros(&vector)?],
            momentum: options.momentum,
            last: None,
        })
    }

    /// One step of cross-entropy on embeddings, whose gradient is written out: softmax less one-hot. Nothing is read
    /// back from the device.
    pub fn learn(
        &mut self,
        embeddings: &Tensor,
        labels: &Tensor,
        learning_rate: f64,
        group: Option<&Group>,
    ) -> Result<()> {
        let _no_grad = GradMode::set(false);
        let rows = embeddings.size()[0] as f64;
        let (classes, features) = self.weight.size2()?;
        let logits = embeddings.f_linear(&self.weight, Some(&self.bias))?;
        let likelihoods = logits.f_log_softmax(1, None)?;
        let wanted = labels.f_one_hot(classes)?.f_to_kind(logits.kind())?;
        let loss = likelihoods.f_mul(&wanted)?.f_sum(None)?.f_neg()?;
        let right = logits
            .f_argmax(1, false)?
            .f_eq_tensor(labels)?
            .f_sum(logits.kind())?;
        let error = likelihoods.f_exp()?.f_sub(&wanted)?;
        let gradient = error.f_transpose(0, 1)?.f_matmul(embeddings)?;
        let bias = error.f_sum_dim_intlist([0].as_slice(), false, logits.kind())?;
        // One tensor, so that ranks exchange one.
        let mut all = Tensor::f_cat(
            &[
                gradient.f_flatten(0, -1)?,
                bias,
                Tensor::f_stack(&[loss, right], 0)?,
            ],
            0,
        )?
        .f_div_scalar(rows)?;
        if let Some(group) = group {
            group.sum(&all)?;
            all = all.f_div_scalar(group.size as f64)?;
        }
        let part = |from: i64, length: i64| all.f_narrow(0, from, length);
        let weights = classes * features;
        let gradients = [
            part(0, weights)?.f_view([classes, features])?,
            part(weights, classes)?,
        ];
        self.last = Some(part(weights + classes, 2)?);
        let parameters = [&mut self.weight, &mut self.bias];
        for ((tensor, buffer), gradient) in
            parameters.into_iter().zip(&mut self.buffers).zip(gradients)
        {
            // As PyTorch's SGD: buf = m·buf + g; p −= lr·(g + m·buf).
            let _ = buffer.f_mul_scalar_(self.momentum)?;
            let _ = buffer.f_add_(&gradient)?;
            let update = gradient.f_add(&buffer.f_mul_scalar(self.momentum)?)?;
            let _ = tensor.f_sub_(&update.f_mul_scalar(learning_rate)?)?;
        }
        Ok(())
    }

    /// Mean loss and share of right answers of the last step: waits for the device.
    pub fn last(&self) -> Result<[f64; 2]> {
        let last = self.last.as_ref().ok_or_else(|| {
            Error::invalid("Cannot read the online probe: expected a step of it before")
        })?;
        Ok([last.f_double_value(&[0])?, last.f_double_value(&[1])?])
    }

    /// What a resume needs, under its names in a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let named =
            |name: &str, tensor: &Tensor| (format!("{PREFIX}{name}"), tensor.shallow_clone());
        vec![
            named("weight", &self.weight),
            named("bias", &self.bias),
            named("momentum.weight", &self.buffers[0]),
            named("momentum.bias", &self.buffers[1]),
        ]
    }
}

/// How many of the rows of each of so many ranks the effective rank is taken of.
pub fn rows_of_rank(ranks: i64, rows: i64) -> i64 {
    (MOST_ROWS / ranks).clamp(1, rows)
}

/// The effective rank of rows (Roy & Vetterli 2007): the exponential of the entropy of their singular values, each
/// divided by their sum, after the mean row is taken off. From 1, or 0 where all rows are equal, to the lesser of
/// columns and rows less one. In float64 on the host: roots of rounding errors are large.
pub fn effective_rank(rows: &Tensor) -> Result<f64> {
    let rows = rows.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
    let centred = rows.f_sub(&rows.f_mean_dim([0].as_slice(), true, Kind::Double)?)?;
    let (count, columns) = centred.size2()?;
    let other = centred.f_transpose(0, 1)?;
    let gram = if count <= columns {
        centred.f_matmul(&other)?
    } else {
        other.f_matmul(&centred)?
    };
    if gram.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
        return Ok(f64::NAN);
    }
    let values = gram.f_linalg_eigvalsh("L")?.f_clamp_min(0.0)?.f_sqrt()?;
    let values = Vec::<f64>::try_from(values)?;
    // Below the rounding of the largest: none at all.
    let least = values.iter().fold(0.0, |most: f64, value| most.max(*value)) * 1e-7;
    let kept = || values.iter().filter(|value| **value > least);
    let sum: f64 = kept().sum();
    if sum <= 0.0 {
        return Ok(0.0);
    }
    let entropy: f64 = kept()
        .map(|value| -(value / sum) * (value / sum).ln())
        .sum();
    Ok(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_rank_counts_equal_directions() -> Result<()> {
        // Two opposite points on each of four axes: four equal singular values.
        let axes = Tensor::eye(6, (Kind::Float, Device::Cpu)).narrow(0, 0, 4);
        let rows = Tensor::cat(&[&axes, &(-&axes)], 0);
        assert!((effective_rank(&rows)? - 4.0).abs() < 1e-6);
        let line = Tensor::arange(8, (Kind::Float, Device::Cpu)).unsqueeze(1)
            * Tensor::ones([1, 6], (Kind::Float, Device::Cpu));
        assert!((effective_rank(&line)? - 1.0).abs() < 1e-5);
        assert_eq!(
            effective_rank(&Tensor::ones([8, 6], (Kind::Float, Device::Cpu)))?,
            0.0
        );
        assert!(effective_rank(&(&line / 0.0))?.is_nan());
        Ok(())
    }

    #[test]
    fn gradient_is_that_of_cross_entropy() -> Result<()> {
        tch::manual_seed(1);
        let options = MonitorOptions {
            classes: 3,
            momentum: 0.9,
        };
        let mut monitor = Monitor::new(&options, 5, (Kind::Double, Device::Cpu))?;
        let weight = Tensor::zeros([3, 5], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let bias = Tensor::zeros([3], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut optimizer = tch::COptimizer::sgd(0.1, 0.9, 0.0, 0.0, true)?;
        optimizer.add_parameters(&weight, 0)?;
        optimizer.add_parameters(&bias, 0)?;
        for _ in 0..5 {
            let rows = Tensor::randn([7, 5], (Kind::Double, Device::Cpu));
            let labels = Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2, 2]);
            monitor.learn(&rows, &labels, 0.1, None)?;
            let logits = rows.linear(&weight, Some(&bias));
            let loss = logits.cross_entropy_for_logits(&labels);
            optimizer.zero_grad()?;
            loss.backward();
            optimizer.step()?;
            assert!((monitor.last()?[0] - loss.double_value(&[])).abs() < 1e-12);
        }
        let difference = (&monitor.weight - weight.detach())
            .abs()
            .max()
            .double_value(&[]);
        assert!(difference < 1e-12, "{difference}");
        assert!(
            (&monitor.bias - bias.detach())
                .abs()
                .max()
                .double_value(&[])
                < 1e-12
        );
        Ok(())
    }
}
