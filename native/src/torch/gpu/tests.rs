//! The kernels, run by the processor, beside float64: batch normalisation by one rank, in phases, and by the ranks of a real
//! process group; the optimizer.

mod optimizer;
mod ranks;

use tch::{Device, Kind, Tensor};

use super::batch_norm::{Forked, NormMode, Normalised};
use super::emulated::Emulated;
use crate::torch::distributed::Group;
use crate::torch::grad_mode::GradMode;

/// Types, and how far a result may be from float64's: the norm of the difference by that of the result.
const KINDS: [(Kind, f64); 3] = [
    (Kind::Float, 2e-6),
    (Kind::BFloat16, 8e-3),
    (Kind::Half, 1e-3),
];

fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let distance = (found - &expected).norm() / expected.norm();
    f64::try_from(distance).expect("a number")
}

/// Returns random values, rounded to a kind.
fn random(shape: [i64; 2], kind: Kind) -> Tensor {
    (Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 3.0).to_kind(kind)
}

/// Rows, channels, threads of a block, blocks along the rows.
type Shape = (i64, i64, u32, u32);

/// More lanes than rows; packs that fill a part of the last group of blocks alone; the launcher's own number of threads.
const SHAPES: [Shape; 5] = [
    (60, 16, 64, 7),
    (3, 16, 64, 2),
    (5, 8, 32, 1),
    (75, 296, 64, 3),
    (90, 24, 256, 2),
];

/// The ways that an output goes: one, or two, whose gradients autograd adds, or the kernels where the output is forked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ways {
    One,
    Added,
    Forked,
}

/// A batch normalisation: whether a shortcut is added, whether ReLU follows, and where the output goes.
#[derive(Clone, Copy, Debug)]
struct Parts {
    shortcut: bool,
    relu: bool,
    ways: Ways,
}

const fn parts(shortcut: bool, relu: bool, ways: Ways) -> Parts {
    Parts {
        shortcut,
        relu,
        ways,
    }
}

/// A network's own: before a shortcut's addition, inside of a block, at its end, and both of the latter where a block
/// follows.
const PARTS: [Parts; 5] = [
    parts(false, false, Ways::One),
    parts(false, true, Ways::One),
    parts(true, true, Ways::One),
    parts(false, true, Ways::Forked),
    parts(true, true, Ways::Forked),
];

/// Inputs of a forward and backward pass, as they lie in memory.
struct Inputs {
    x: Tensor,
    shortcut: Tensor,
    dy: Tensor,
    /// The gradient of the second way.
    dy_branch: Tensor,
    weight: Tensor,
    bias: Tensor,
}

impl Inputs {
    fn random((rows, channels): (i64, i64), kind: Kind) -> Self {
        let [x, shortcut, dy] = [0; 3].map(|_| random([rows, channels], kind));
        Self {
            // Around −3, as dy is around 3.
            dy_branch: shortcut.flip([0]).neg(),
            x,
            shortcut,
            dy,
            weight: Tensor::randn([channels], (Kind::Float, Device::Cpu)) - 2.0,
            bias: Tensor::randn([channels], (Kind::Float, Device::Cpu)),
        }
    }
}

/// Results by name.
type Results = Vec<(&'static str, Tensor)>;

fn vector(channels: i64, value: f64) -> Tensor {
    Tensor::full([channels], value, (Kind::Float, Device::Cpu))
}

/// Returns what libtorch computes in float64.
fn by_libtorch(inputs: &Inputs, parts: Parts) -> Results {
    let _grad = GradMode::set(true);
    let leaf = |tensor: &Tensor| tensor.to_kind(Kind::Double).set_requires_grad(true);
    let Inputs {
        x,
        shortcut,
        dy,
        dy_branch,
        weight,
        bias,
    } = inputs;
    let [x, shortcut, weight, bias] = [x, shortcut, weight, bias].map(leaf);
    let channels = weight.size()[0];
    let [mean, variance] = [0.25, 2.0].map(|value| vector(channels, value).to_kind(Kind::Double));
    let (affine, running) = ((Some(&weight), Some(&bias)), (Some(&mean), Some(&variance)));
    let mut y = x.batch_norm(
        affine.0, affine.1, running.0, running.1, true, 0.1, 1e-5, false,
    );
    if parts.shortcut {
        y += &shortcut;
    }
    if parts.relu {
        y = y.relu();
    }
    let mut dy = dy.to_kind(Kind::Double);
    if parts.ways != Ways::One {
        dy += dy_branch.to_kind(Kind::Double);
    }
    (&y * dy).sum(Kind::Double).backward();
    let mut results = vec![
        ("y", y),
        ("dx", x.grad()),
        ("dw", weight.grad()),
        ("db", bias.grad()),
        ("mean", mean),
        ("variance", variance),
    ];
    if parts.shortcut {
        results.push(("d shortcut", shortcut.grad()));
    }
    results
}

/// Returns what the kernels compute in blocks of threads, of all ranks' rows where there is a group.
fn by_blocks(
    inputs: &Inputs,
    parts: Parts,
    (threads, blocks): (u32, u32),
    group: Option<&Group>,
) -> Results {
    let _grad = GradMode::set(true);
    let emulated = Emulated::begin(threads, blocks);
    let leaf = |tensor: &Tensor| tensor.detach().copy().set_requires_grad(true);
    let [x, shortcut, weight, bias] =
        [&inputs.x, &inputs.shortcut, &inputs.weight, &inputs.bias].map(leaf);
    let channels = weight.size()[0];
    let (mean, variance) = (vector(channels, 0.25), vector(channels, 2.0));
    let norm = Normalised {
        weight: &weight,
        bias: &bias,
        mean: &mean,
        variance: &variance,
    };
    let mode = NormMode {
        group,
        ..mode(parts.relu)
    };
    let added = parts.shortcut.then_some(&shortcut);
    let gpu = emulated.gpu;
    let (y, branch) = if parts.ways == Ways::Forked {
        let forked = gpu.batch_norm_forked(&x, added, &norm, mode);
        let Forked { main, branch } = forked.expect("a normalised batch");
        (main, branch)
    } else {
        let y = gpu.batch_norm(&x, added, &norm, mode);
        let y = y.expect("a normalised batch");
        (y.shallow_clone(), y)
    };
    let mut weighed = (&y * &inputs.dy).sum(Kind::Float);
    if parts.ways != Ways::One {
        weighed += (&branch * &inputs.dy_branch).sum(Kind::Float);
    }
    weighed.backward();
    let mut results = vec![
        ("y", y.detach()),
        ("dx", x.grad()),
        ("dw", weight.grad()),
        ("db", bias.grad()),
        ("mean", mean),
        ("variance", variance),
    ];
    if parts.shortcut {
        results.push(("d shortcut", shortcut.grad()));
    }
    results
}

fn mode(relu: bool) -> NormMode<'static> {
    NormMode {
        train: true,
        group: None,
        momentum: 0.1,
        epsilon: 1e-5,
        relu,
    }
}

