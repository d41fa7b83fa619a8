//! LARS and the moving average by the kernels, beside their formulas in float64.

use tch::{Device, Kind, Tensor};

use super::relative;
use crate::torch::foreach::{lars, move_average, LarsNumbers};
use crate::torch::gpu::emulated::Emulated;
use crate::torch::grad_mode::GradMode;

const TOLERANCE: f64 = 1e-6;
/// Threads of a block, blocks of the longest tensor.
const SHAPES: [(u32, u32); 2] = [(32, 1), (64, 3)];
const RATE: f64 = 0.3;

/// The three variants: the rate within the momentum, after it, and clipped.
const VARIANTS: [(bool, bool); 3] = [(true, false), (false, false), (false, true)];

fn numbers((rate_inside, clipped): (bool, bool)) -> LarsNumbers {
    LarsNumbers {
        momentum: 0.9,
        weight_decay: 0.05,
        eta: 0.02,
        rate_inside,
        clipped,
    }
}

fn number(value: f64) -> Tensor {
    Tensor::from(value as f32)
}

/// Weights, gradients and momentum: lists of one order.
struct Learned([Vec<Tensor>; 3]);

impl Learned {
    fn random(shapes: &[&[i64]]) -> Self {
        Self([0; 3].map(|_| {
            let random = |shape: &&[i64]| Tensor::randn(*shape, (Kind::Float, Device::Cpu));
            shapes.iter().map(random).collect()
        }))
    }

    fn copy(&self) -> Self {
        Self(
            self.0
                .each_ref()
                .map(|list| list.iter().map(Tensor::copy).collect()),
        )
    }

    fn step(&self, numbers: &LarsNumbers, skip: Option<&Tensor>) {
        let lists = self
            .0
            .each_ref()
            .map(|list| list.iter().collect::<Vec<_>>());
        let lists = lists.each_ref().map(Vec::as_slice);
        lars(lists, numbers, &number(RATE), skip).expect("a step");
    }

    /// Compares weights and momentum with a step of the formula from `before`.
    fn assert_follows(&self, before: &Self, numbers: &LarsNumbers, what: &str) {
        for at in 0..self.0[0].len() {
            let given = before.0.each_ref().map(|list| &list[at]);
            let [weight, momentum] = by_formula(given, numbers);
            for (found, expected) in [(&self.0[0][at], weight), (&self.0[2][at], momentum)] {
                let distance = relative(found, &expected);
                assert!(distance <= TOLERANCE, "{what}, tensor {at}: {distance:e}");
            }
        }
    }
}

/// Weight and momentum after a step of LARS, in float64.
fn by_formula(given: [&Tensor; 3], numbers: &LarsNumbers) -> [Tensor; 2] {
    let [weight, gradient, momentum] = given.map(|tensor| tensor.to_kind(Kind::Double));
    // The numbers that float32 has.
    let float = |value: f64| f64::from(value as f32);
    let (decay, eta, rate) = (float(numbers.weight_decay), float(numbers.eta), float(RATE));
    let norm = |tensor: &Tensor| tensor.norm().double_value(&[]);
    let (mut update, mut factor) = (gradient.copy(), 1.0);
    if weight.dim() > 1 {
        update = &gradient + &weight * decay;
        let (of_weight, of_update) = (norm(&weight), norm(&update));
        factor = match numbers.clipped {
            true if norm(&gradient) == 0.0 => 0.0,
            _ if of_weight == 0.0 => 1.0,
            true => {
                let length = norm(&gradient) + decay * of_weight + 1e-8;
                (eta * of_weight / length / rate).min(1.0)
            }
            false if of_update == 0.0 => 1.0,
            false => eta * of_weight / of_update,
        };
    }
    let (inside, outside) = if numbers.rate_inside {
        (rate, 1.0)
    } else {
        (1.0, rate)
    };
    let momentum = momentum * float(numbers.momentum) + update * (factor * inside);
    [weight - &momentum * outside, momentum]
}

