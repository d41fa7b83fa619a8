//! Steps of learners over the ranks of a real process group, with activations computed again, in micro-batches: by the fused
//! kernels, which the processor runs here, and by the processor's own batch normalisation.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::{Learner, LearnerOptions, MicroBatch, StepViews};
use crate::optimizer::lars::{LarsStep, LarsVariant};
use crate::torch::distributed::tests::on_ranks;
use crate::torch::distributed::Group;
use crate::torch::gpu::emulated::{Counted, Emulated};
use crate::torch::grad_mode::GradMode;

const RANKS: usize = 2;
const MICRO_BATCHES: u32 = 2;
/// Images of one rank's micro-batch.
const IMAGES: i64 = 3;
const SIDE: i64 = 8;
/// Few threads: the processor starts each anew.
const THREADS: (u32, u32) = (32, 1);

fn options(network: &str, activation_checkpointing: bool) -> LearnerOptions {
    let options = serde_json::json!({
        "resnetType": network, "stem": if network == "resnet50" { "imagenet" } else { "cifar" },
        "hiddenDim": 16, "zDim": 8, "heads": "reference", "bnViews": "joint", "larsVariant": "reference",
        "rotation": null, "dtype": "float32", "device": "cpu", "precision": "normal",
        "activationCheckpointing": activation_checkpointing, "seed": 5,
    });
    serde_json::from_value(options).expect("options")
}

/// Both views of each micro-batch, of all ranks' images.
fn batches() -> Vec<[Tensor; 2]> {
    tch::manual_seed(11);
    let images = RANKS as i64 * IMAGES;
    let view = || Tensor::randn([images, 3, SIDE, SIDE], (Kind::Float, Device::Cpu));
    (0..MICRO_BATCHES).map(|_| [view(), view()]).collect()
}

fn forward_backward(learner: &mut Learner, batches: &[[Tensor; 2]]) {
    for (index, [view1, view2]) in (0..).zip(batches) {
        let views = StepViews {
            pair: [view1, view2],
            turned: None,
        };
        let count = batches.len() as u32;
        let of_step = MicroBatch { index, count };
        learner.forward_backward(views, of_step).expect("a step");
    }
}

/// Results of a step's passes on one rank, and the collectives that these took.
struct Found {
    collectives: u64,
    loss: f64,
    gradients: Vec<Tensor>,
    statistics: Vec<Tensor>,
}

fn found(learner: &Learner, collectives: u64) -> Found {
    let online = learner.online_parameters();
    let networks = [&learner.encoder.parameters, &learner.target_encoder];
    let buffers = networks.into_iter().flat_map(|network| &network.entries);
    Found {
        collectives,
        loss: learner
            .last
            .as_ref()
            .expect("a step")
            .loss
            .double_value(&[]),
        gradients: online.iter().map(|one| one.grad().copy()).collect(),
        statistics: buffers
            .filter(|entry| entry.name.contains("running_") || entry.name.contains("num_"))
            .map(|entry| entry.tensor.copy())
            .collect(),
    }
}

/// The batch normalisation of a test's ranks.
#[derive(Clone, Copy)]
enum Norms {
    Fused,
    Processor,
}

/// Runs a step of two micro-batches on every rank.
fn by_ranks(norms: Norms, activation_checkpointing: bool, sync_bn: bool) -> Vec<Found> {
    let whole = batches();
    let given = |rank: usize| {
        let own = |view: &Tensor| view.narrow(0, rank as i64 * IMAGES, IMAGES).copy();
        let views: Vec<_> = whole.iter().map(|pair| pair.each_ref().map(own)).collect();
        // One learner after the other: they draw their weights from one generator.
        let learner = Learner::new(options("resnet20", activation_checkpointing));
        (learner.expect("a learner"), views)
    };
    on_ranks(
        (0..RANKS).map(given).collect(),
        |(mut learner, views), group| {
            let _emulated =
                matches!(norms, Norms::Fused).then(|| Emulated::begin(THREADS.0, THREADS.1));
            learner.join(group, sync_bn).expect("the other ranks");
            let before = group.collectives().expect("a count");
            forward_backward(&mut learner, &views);
            let collectives = group.collectives().expect("a count") - before;
            found(&learner, collectives)
        },
    )
}

fn norm(tensor: &Tensor) -> f64 {
    tensor.to_kind(Kind::Double).norm().double_value(&[])
}

#[test]
fn two_ranks_in_two_micro_batches_normalise_as_one_and_gather_once_in_each_direction() {
    checked_on_two_ranks(Norms::Fused);
}

#[test]
fn a_processors_ranks_gather_nothing_where_a_block_is_computed_again() {
    checked_on_two_ranks(Norms::Processor);
}

