//! L2-regularised multinomial logistic regression on embeddings by L-BFGS: linear transfer as in BYOL, appendix D.2.

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::features::Features;
use super::probe::{require_sides, Probe};
use crate::error::{Error, Result};
use crate::torch::lbfgs::{Lbfgs, LbfgsNumbers};

/// Logits that are computed at once: 128 MiB.
const PIECE: i64 = 1 << 24;
const HISTORY: i64 = 20;
/// Of a step.
const MOST_ITERATIONS: i64 = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegressionOptions {
    classes: i64,
    /// Seed and number of the embeddings that are kept from the regression.
    seed: u64,
    held_out: usize,
}

/// An optimization of the regression at one strength of the penalty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegressionFit {
    /// Factor of ‖W‖²/2 beside the sum of the cross-entropies: 1/C of scikit-learn's LogisticRegression.
    strength: f64,
    /// Iterations of a step.
    iterations: i64,
    gradient_tolerance: f64,
    change_tolerance: f64,
}

/// The regression's embeddings and its weights, in float64 whatever the encoder's type.
///
/// The embeddings are centred, and divided by one number, their root mean square: the biases, which no penalty holds, and
/// the penalty's factor make up for both, so the minimum is that of the embeddings as they are, in fewer iterations.
pub struct Regression {
    inputs: Tensor,
    labels: Tensor,
    mean: Tensor,
    scale: f64,
    /// Rows of classes; the last column is the bias.
    weights: Tensor,
    gradient: Tensor,
    fit: Option<(Lbfgs, f64)>,
}

impl Regression {
    /// Begins with zeros.
    pub fn new(features: &mut Features, options: &RegressionOptions) -> Result<Self> {
        let (rows, labels) = features.learned(options.seed, options.held_out)?;
        require_sides(rows.size()[1], options.classes)?;
        let rows = rows.f_to_kind(Kind::Double)?;
        let mean = rows.f_mean_dim([0].as_slice(), false, Kind::Double)?;
        let mut inputs = rows.f_sub(&mean)?;
        let square = inputs.f_square()?.f_mean(Kind::Double)?;
        // Embeddings that are all the same say nothing: any scale will do.
        let scale = Some(square.f_double_value(&[])?.sqrt())
            .filter(|scale| *scale > 0.0)
            .unwrap_or(1.0);
        let _ = inputs.f_div_scalar_(scale)?;
        let shape = [options.classes, inputs.size()[1] + 1];
        let weights = Tensor::f_zeros(shape, (Kind::Double, inputs.device()))?;
        Ok(Self {
            gradient: weights.f_zeros_like()?,
            inputs,
            labels,
            mean,
            scale,
            weights,
            fit: None,
        })
    }

    /// Begins an optimization at the weights of the one before.
    pub fn begin(&mut self, options: &RegressionFit) -> Result<()> {
        let (strength, iterations) = (options.strength, options.iterations);
        if strength < 0.0 || !(1..=MOST_ITERATIONS).contains(&iterations) {
            return Err(Error::invalid(format!(
                "Cannot regress with strength={strength} and iterations={iterations}: expected at least 0, and 1 to \
                 {MOST_ITERATIONS}"
            )));
        }
        let numbers = LbfgsNumbers {
            iterations,
            history: HISTORY,
            gradient_tolerance: options.gradient_tolerance,
            change_tolerance: options.change_tolerance,
        };
        let lbfgs = Lbfgs::open(&self.weights, &self.gradient, &numbers)?;
        self.fit = Some((lbfgs, strength));
        Ok(())
    }

    /// Goes some iterations on. Returns their number, and 1 where a tolerance has ended the optimization, else 0.
    pub fn step(&mut self) -> Result<[f64; 2]> {
        let (mut lbfgs, strength) = self.fit.take().ok_or_else(|| {
            Error::invalid("Cannot continue a regression: call byol_regression_begin first")
        })?;
        let stepped = lbfgs.step(|| self.loss(strength))?;
        self.fit = Some((lbfgs, strength));
        Ok([
            stepped.iterations as f64,
            f64::from(u8::from(stepped.converged)),
        ])
    }

