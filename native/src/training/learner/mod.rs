//! The online and the target network, and what a step of BYOL does to them.

mod files;
mod metrics;
mod options;
mod recording;
mod state;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

pub use files::{BackgroundSaveOptions, LoadOptions, SaveOptions};
pub use options::{BnViews, Dtype, LearnerOptions};

use super::online_probe::{OnlineProbe, ProbeRates};
use crate::error::{Error, Result};
use crate::network::heads::Head;
use crate::network::layers::Pass;
use crate::network::loss::byol_loss;
use crate::network::parameters::{Parameters, Role};
use crate::network::resnet::ResNet;
use crate::optimizer::lars::{LarsStep, LarsVariant, Learned};
use crate::torch::autocast::{Autocast, Precision};
use crate::torch::distributed::{Group, Reducer};
use crate::torch::foreach::{fill_zeros, move_average};
use crate::torch::gpu::gpu;
use crate::torch::grad_mode::GradMode;
use crate::torch::memory::keep_freed_memory;
use crate::torch::scaler::Scaler;
use recording::{Rates, Recorded};

/// Images of one piece of an embedding: with resnet18, half a second on two cores.
const EMBED_PIECE: usize = 32;
/// A GPU is only busy with more.
const EMBED_PIECE_ON_GPU: usize = 512;

/// Images of the pieces that ranks divide a batch in. Not the GPU's, which would leave a probe's batch of 256 to one rank.
pub const SHARED_PIECE: usize = EMBED_PIECE;

/// How many images are embedded at once: a signal is seen between such pieces.
fn embed_piece(device: Device) -> usize {
    if device.is_cuda() {
        EMBED_PIECE_ON_GPU
    } else {
        EMBED_PIECE
    }
}

struct Part<L> {
    layer: L,
    parameters: Parameters,
}

/// Online encoder, projector and predictor; target encoder and projector; LARS momentum.
pub struct Learner {
    // First, so that it is dropped before the parameters it watches.
    ranks: Option<RankLink>,
    encoder: Part<ResNet>,
    projector: Part<Head>,
    predictor: Part<Head>,
    target_encoder: Parameters,
    target_projector: Parameters,
    momentum: Vec<(String, Tensor)>,
    options: LearnerOptions,
    kind: Kind,
    device: Device,
    scaler: Option<Scaler>,
    last: Option<LastStep>,
    probe: Option<OnlineProbe>,
    rates: Rates,
    recorded: Option<Recorded>,
}

/// What the online network made of a batch.
pub struct Outputs {
    pub embedding: Tensor,
    pub projection: Tensor,
    pub prediction: Tensor,
}

/// The other ranks, and what averages gradients over them.
struct RankLink {
    reducer: Reducer,
    group: Arc<Group>,
}

/// One of the equal micro-batches of a step's batch.
#[derive(Clone, Copy)]
pub struct MicroBatch {
    pub index: u32,
    pub count: u32,
}

/// Values of the last step's micro-batches for the metrics: mean loss so far, projections of each micro-batch, embeddings
/// of view 1 and their labels.
struct LastStep {
    loss: Tensor,
    projections: Vec<Tensor>,
    embeddings: Vec<Tensor>,
    labels: Vec<Tensor>,
}

