//! Batch normalisation over the rows of several ranks, which need not bring as many each.

use std::ffi::c_void;

use tch::{Kind, Tensor};

use super::{
    assert_agree, by_blocks, by_libtorch, relative, vector, Inputs, Results, Ways, KINDS, PARTS,
};
use crate::torch::distributed::tests::on_ranks;
use crate::torch::gpu::emulated::run;

/// Rows of each rank: alike, unlike, one row alone. More lanes than rows, and rows of several blocks.
const RANKS: [&[i64]; 4] = [&[40, 40], &[7, 83], &[20, 20, 20, 20], &[1, 60, 5, 33]];
const CHANNELS: i64 = 24;
const THREADS: u32 = 64;
const BLOCKS: u32 = 3;

impl Inputs {
    /// The rows of each rank.
    fn divided(&self, rows: &[i64]) -> Vec<Inputs> {
        let of = |tensor: &Tensor| tensor.split_with_sizes(rows, 0);
        let parts = of(&self.x)
            .into_iter()
            .zip(of(&self.shortcut))
            .zip(of(&self.dy))
            .zip(of(&self.dy_branch));
        parts
            .map(|(((x, shortcut), dy), dy_branch)| Inputs {
                x: x.copy(),
                shortcut: shortcut.copy(),
                dy: dy.copy(),
                dy_branch: dy_branch.copy(),
                weight: self.weight.copy(),
                bias: self.bias.copy(),
            })
            .collect()
    }
}

/// Makes of what the ranks found what one rank finds with all rows.
fn joined(found: &[Results]) -> Results {
    let of_all =
        |at: usize| -> Vec<&Tensor> { found.iter().map(|results| &results[at].1).collect() };
    let result = |at: usize, name: &'static str| {
        let parts = of_all(at);
        let tensor = match name {
            // Each rank's rows, one after the other.
            "y" | "dx" | "d shortcut" => Tensor::cat(&parts, 0),
            // What the ranks' gradients add up to.
            "dw" | "db" => Tensor::stack(&parts, 0).sum_dim_intlist(0, false, Kind::Float),
            // The running statistics, of which every rank has the same bits.
            _ => {
                let (first, others) = parts.split_first().expect("a rank");
                assert!(others.iter().all(|other| other.equal(first)), "{name}");
                first.copy()
            }
        };
        (name, tensor)
    };
    let names = found[0].iter().enumerate();
    names.map(|(at, (name, _))| result(at, name)).collect()
}

#[test]
fn all_ranks_rows_are_normalised_as_one_batch() {
    tch::manual_seed(6);
    for (kind, tolerance) in KINDS {
        for rows in RANKS {
            // Gradients of two ways are added before ranks matter.
            let unlike = rows == RANKS[1];
            for parts in PARTS
                .into_iter()
                .filter(|one| unlike || one.ways == Ways::One)
            {
                let inputs = Inputs::random((rows.iter().sum(), CHANNELS), kind);
                let found = on_ranks(inputs.divided(rows), |own, group| {
                    by_blocks(&own, parts, (THREADS, BLOCKS), Some(group))
                });
                let what = format!("{rows:?} rows, {kind:?}, {parts:?}");
                let expected = by_libtorch(&inputs, parts);
                assert_agree(joined(&found), expected, tolerance, &what);
            }
        }
    }
}

#[test]
fn ranks_far_from_each_other_cost_little_precision() {
    tch::manual_seed(7);
    let rows = [7, 83];
    let inputs = Inputs::random((90, CHANNELS), Kind::Float);
    let _ = inputs.x.narrow(0, 0, 7).g_add_scalar_(100.0);
    let found = on_ranks(inputs.divided(&rows), |own, group| {
        by_blocks(&own, PARTS[2], (THREADS, BLOCKS), Some(group))
    });
    assert_agree(
        joined(&found),
        by_libtorch(&inputs, PARTS[2]),
        1e-4,
        "a shifted rank",
    );
}

#[test]
fn a_group_of_one_rank_finds_the_bits_of_a_rank_alone() {
    tch::manual_seed(8);
    for (kind, _) in KINDS {
        for parts in PARTS {
            let inputs = Inputs::random((75, CHANNELS), kind);
            let alone = by_blocks(&inputs, parts, (THREADS, BLOCKS), None);
            let found = on_ranks(inputs.divided(&[75]), |own, group| {
                by_blocks(&own, parts, (THREADS, BLOCKS), Some(group))
            });
            for ((name, alone), (_, found)) in alone.iter().zip(&found[0]) {
                assert!(found.equal(alone), "{name}, {kind:?}, {parts:?}");
            }
        }
    }
}