    /// Returns the mean cross-entropy with its penalty at the weights, and writes the gradient.
    fn loss(&self, strength: f64) -> Result<f64> {
        let (count, width) = self.inputs.size2()?;
        let weight = self.weights.f_narrow(1, 0, width)?;
        let bias = self.weights.f_select(1, width)?;
        let mut slopes = self.gradient.f_narrow(1, 0, width)?;
        let mut offsets = self.gradient.f_select(1, width)?;
        // W here is W of the embeddings as they are, times the scale.
        let penalty = strength / (self.scale * self.scale);
        slopes.f_copy_(&weight.f_mul_scalar(penalty)?)?;
        let _ = offsets.f_zero_()?;
        let mut sum = weight
            .f_square()?
            .f_sum(Kind::Double)?
            .f_mul_scalar(penalty / 2.0)?;
        let piece = (PIECE / self.weights.size()[0]).max(1);
        for start in (0..count).step_by(piece as usize) {
            let size = piece.min(count - start);
            let inputs = self.inputs.f_narrow(0, start, size)?;
            let labels = self.labels.f_narrow(0, start, size)?.f_unsqueeze(1)?;
            let logits = inputs.f_linear(&weight, Some(&bias))?;
            let logarithms = logits.f_log_softmax(1, Kind::Double)?;
            let of_labels = logarithms.f_gather(1, &labels, false)?;
            sum = sum.f_sub(&of_labels.f_sum(Kind::Double)?)?;
            let mut residuals = logarithms.f_exp()?;
            let minus = of_labels.f_full_like(-1.0)?;
            let _ = residuals.f_scatter_add_(1, &labels, &minus)?;
            let _ = slopes.f_add_(&residuals.f_transpose(0, 1)?.f_matmul(&inputs)?)?;
            let _ = offsets.f_add_(&residuals.f_sum_dim_intlist([0].as_slice(), false, None)?)?;
        }
        let _ = self.gradient.shallow_clone().f_div_scalar_(count as f64)?;
        Ok(sum.f_double_value(&[])? / count as f64)
    }

    /// Gives a probe the weights, for embeddings as they are.
    pub fn give(&self, probe: &mut Probe) -> Result<()> {
        let width = self.inputs.size()[1];
        let weight = self
            .weights
            .f_narrow(1, 0, width)?
            .f_div_scalar(self.scale)?;
        let bias = self
            .weights
            .f_select(1, width)?
            .f_sub(&weight.f_mv(&self.mean)?)?;
        probe.set(&weight, &bias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const FIT: RegressionFit = RegressionFit {
        strength: 0.3,
        iterations: 50,
        gradient_tolerance: 1e-10,
        change_tolerance: 1e-16,
    };

    /// 60 embeddings of 5 numbers far from 0, in 3 classes.
    fn embeddings() -> (Tensor, Tensor) {
        tch::manual_seed(4);
        let labels = Tensor::arange(60, (Kind::Int64, Device::Cpu)).remainder(3);
        let noise = Tensor::randn([60, 5], (Kind::Float, Device::Cpu));
        let shifts = labels.unsqueeze(1).to_kind(Kind::Float) * 0.7;
        ((noise + shifts) * 3.0 + 20.0, labels)
    }

    fn regression(held_out: usize) -> Regression {
        let (rows, labels) = embeddings();
        let mut features = Features::of(rows, labels);
        let options = RegressionOptions {
            classes: 3,
            seed: 1,
            held_out,
        };
        Regression::new(&mut features, &options).unwrap()
    }

    fn converge(regression: &mut Regression, fit: &RegressionFit) -> f64 {
        regression.begin(fit).unwrap();
        (0..20)
            .map(|_| regression.step().unwrap())
            .take_while(|[_, converged]| *converged == 0.0)
            .count() as f64
    }

    fn probe() -> Probe {
        let options = serde_json::json!({
            "features": 5, "classes": 3, "dtype": "float64", "device": "cpu", "seed": 1,
            "momentum": 0.9, "weightDecay": 0.0,
        });
        Probe::new(serde_json::from_value(options).unwrap()).unwrap()
    }

    #[test]
    fn at_its_end_the_gradient_on_the_embeddings_as_they_are_is_zero() {
        let mut regression = regression(0);
        assert!(converge(&mut regression, &FIT) < 20.0);
        let mut probe = probe();
        {
            let _no_grad = tch::no_grad_guard();
            regression.give(&mut probe).unwrap();
        }
        let [(_, weight), (_, bias)] = <[_; 2]>::try_from(probe.state().unwrap()).unwrap();
        let (weight, bias) = (weight.copy(), bias.copy());
        let (weight, bias) = (weight.set_requires_grad(true), bias.set_requires_grad(true));
        let (rows, labels) = embeddings();
        let logits = rows.to_kind(Kind::Double).linear(&weight, Some(&bias));
        let loss =
            logits.cross_entropy_loss(&labels, None::<&Tensor>, tch::Reduction::Sum, -100, 0.0)
                + weight.square().sum(Kind::Double) * (FIT.strength / 2.0);
        loss.backward();
        for tensor in [weight, bias] {
            // That of weights of zero is some hundreds.
            let largest = tensor.grad().abs().max().double_value(&[]);
            assert!(largest < 1e-5, "{largest}");
        }
    }

    #[test]
    fn a_stronger_penalty_makes_smaller_weights_and_goes_on_from_those_before() {
        let mut regression = regression(10);
        assert_eq!(regression.inputs.size(), [50, 5]);
        let mut norms = Vec::new();
        for strength in [1e4, 1.0, 1e-2] {
            converge(&mut regression, &RegressionFit { strength, ..FIT });
            norms.push(regression.weights.narrow(1, 0, 5).norm().double_value(&[]));
        }
        assert!(norms.is_sorted() && norms[0] < 0.1 * norms[2], "{norms:?}");
        assert!(regression
            .begin(&RegressionFit {
                strength: -1.0,
                ..FIT
            })
            .is_err());
    }
}