/// Counts the collectives of two ranks with and without activation checkpointing, and compares both with each other and
/// with one rank.
fn checked_on_two_ranks(norms: Norms) {
    // As for every call of the program; a pass that needs them keeps gradients itself.
    let _no_grad = GradMode::set(false);
    // ResNet-20: the stem, 9 blocks of two; a normalisation in the projector, and one in the predictor.
    let online = 1 + 9 * 2 + 1 + 1;
    let target = 1 + 9 * 2 + 1;
    // One gathering for a forward, one for a backward pass, and none where a block is computed again.
    let gathered = u64::from(MICRO_BATCHES) * (online + target + online);
    // Without joint statistics, what is left are the averages of the gradients.
    let apart = by_ranks(norms, true, false);
    let averages = apart[0].collectives;
    assert!((1..=3).contains(&averages), "{averages} averages");
    let kept = by_ranks(norms, false, true);
    let again = by_ranks(norms, true, true);
    for found in kept.iter().chain(&again) {
        assert_eq!(found.collectives, gathered + averages);
    }
    for rank in 0..RANKS {
        let pairs = |of: fn(&Found) -> &[Tensor]| of(&kept[rank]).iter().zip(of(&again[rank]));
        assert_eq!(kept[rank].loss, again[rank].loss);
        assert!(pairs(|one| &one.gradients).all(|(kept, again)| kept.equal(again)));
        assert!(pairs(|one| &one.statistics).all(|(kept, again)| kept.equal(again)));
    }
    let [first, second] = &again[..] else {
        panic!("expected two ranks")
    };
    let pairs = first.gradients.iter().chain(&first.statistics);
    let pairs = pairs.zip(second.gradients.iter().chain(&second.statistics));
    assert!(pairs.into_iter().all(|(one, other)| one.equal(other)));

    equals_one_rank([first, second]);
}

/// Compares the mean loss of two ranks, their gradients and running statistics with those of one rank with all images.
fn equals_one_rank([first, second]: [&Found; 2]) {
    // By libtorch's own operations.
    let mut alone = Learner::new(options("resnet20", false)).expect("a learner");
    forward_backward(&mut alone, &batches());
    let alone = self::found(&alone, 0);
    let loss = (first.loss + second.loss) / 2.0;
    assert!(
        (loss - alone.loss).abs() < 1e-5 * alone.loss,
        "{loss}, {}",
        alone.loss
    );
    let largest = alone.gradients.iter().map(norm).fold(0.0, f64::max);
    let results = |found: &Found| -> Vec<Tensor> {
        let both = found.gradients.iter().chain(&found.statistics);
        both.map(|one| one.to_kind(Kind::Double)).collect()
    };
    for (one, other) in results(first).iter().zip(results(&alone)) {
        let distance = norm(&(one - &other));
        // A gradient that is zero but for rounding is compared with the others.
        assert!(
            distance <= 1e-3 * norm(&other).max(1e-4 * largest),
            "{distance:e}"
        );
    }
}

/// Counts what the kernels launch and move in a step of two images of 32 pixels, in float32: in the passes, and in the
/// update of weights and target.
fn counted(network: &str, group: Option<&Arc<Group>>) -> [(u64, u64); 2] {
    let _no_grad = GradMode::set(false);
    let mut learner = Learner::new(options(network, false)).expect("a learner");
    if let Some(group) = group {
        learner.join(group, true).expect("the other ranks");
    }
    let counting = Counted::begin();
    let view = || Tensor::randn([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    forward_backward(&mut learner, &[[view(), view()]]);
    let passes = counting.counts();
    let step = LarsStep {
        variant: LarsVariant::Reference,
        learning_rate: 0.1,
        momentum: 0.9,
        weight_decay: 1e-6,
        eta: 1e-3,
    };
    learner.apply_update(&step).expect("an update");
    learner.move_target(0.99).expect("a target");
    let all = counting.counts();
    let update = (all.launches - passes.launches, all.bytes - passes.bytes);
    [(passes.launches, passes.bytes), update]
}

/// The numbers of bench/traffic.ts, which its test compares with the same ones.
#[test]
fn a_step_launches_and_moves_what_the_count_of_traffic_says() {
    for (network, alone, with_ranks, update) in [
        ("resnet20", (186, 39_609_184), 248, (4, 10_807_200)),
        ("resnet18", (195, 127_259_488), 260, (4, 447_018_528)),
        ("resnet50", (492, 47_576_416), 656, (6, 941_221_408)),
    ] {
        assert_eq!(counted(network, None), [alone, update], "{network}");
        let found = on_ranks(vec![()], |(), group| counted(network, Some(group))).remove(0);
        assert_eq!(found, [(with_ranks, alone.1), update], "{network}");
    }
}