impl Learner {
    /// Initial weights are drawn in float32 by the processor, whatever dtype and device, so that all runs start alike.
    pub fn new(options: LearnerOptions) -> Result<Self> {
        options.validate()?;
        keep_freed_memory();
        let device = options.device.open()?;
        unsafe { torch_sys::at_manual_seed(options.seed as i64) };
        let kind = options.dtype.kind();
        let (hidden, outputs) = (options.hidden_dim, options.z_dim);
        let mut encoder = build((kind, device), |parameters| {
            ResNet::new(parameters, &options.resnet_type, &options.stem)
        })?;
        let features = encoder.layer.features;
        let projector = build((kind, device), |parameters| {
            Head::new(parameters, features, hidden, outputs)
        })?;
        let predictor = build((kind, device), |parameters| {
            Head::new(parameters, outputs, hidden, outputs)
        })?;
        let mut momentum = Vec::new();
        for (part, parameters) in [
            ("encoder", &encoder.parameters),
            ("projector", &projector.parameters),
            ("predictor", &predictor.parameters),
        ] {
            for entry in parameters.learned() {
                let zeros = entry.tensor.f_detach()?.f_zeros_like()?;
                momentum.push((format!("{part}.{}", entry.name), zeros));
            }
        }
        let recompute = options.activation_checkpointing;
        encoder.parameters.recompute = recompute.then_some(options.precision);
        Ok(Self {
            ranks: None,
            target_encoder: replica(&encoder.parameters)?,
            target_projector: replica(&projector.parameters)?,
            encoder,
            projector,
            predictor,
            momentum,
            scaler: match options.precision {
                Precision::Fp16 => Some(Scaler::new(device)?),
                Precision::Normal | Precision::Bf16 => None,
            },
            options,
            kind,
            device,
            last: None,
            probe: None,
            rates: Rates {
                learning_rate: Tensor::f_zeros([0; 0], (kind, device))?,
                online_share: Tensor::f_zeros([0; 0], (kind, device))?,
            },
            recorded: None,
        })
    }