fn assert_agree(found: Results, expected: Results, tolerance: f64, what: &str) {
    for ((name, found), (_, expected)) in found.into_iter().zip(expected) {
        let distance = relative(&found, &expected);
        assert!(distance <= tolerance, "{name}, {what}: {distance:e}");
    }
}

#[test]
fn batch_normalisation_with_shortcut_and_relu_is_that_of_libtorch() {
    tch::manual_seed(3);
    for (kind, tolerance) in KINDS {
        for parts in PARTS {
            for (rows, channels, threads, blocks) in SHAPES {
                let inputs = Inputs::random((rows, channels), kind);
                let found = by_blocks(&inputs, parts, (threads, blocks), None);
                let what = format!("{rows} × {channels} by {threads} threads, {kind:?}, {parts:?}");
                // Few rows: their variance may be small beside the values, whose rounding then weighs more.
                let allowed = if rows < 10 {
                    40.0 * tolerance
                } else {
                    tolerance
                };
                assert_agree(found, by_libtorch(&inputs, parts), allowed, &what);
            }
        }
    }
}

#[test]
fn gradients_of_two_ways_are_added_to_the_bits_that_autograd_makes() {
    tch::manual_seed(10);
    for (kind, _) in KINDS {
        for shortcut in [false, true] {
            let inputs = Inputs::random((75, 24), kind);
            let by = |ways| by_blocks(&inputs, parts(shortcut, true, ways), (64, 3), None);
            for ((name, forked), (_, added)) in by(Ways::Forked).iter().zip(by(Ways::Added)) {
                assert!(forked.equal(&added), "{name}, {kind:?}, {shortcut}");
            }
        }
    }
}

#[test]
fn a_way_without_a_gradient_adds_nothing() {
    tch::manual_seed(11);
    let _grad = GradMode::set(true);
    let inputs = Inputs::random((20, 16), Kind::Float);
    let alone = by_blocks(&inputs, parts(false, true, Ways::One), (64, 3), None);
    let (_, expected) = alone.iter().find(|(name, _)| *name == "dx").expect("dx");
    let (mean, variance) = (vector(16, 0.25), vector(16, 2.0));
    let norm = Normalised {
        weight: &inputs.weight,
        bias: &inputs.bias,
        mean: &mean,
        variance: &variance,
    };
    for way in 0..2 {
        let emulated = Emulated::begin(64, 3);
        let x = inputs.x.copy().set_requires_grad(true);
        let forked = emulated.gpu.batch_norm_forked(&x, None, &norm, mode(true));
        let Forked { main, branch } = forked.expect("a normalised batch");
        let y = [main, branch].into_iter().nth(way).expect("a way");
        (&y * &inputs.dy).sum(Kind::Float).backward();
        assert!(x.grad().equal(expected), "way {way}");
    }
}

#[test]
fn an_outlier_among_the_rows_costs_little_precision() {
    tch::manual_seed(4);
    // The first row is the pivot that the sums are taken around.
    for row in [0, 7, 74] {
        let inputs = Inputs::random((75, 16), Kind::Float);
        let _ = inputs.x.get(row).fill_(60.0);
        for parts in PARTS {
            let found = by_blocks(&inputs, parts, (64, 3), None);
            assert_agree(
                found,
                by_libtorch(&inputs, parts),
                1e-4,
                &format!("outlier in row {row}, {parts:?}"),
            );
        }
    }
}

#[test]
fn evaluation_normalises_by_the_running_statistics() {
    tch::manual_seed(5);
    let _no_grad = GradMode::set(false);
    let emulated = Emulated::begin(64, 2);
    let Inputs {
        x,
        shortcut,
        weight,
        bias,
        ..
    } = Inputs::random((9, 16), Kind::Float);
    let (mean, variance) = (&bias + 1.0, weight.square() + 0.1);
    let norm = Normalised {
        weight: &weight,
        bias: &bias,
        mean: &mean,
        variance: &variance,
    };
    let evaluated = NormMode {
        train: false,
        ..mode(true)
    };
    let found = emulated
        .gpu
        .batch_norm(&x, Some(&shortcut), &norm, evaluated)
        .expect("a normalised batch");
    let scale = &weight / (&variance + 1e-5).sqrt();
    let expected = ((&x - &mean) * &scale + &bias + &shortcut).relu();
    assert!(relative(&found, &expected) < 1e-6);
}