#[test]
fn a_normalisation_takes_a_collective_in_each_direction() {
    let inputs = Inputs::random((12, CHANNELS), Kind::Float);
    let counts = on_ranks(inputs.divided(&[5, 7]), |own, group| {
        let before = group.collectives().expect("a count");
        by_blocks(&own, PARTS[2], (THREADS, BLOCKS), Some(group));
        group.collectives().expect("a count") - before
    });
    assert_eq!(counts, [2, 2]);
}

/// The phases of several ranks, one after the other in one process: arguments as the kernels take them.
struct Phases<'a> {
    inputs: &'a [Inputs],
    running: [Tensor; 2],
}

/// A tensor, or a number, that a kernel takes.
enum Argument {
    Pointer(*mut c_void),
    Long(i64),
    Int(i32),
    Float(f32),
}

fn at(tensor: &Tensor) -> Argument {
    Argument::Pointer(tensor.data_ptr())
}

fn launch(name: &str, grid: (u32, u32), mut arguments: Vec<Argument>) {
    let mut pointers: Vec<*mut c_void> = arguments
        .iter_mut()
        .map(|argument| match argument {
            Argument::Pointer(value) => std::ptr::from_mut(value).cast(),
            Argument::Long(value) => std::ptr::from_mut(value).cast(),
            Argument::Int(value) => std::ptr::from_mut(value).cast(),
            Argument::Float(value) => std::ptr::from_mut(value).cast(),
        })
        .collect();
    run(name, grid, THREADS, &mut pointers).expect("a kernel");
}

fn nan(length: i64) -> Tensor {
    vector(length, f64::NAN)
}

impl Phases<'_> {
    const ALL: i32 = CHANNELS as i32;
    /// 24 channels are 6 packs of float32: 8 threads along the channels.
    const ACROSS: i32 = 8;
    const GRID: (u32, u32) = (BLOCKS, 1);
    /// 8 threads share a channel.
    const FINISH: (u32, u32) = (3, 1);

    /// Each rank's statistics, one after the other.
    fn local(&self) -> Tensor {
        let parts = self.inputs.iter().map(|Inputs { x, .. }| {
            let (partial, own) = (nan(2 * i64::from(BLOCKS) * CHANNELS), nan(2 * CHANNELS + 1));
            let [rows, channels] = [Argument::Long(x.size()[0]), Argument::Int(Self::ALL)];
            let across = Argument::Int(Self::ACROSS);
            launch(
                "statistics_float32",
                Self::GRID,
                vec![at(x), rows, channels, across, at(&partial)],
            );
            let [rows, channels] = [Argument::Long(x.size()[0]), Argument::Int(Self::ALL)];
            let blocks = Argument::Int(BLOCKS as i32);
            launch(
                "finish_local_float32",
                Self::FINISH,
                vec![at(&partial), blocks, channels, at(x), rows, at(&own)],
            );
            own
        });
        Tensor::cat(&parts.collect::<Vec<_>>(), 0)
    }

    /// The merged statistics: mean, 1/σ and rows; and the affine map.
    fn merged(&self, parts: &Tensor) -> [Tensor; 2] {
        let [saved, affine] = [nan(2 * CHANNELS + 1), nan(2 * CHANNELS)];
        let Inputs { weight, bias, .. } = &self.inputs[0];
        let ranks = Argument::Int(self.inputs.len() as i32);
        let mut arguments = vec![at(parts), ranks, Argument::Int(Self::ALL)];
        arguments.extend([Argument::Float(1e-5), Argument::Float(0.1)]);
        arguments.extend([weight, bias, &self.running[0], &self.running[1]].map(at));
        arguments.extend([at(&saved), at(&affine)]);
        launch("merge_ranks", (1, 1), arguments);
        [saved, affine]
    }

    /// The factors of dx, without ReLU, and each rank's gradients of weight and bias.
    fn factors(&self, saved: &Tensor) -> (Tensor, Vec<[Tensor; 2]>) {
        let (mut parts, mut learned) = (Vec::new(), Vec::new());
        for Inputs { x, dy, .. } in self.inputs {
            let (partial, own) = (nan(2 * i64::from(BLOCKS) * CHANNELS), nan(2 * CHANNELS));
            let none = || Argument::Pointer(std::ptr::null_mut());
            let mut arguments = vec![at(dy), none(), none(), at(x), at(saved)];
            arguments.extend([Argument::Long(x.size()[0]), Argument::Int(Self::ALL)]);
            arguments.extend([Argument::Int(Self::ACROSS), at(&partial), none()]);
            launch("gradient_sums_float32", Self::GRID, arguments);
            let gradients = [nan(CHANNELS), nan(CHANNELS)];
            let mut arguments = vec![at(&partial), Argument::Int(BLOCKS as i32)];
            arguments.push(Argument::Int(Self::ALL));
            arguments.extend(gradients.iter().map(at).chain([at(&own)]));
            launch("finish_gradients_local", Self::FINISH, arguments);
            parts.push(own);
            learned.push(gradients);
        }
        let (parts, factors) = (Tensor::cat(&parts, 0), nan(3 * CHANNELS));
        let ranks = Argument::Int(self.inputs.len() as i32);
        let mut arguments = vec![at(&parts), ranks, Argument::Int(Self::ALL)];
        arguments.extend([&self.inputs[0].weight, saved, &factors].map(at));
        launch("merge_gradients", (1, 1), arguments);
        (factors, learned)
    }
}