    pub fn features(&self) -> i64 {
        self.encoder.layer.features
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn device(&self) -> Device {
        self.device
    }

    pub fn precision(&self) -> Precision {
        self.options.precision
    }

    /// Joins this learner with those of the other ranks: all go on from rank 0's state, and gradients are averaged.
    /// With `sync_bn`, batch normalisation takes the images of all ranks as one batch.
    pub fn join(&mut self, group: &Arc<Group>, sync_bn: bool) -> Result<()> {
        if self.options.activation_checkpointing
            && self.options.bn_views == BnViews::Separate
            && group.size > 1
        {
            return Err(Error::invalid(
                "Cannot train on several ranks with activations that are computed again for each view: the Reducer takes \
                 a parameter's gradient once in a step; expected joint views, or activations that are kept",
            ));
        }
        let state = self.state()?;
        let probe = self.probe_state();
        let both = state.iter().chain(&probe);
        group.broadcast(&both.map(|(_, tensor)| tensor).collect::<Vec<_>>())?;
        let reducer = Reducer::open(group, &self.online_parameters())?;
        // It would average no gradients.
        self.recorded = None;
        for parameters in [
            &mut self.encoder.parameters,
            &mut self.projector.parameters,
            &mut self.predictor.parameters,
            &mut self.target_encoder,
            &mut self.target_projector,
        ] {
            parameters.sync = (sync_bn && group.size > 1).then(|| Arc::clone(group));
        }
        self.ranks = Some(RankLink {
            reducer,
            group: Arc::clone(group),
        });
        Ok(())
    }

    /// Gives every rank rank 0's running statistics, which differ where each rank normalises its own batches.
    pub fn broadcast_statistics(&self) -> Result<()> {
        let Some(ranks) = &self.ranks else {
            return Ok(());
        };
        let networks = [
            &self.encoder.parameters,
            &self.projector.parameters,
            &self.predictor.parameters,
            &self.target_encoder,
            &self.target_projector,
        ];
        let buffers: Vec<&Tensor> = networks
            .into_iter()
            .flat_map(|network| &network.entries)
            .filter(|entry| entry.role == Role::Buffer)
            .map(|entry| &entry.tensor)
            .collect();
        ranks.group.broadcast(&buffers)
    }

    /// Loss and gradients on both views (each batch × 3 × side × side) of one micro-batch of the step's batch;
    /// gradients add up over the micro-batches, and the last one ends with them averaged over the ranks. The running statistics of
    /// both networks move by their own train-mode pass.
    pub fn forward_backward(
        &mut self,
        [view1, view2]: [&Tensor; 2],
        micro_batch: MicroBatch,
    ) -> Result<()> {
        let first = micro_batch.index == 0;
        if first {
            let learned = self.online_parameters();
            let gradients = learned.iter().map(|parameter| parameter.f_grad());
            // Not zero_grad(): it detaches the gradient, which a view into the Reducer's buckets refuses.
            let gradients = gradients.collect::<std::result::Result<Vec<_>, _>>()?;
            let defined: Vec<&Tensor> = gradients.iter().filter(|one| one.defined()).collect();
            fill_zeros(&defined)?;
        }
        let recording = self.recording().map(|recorded| &recorded.views);
        let [view1, view2] = recording.map_or([view1, view2], |views| views.each_ref());
        let passes = match self.options.bn_views {
            BnViews::Joint => vec![Tensor::f_cat(&[view1, view2], 0)?],
            BnViews::Separate => vec![view1.shallow_clone(), view2.shallow_clone()],
        };
        let targets = passes
            .iter()
            .map(|views| self.target_projections(views))
            .collect::<Result<Vec<_>>>()?;
        let targets = Tensor::f_cat(&targets, 0)?;
        let _grad = GradMode::set(true);
        let (mut projections, mut predictions) = (Vec::new(), Vec::new());
        let mut embedding = None;
        for views in &passes {
            let outputs = self.outputs(views, Pass::Train)?;
            // View 1 comes first, alone or before view 2.
            if embedding.is_none() {
                let both = outputs.embedding.f_detach()?;
                embedding = Some(both.f_narrow(0, 0, view1.size()[0])?);
            }
            predictions.push(outputs.prediction);
            projections.push(outputs.projection.f_detach()?);
        }
        let loss = byol_loss(&Tensor::f_cat(&predictions, 0)?, &targets)?
            .f_div_scalar(f64::from(micro_batch.count))?;
        if micro_batch.index + 1 == micro_batch.count {
            if let Some(ranks) = &self.ranks {
                ranks.reducer.prepare()?;
            }
        }
        let start = match &self.scaler {
            Some(scaler) => scaler.scaled(&loss)?,
            None => loss.shallow_clone(),
        };
        if let Err(error) = start.f_backward() {
            if let Some(ranks) = &self.ranks {
                ranks.group.give_up();
            }
            return Err(error.into());
        }
        let loss = loss.f_detach()?;
        match self.last.as_mut().filter(|_| !first) {
            Some(last) => {
                last.loss = last.loss.f_add(&loss)?;
                last.projections.append(&mut projections);
                last.embeddings.extend(embedding);
            }
            None => {
                self.last = Some(LastStep {
                    loss,
                    projections,
                    embeddings: embedding.into_iter().collect(),
                    labels: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// What the target network makes of images, by their own statistics; its running ones move.
    fn target_projections(&self, images: &Tensor) -> Result<Tensor> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder.layer;
        let embedding = encoder.forward(&self.target_encoder, images, Pass::Train)?;
        let projector = &self.projector.layer;
        let projection = projector.forward(&self.target_projector, &embedding, Pass::Train)?;
        Ok(projection.f_to_kind(self.kind)?)
    }

    /// What the online network makes of images, in the learner's type whatever it was computed in. In train mode batch
    /// statistics are used, and the running ones move.
    pub fn outputs(&self, images: &Tensor, pass: Pass) -> Result<Outputs> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder;
        let embedding = encoder.layer.forward(&encoder.parameters, images, pass)?;
        let projector = &self.projector;
        let projection = projector
            .layer
            .forward(&projector.parameters, &embedding, pass)?;
        let predictor = &self.predictor;
        let prediction = predictor
            .layer
            .forward(&predictor.parameters, &projection, pass)?;
        Ok(Outputs {
            embedding: embedding.f_to_kind(self.kind)?,
            projection: projection.f_to_kind(self.kind)?,
            prediction: prediction.f_to_kind(self.kind)?,
        })
    }

    /// The online encoder's embeddings alone, likewise.
    pub fn encode(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        let _autocast = Autocast::begin(self.options.precision, self.device);
        let encoder = &self.encoder;
        let embedding = encoder.layer.forward(&encoder.parameters, images, pass)?;
        Ok(embedding.f_to_kind(self.kind)?)
    }

    /// The online encoder's tensors, for whoever trains it otherwise.
    pub fn encoder_parameters(&mut self) -> &mut Parameters {
        &mut self.encoder.parameters
    }

    /// LARS over all parameters with the gradients of the last pass; nothing moves where float16 overflowed.
    pub fn apply_update(&mut self, step: &LarsStep) -> Result<()> {
        if self.last.is_none() {
            return Err(Error::invalid(
                "Cannot update the weights: expected a forward and backward pass before",
            ));
        }
        let skip = self.unscale()?;
        self.set_learning_rate(step.learning_rate)?;
        let parameters = self.online_parameters();
        let gradients = parameters.iter().map(|parameter| parameter.f_grad());
        let learned = Learned {
            gradients: gradients.collect::<std::result::Result<Vec<_>, _>>()?,
            buffers: self.momentum.iter().map(|(_, buffer)| buffer).collect(),
            parameters,
        };
        step.apply(&learned, &self.rates.learning_rate, skip.as_ref())
    }

    /// What the optimizer moves, in the order of the momentum buffers.
    fn online_parameters(&self) -> Vec<&Tensor> {
        let online = self.online().into_iter();
        online
            .filter(|(_, entry)| entry.role == Role::Parameter)
            .map(|(_, entry)| &entry.tensor)
            .collect()
    }

    /// Gives the encoder an online probe, which starts from zeros.
    pub fn add_probe(&mut self, classes: i64) -> Result<()> {
        let place = (self.kind, self.device);
        self.probe = Some(OnlineProbe::new(self.features(), classes, place)?);
        Ok(())
    }

    /// Keeps the labels of the micro-batch that forward_backward() was last called with.
    pub fn keep_labels(&mut self, labels: &Tensor) {
        if let Some(last) = self.last.as_mut().filter(|_| self.probe.is_some()) {
            last.labels.push(labels.shallow_clone());
        }
    }

    /// One step of the online probe on the embeddings of view 1 that the last step's encoder made.
    pub fn train_probe(&mut self, rates: &ProbeRates) -> Result<()> {
        let wrong = |what: &str| Error::invalid(format!("Cannot train the online probe: {what}"));
        let probe = self.probe.as_mut();
        let probe = probe.ok_or_else(|| wrong("expected a learner that was given one"))?;
        let last = self.last.as_ref().filter(|last| !last.labels.is_empty());
        let last = last.ok_or_else(|| wrong("expected a forward and backward pass before"))?;
        let embeddings = Tensor::f_cat(&last.embeddings, 0)?;
        let labels = Tensor::f_cat(&last.labels, 0)?;
        let group = self.ranks.as_ref().map(|ranks| ranks.group.as_ref());
        probe.learn((&embeddings, &labels), rates, group)
    }

    /// The online probe's loss, and its share of right answers, on the last step's images of all ranks.
    pub fn probe_metrics(&self) -> Result<[f64; 2]> {
        let probe = self.probe.as_ref().ok_or_else(|| {
            Error::invalid(
                "Cannot read the online probe's metrics: expected a learner that was given one",
            )
        })?;
        probe.metrics(self.ranks.as_ref().map(|ranks| ranks.group.as_ref()))
    }

    /// The online probe's tensors under their names in a checkpoint; none where there is none.
    pub fn probe_state(&self) -> Vec<(String, Tensor)> {
        self.probe
            .as_ref()
            .map(OnlineProbe::state)
            .unwrap_or_default()
    }

    /// Brings the gradients back to their own size, where the loss was scaled. Whether they overflowed, on the device.
    fn unscale(&mut self) -> Result<Option<Tensor>> {
        if self.scaler.is_none() {
            return Ok(None);
        }
        let learned = self.online_parameters().into_iter();
        let gradients = learned
            .map(|parameter| Ok(parameter.f_grad()?))
            .collect::<Result<Vec<_>>>()?;
        let Some(scaler) = &mut self.scaler else {
            return Ok(None);
        };
        scaler.unscale(&gradients.iter().collect::<Vec<_>>())?;
        Ok(Some(scaler.overflowed()?))
    }

    /// Steps that float16's overflows cost so far, and the scale of the loss; 0 and 0 without a scaler. Waits for the
    /// device.
    pub fn scaler_counts(&self) -> Result<[f64; 2]> {
        self.scaler.as_ref().map_or(Ok([0.0, 0.0]), Scaler::counts)
    }

    pub fn lars_variant(&self) -> LarsVariant {
        self.options.lars_variant
    }

    /// target ← tau·target + (1 − tau)·online, over parameters only (BYOL, eq. 1).
    pub fn move_target(&mut self, tau: f64) -> Result<()> {
        self.set_tau(tau)?;
        let mut weight = self.rates.online_share.shallow_clone();
        if let Some(scaler) = &self.scaler {
            // Where a step was skipped, the target stays too.
            weight = weight.f_masked_fill(&scaler.overflowed()?, 0.0)?;
        }
        let pairs = [
            (&self.target_encoder, &self.encoder.parameters),
            (&self.target_projector, &self.projector.parameters),
        ];
        let of = |networks: [&Parameters; 2]| -> Vec<Tensor> {
            let learned = networks.into_iter().flat_map(Parameters::learned);
            learned.map(|entry| entry.tensor.shallow_clone()).collect()
        };
        let targets = of(pairs.map(|(target, _)| target));
        let online = of(pairs.map(|(_, online)| online));
        move_average(
            &targets.iter().collect::<Vec<_>>(),
            &online.iter().collect::<Vec<_>>(),
            &weight,
        )
    }

    /// The online encoder's embeddings in eval mode; nothing of the encoder changes. In pieces, between which a
    /// signal is seen: a batch of 256 keeps two cores busy for seconds.
    pub fn embed(&self, images: &Tensor) -> Result<Tensor> {
        let _no_grad = GradMode::set(false);
        if images.size()[0] == 0 {
            let none = [0, self.features()];
            return Ok(images.f_new_zeros(none, (images.kind(), images.device()))?);
        }
        let mut embeddings = Vec::new();
        let Part { layer, parameters } = &self.encoder;
        // One pass of the GPU's own kernels normalises and rectifies: there is nothing to gain there.
        let kernels = self.device.is_cuda() && self.kind == Kind::Float && gpu().is_some();
        let folded = match kernels {
            true => None,
            false => Some(layer.folded(parameters, self.options.precision.kind(self.kind))?),
        };
        let _autocast = Autocast::begin(self.options.precision, self.device);
        for piece in images.f_split(embed_piece(self.device) as i64, 0)? {
            crate::run::signals::check()?;
            let parameters = folded.as_ref().unwrap_or(parameters);
            let embedding = layer.forward(parameters, &piece, Pass::Evaluation)?;
            embeddings.push(embedding.f_detach()?.f_to_kind(self.kind)?);
        }
        Ok(Tensor::f_cat(&embeddings, 0)?)
    }

    fn online(&self) -> Vec<(&'static str, &crate::network::parameters::Entry)> {
        let parts = [
            ("encoder", &self.encoder.parameters),
            ("projector", &self.projector.parameters),
            ("predictor", &self.predictor.parameters),
        ];
        parts
            .into_iter()
            .flat_map(|(part, tensors)| tensors.entries.iter().map(move |entry| (part, entry)))
            .collect()
    }
}

fn build<L>(
    (kind, device): (Kind, Device),
    make: impl FnOnce(&mut Parameters) -> Result<L>,
) -> Result<Part<L>> {
    let mut parameters = Parameters::default();
    let layer = make(&mut parameters)?;
    parameters.prepare(kind, device, true)?;
    Ok(Part { layer, parameters })
}

/// The same tensors as values of their own, outside the graph.
fn replica(source: &Parameters) -> Result<Parameters> {
    let mut copy = Parameters::default();
    for entry in &source.entries {
        let tensor = crate::network::parameters::channels_last(&entry.tensor.f_detach_copy()?)?;
        copy.add(entry.name.clone(), tensor, entry.role);
    }
    Ok(copy)
}