/// A convolution, matrices whose elements fill some blocks and a part of another, vectors.
const TENSORS: [&[i64]; 6] = [&[4, 3, 3, 3], &[37, 11], &[2, 2], &[130], &[1], &[5, 40]];

#[test]
fn lars_moves_weights_and_momentum_by_its_formula() {
    tch::manual_seed(12);
    let _no_grad = GradMode::set(false);
    for variant in VARIANTS {
        for (threads, blocks) in SHAPES {
            let _emulated = Emulated::begin(threads, blocks);
            let learned = Learned::random(&TENSORS);
            // Weights, and gradients, without a norm.
            let _ = learned.0[0][2].shallow_clone().zero_();
            let _ = learned.0[1][5].shallow_clone().zero_();
            for step in 0..2 {
                let before = learned.copy();
                learned.step(&numbers(variant), None);
                let what = format!("{variant:?} by {threads} threads, step {step}");
                learned.assert_follows(&before, &numbers(variant), &what);
            }
        }
    }
}

#[test]
fn a_launch_after_the_first_one_goes_on_with_the_tensors_that_are_left() {
    tch::manual_seed(13);
    let _no_grad = GradMode::set(false);
    let _emulated = Emulated::begin(8, 1);
    let learned = Learned::random(&[&[2, 3][..]; 100]);
    let before = learned.copy();
    learned.step(&numbers(VARIANTS[0]), None);
    learned.assert_follows(&before, &numbers(VARIANTS[0]), "100 matrices");
}

#[test]
fn tensors_in_another_order_in_memory_are_moved_by_libtorch() {
    tch::manual_seed(14);
    let _no_grad = GradMode::set(false);
    let _emulated = Emulated::begin(32, 2);
    let mut learned = Learned::random(&TENSORS);
    learned.0[1][1] = learned.0[1][1].transpose(0, 1).contiguous().transpose(0, 1);
    let before = learned.copy();
    learned.step(&numbers(VARIANTS[0]), None);
    learned.assert_follows(&before, &numbers(VARIANTS[0]), "transposed");
}

#[test]
fn a_skipped_step_moves_nothing_and_one_that_is_not_skipped_all() {
    tch::manual_seed(15);
    let _no_grad = GradMode::set(false);
    let _emulated = Emulated::begin(32, 2);
    for variant in VARIANTS {
        let learned = Learned::random(&TENSORS);
        let before = learned.copy();
        learned.step(&numbers(variant), Some(&Tensor::from(false)));
        learned.assert_follows(&before, &numbers(variant), "not skipped");
        for gradient in &learned.0[1] {
            let _ = gradient.shallow_clone().fill_(f64::NAN);
        }
        let before = learned.copy();
        learned.step(&numbers(variant), Some(&Tensor::from(true)));
        for which in [0, 2] {
            let pairs = learned.0[which].iter().zip(&before.0[which]);
            assert!(pairs.into_iter().all(|(now, then)| now.equal(then)));
        }
    }
}

#[test]
fn the_average_moves_targets_by_its_formula() {
    tch::manual_seed(16);
    let _no_grad = GradMode::set(false);
    for (threads, blocks) in SHAPES {
        let _emulated = Emulated::begin(threads, blocks);
        let Learned([targets, online, _]) = Learned::random(&TENSORS);
        let before: Vec<Tensor> = targets.iter().map(Tensor::copy).collect();
        let lists = [&targets, &online].map(|list| list.iter().collect::<Vec<_>>());
        move_average(&lists[0], &lists[1], &number(0.004)).expect("a step");
        for ((found, before), online) in targets.iter().zip(&before).zip(&online) {
            let (before, online) = (before.to_kind(Kind::Double), online.to_kind(Kind::Double));
            let expected = &before + (online - &before) * f64::from(0.004_f32);
            assert!(relative(found, &expected) <= TOLERANCE);
        }
    }
}