/// Mean and variance of each channel in float64.
fn moments(x: &Tensor) -> [Tensor; 2] {
    let x = x.to_kind(Kind::Double);
    let mean = x.mean_dim(&[0i64][..], false, Kind::Double);
    let variance = (&x - &mean)
        .square()
        .mean_dim(&[0i64][..], false, Kind::Double);
    [mean, variance]
}

#[test]
fn each_phase_leaves_what_the_next_one_takes() {
    tch::manual_seed(9);
    const TOLERANCE: f64 = 2e-6;
    let whole_number = |tensor: &Tensor| tensor.double_value(&[]) as i64;
    for rows in RANKS.into_iter().chain([&[50i64][..], &[4, 9, 30]]) {
        let whole = Inputs::random((rows.iter().sum(), CHANNELS), Kind::Float);
        let inputs = whole.divided(rows);
        let phases = Phases {
            inputs: &inputs,
            running: [vector(CHANNELS, 0.25), vector(CHANNELS, 2.0)],
        };
        let local = phases.local();
        let of_ranks = local.view([rows.len() as i64, 2 * CHANNELS + 1]);
        for (rank, part) in of_ranks.unbind(0).iter().enumerate() {
            let [mean, variance] = moments(&inputs[rank].x);
            assert!(relative(&part.narrow(0, 0, CHANNELS), &mean) < TOLERANCE);
            // A single row has no variance at all.
            let distance = &part.narrow(0, CHANNELS, CHANNELS) - &variance;
            let distance = distance.to_kind(Kind::Double).norm() / (variance.norm() + 1e-6);
            assert!(distance.double_value(&[]) < 10.0 * TOLERANCE, "variance");
            assert_eq!(whole_number(&part.get(2 * CHANNELS)), rows[rank]);
        }
        let [saved, affine] = phases.merged(&local);
        let [mean, variance] = moments(&whole.x);
        let scale = (&variance + 1e-5).rsqrt();
        let all: i64 = rows.iter().sum();
        let what = format!("{rows:?} rows");
        let pair = |a: &Tensor, b: Tensor| Tensor::cat(&[a, &b], 0);
        let unbiased = &variance * (all as f64 / (all - 1) as f64);
        let slope = &whole.weight * &scale;
        let running = Tensor::cat(&phases.running, 0);
        let moved = pair(&(&mean * 0.1 + 0.25 * 0.9), unbiased * 0.1 + 2.0 * 0.9);
        let dy = whole.dy.to_kind(Kind::Double);
        let normalised = (&whole.x - &mean) * &scale;
        let sums = [&dy, &(&dy * &normalised)].map(|g| g.sum_dim_intlist(0, false, Kind::Double));
        let b = -(&slope * &scale * &sums[1] / all as f64);
        let c = -(&slope * &sums[0] / all as f64) - &b * &mean;
        let (factors, learned) = phases.factors(&saved);
        let gradients = [0, 1].map(|at: usize| learned.iter().map(|one| &one[at]).collect());
        let gradients = gradients.map(|parts: Vec<&Tensor>| {
            Tensor::stack(&parts, 0).sum_dim_intlist(0, false, Kind::Double)
        });
        let found = vec![
            ("statistics", saved.narrow(0, 0, 2 * CHANNELS)),
            ("affine", affine),
            ("running", running),
            ("factors", factors),
            ("gradients", Tensor::cat(&gradients, 0)),
        ];
        let expected = vec![
            ("statistics", pair(&mean, scale.copy())),
            ("affine", pair(&slope, &whole.bias - &mean * &slope)),
            ("running", moved),
            ("factors", Tensor::cat(&[&slope, &b, &c], 0)),
            ("gradients", Tensor::cat(&[&sums[1], &sums[0]], 0)),
        ];
        assert_eq!(whole_number(&saved.get(2 * CHANNELS)), all);
        assert_agree(found, expected, 10.0 * TOLERANCE, &what);
    }
}
