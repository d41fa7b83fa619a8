//! The online and the target network, and what a step of BYOL does to them.

use std::sync::Arc;

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::boundary::{Error, GradMode, Object, Result};
use crate::checkpoint::{Checkpoint, Wanted};
use crate::device::DeviceName;
use crate::effective_rank::{effective_rank, MOST_ROWS};
use crate::gpu::gpu;
use crate::gpu::graph::Graph;
use crate::heads::Head;
use crate::lars::{fill_zeros, move_average, LarsStep, LarsVariant, Learned};
use crate::layers::Pass;
use crate::loss::{byol_loss, normalize};
use crate::memory::keep_freed_memory;
use crate::online_probe::{OnlineProbe, ProbeRates};
use crate::parameters::{Parameters, Role};
use crate::precision::{Autocast, Precision, Scaler};
use crate::resnet::ResNet;
use crate::shim::{Group, Reducer};

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LearnerOptions {
    pub resnet_type: String,
    pub stem: String,
    pub hidden_dim: i64,
    pub z_dim: i64,
    pub bn_views: BnViews,
    pub lars_variant: LarsVariant,
    pub dtype: Dtype,
    pub device: DeviceName,
    pub precision: Precision,
    /// Whether the online encoder's activations are computed again for the backward pass, and not kept.
    pub activation_checkpointing: bool,
    pub seed: u64,
}

/// One batch-normalisation pass over both views, or one for each.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum BnViews {
    Joint,
    Separate,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    Float32,
    Float64,
}

/// The widest head, and the most weights of one of its layers: half a gigabyte.
const MAX_WIDTH: i64 = 1 << 16;
const MAX_WEIGHTS: i64 = 1 << 27;

/// Images of one piece of an embedding: with resnet18, half a second on two cores.
const EMBED_PIECE: usize = 32;
/// A GPU is only busy with more.
const EMBED_PIECE_ON_GPU: usize = 512;

/// How many images are embedded at once: a signal is seen, and ranks share the work, between such pieces.
pub fn embed_piece(device: Device) -> usize {
    if device.is_cuda() {
        EMBED_PIECE_ON_GPU
    } else {
        EMBED_PIECE
    }
}

impl LearnerOptions {
    /// Refuses what no machine has the memory for. No embedding is too wide for MAX_WIDTH.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [("hiddenDim", self.hidden_dim), ("zDim", self.z_dim)] {
            if !(1..=MAX_WIDTH).contains(&value) {
                return Err(Error::invalid(format!(
                    "Cannot build a head with {name}={value}: expected 1 to {MAX_WIDTH}"
                )));
            }
        }
        if self.precision != Precision::Normal && self.dtype != Dtype::Float32 {
            return Err(Error::invalid(format!(
                "Cannot compute in mixed precision ({:?}) from float64: expected float32",
                self.precision
            )));
        }
        let weights = self.hidden_dim * self.z_dim;
        if weights > MAX_WEIGHTS {
            return Err(Error::invalid(format!(
                "Cannot build a head with hiddenDim={} and zDim={}: expected a product of at most {MAX_WEIGHTS}",
                self.hidden_dim, self.z_dim
            )));
        }
        Ok(())
    }
}

impl Dtype {
    pub fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Float64 => Kind::Double,
        }
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

/// What changes from step to step, as tensors of no dimension on the device: a recorded step reads them there.
struct Rates {
    learning_rate: Tensor,
    /// The online network's share in the target, 1 − tau.
    online_share: Tensor,
}

/// A step as a CUDA graph, being recorded or complete, with the views that it reads.
struct Recorded {
    // First, so that it is dropped before the memory it uses.
    graph: Graph,
    views: [Tensor; 2],
    complete: bool,
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

/// One of the equal parts that a step's batch is computed in.
#[derive(Clone, Copy)]
pub struct BatchPart {
    pub index: u32,
    pub count: u32,
}

/// What the parts of the last step left for the metrics: mean loss so far, projections of each part, embeddings of view 1
/// and their labels.
struct LastStep {
    loss: Tensor,
    projections: Vec<Tensor>,
    embeddings: Vec<Tensor>,
    labels: Vec<Tensor>,
}

impl Object for Learner {
    const NOUN: &'static str = "learner";
}

impl Learner {
    /// Initial weights are drawn in float32 by the processor, whatever dtype and device, so that all runs start alike.
    pub fn new(options: LearnerOptions) -> Result<Self> {
        options.validate()?;
        // Where memory is what is short, none lies unused.
        if !options.activation_checkpointing {
            keep_freed_memory();
        }
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
        let again = options.activation_checkpointing;
        encoder.parameters.again = again.then_some(options.precision);
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
        let state = self.state()?;
        let probe = self.probe_state();
        let both = state.iter().chain(&probe);
        group.broadcast(&both.map(|(_, tensor)| tensor).collect::<Vec<_>>())?;
        let reducer = Reducer::open(group, &self.online_parameters())?;
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
    pub fn share_statistics(&self) -> Result<()> {
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

    /// Loss and gradients on both views (each batch × 3 × side × side) of one part of the step's batch; gradients
    /// add up over the parts, and the last part ends with them averaged over the ranks. The running statistics of
    /// both networks move by their own train-mode pass.
    pub fn forward_backward(
        &mut self,
        view1: &Tensor,
        view2: &Tensor,
        batch_part: BatchPart,
    ) -> Result<()> {
        let first = batch_part.index == 0;
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
            .f_div_scalar(f64::from(batch_part.count))?;
        if batch_part.index + 1 == batch_part.count {
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

    /// While a step is recorded, the rates are those that it was begun with: what sets them is no part of it.
    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        if self.recording().is_none() {
            let rate = rounded(learning_rate, self.kind);
            let _ = self.rates.learning_rate.f_fill_(rate)?;
        }
        Ok(())
    }

    fn set_tau(&mut self, tau: f64) -> Result<()> {
        if self.recording().is_none() {
            let share = rounded(1.0 - tau, self.kind);
            let _ = self.rates.online_share.f_fill_(share)?;
        }
        Ok(())
    }

    fn recording(&self) -> Option<&Recorded> {
        self.recorded.as_ref().filter(|recorded| !recorded.complete)
    }

    /// From now to end_recording(), the calls of a step are recorded as a CUDA graph instead of run: on these views, of
    /// which the graph gets copies. False where that cannot be: on the processor, without the library of the GPUs' side,
    /// with other ranks, with activation checkpointing. Some steps must have been run before, which leave libtorch nothing to set up.
    pub fn begin_recording(
        &mut self,
        [view1, view2]: [&Tensor; 2],
        (learning_rate, tau): (f64, f64),
    ) -> Result<bool> {
        self.recorded = None;
        // A graph keeps all memory that a step takes, which is what checkpointing is to spare.
        let refused = self.ranks.is_some() || self.options.activation_checkpointing;
        let Some(gpu) = gpu().filter(|_| self.device.is_cuda() && !refused) else {
            return Ok(false);
        };
        self.set_learning_rate(learning_rate)?;
        self.set_tau(tau)?;
        let views = [view1.f_detach_copy()?, view2.f_detach_copy()?];
        self.last = None;
        self.recorded = Some(Recorded {
            graph: Graph::begin(gpu)?,
            views,
            complete: false,
        });
        Ok(true)
    }

    /// Ends the recording, and runs what was recorded: the step that was asked for.
    pub fn end_recording(&mut self) -> Result<()> {
        let recorded = self
            .recorded
            .as_mut()
            .ok_or_else(|| Error::invalid("Cannot end a recording: expected one that was begun"))?;
        recorded.graph.end()?;
        recorded.complete = true;
        recorded.graph.replay()
    }

    /// Forgets a recording that failed on its way.
    pub fn drop_recording(&mut self) {
        self.recorded = None;
    }

    /// Runs the recorded step on a batch. False where none is recorded, or one for views of another shape.
    pub fn replay(
        &mut self,
        views: [&Tensor; 2],
        (learning_rate, tau): (f64, f64),
    ) -> Result<bool> {
        let fits = self.recorded.as_ref().is_some_and(|recorded| {
            let same = |(mine, given): (&Tensor, &&Tensor)| mine.size() == given.size();
            recorded.complete && recorded.views.iter().zip(&views).all(same)
        });
        if !fits {
            self.recorded = None;
            return Ok(false);
        }
        self.set_learning_rate(learning_rate)?;
        self.set_tau(tau)?;
        if let Some(recorded) = &mut self.recorded {
            for (mine, given) in recorded.views.iter_mut().zip(views) {
                mine.f_copy_(given)?;
            }
            recorded.graph.replay()?;
        }
        if let Some(last) = &mut self.last {
            last.labels.clear();
        }
        Ok(true)
    }

    /// Gives the encoder an online probe, which starts from zeros.
    pub fn add_probe(&mut self, classes: i64) -> Result<()> {
        let place = (self.kind, self.device);
        self.probe = Some(OnlineProbe::new(self.features(), classes, place)?);
        Ok(())
    }

    /// Keeps the labels of the part that forward_backward() was last called with.
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

    /// Loss, embedding spread, gradient norm, parameter norm, effective rank, over the batches of all ranks: the only
    /// wait on the device.
    /// The spread is the standard deviation over the batch of the l2-normalised online projections, mean over
    /// dimensions: 1/√z_dim when spread, 0 when collapsed (Chen & He 2021, §4.1).
    /// The gradient norm of a step that was skipped, as float16 overflowed, is 0.
    /// The rank is that of the encoder's embeddings of the first MOST_ROWS images of the batch.
    pub fn metrics(&self) -> Result<[f64; 5]> {
        let last = self.last.as_ref().ok_or_else(|| {
            Error::invalid("Cannot read metrics: expected a forward and backward pass before")
        })?;
        let (mut loss, mut projections) = (
            last.loss.f_detach_copy()?,
            Tensor::f_cat(&last.projections, 0)?,
        );
        let mut embeddings = Tensor::f_cat(&last.embeddings, 0)?;
        if let Some(RankLink { group, .. }) = &self.ranks {
            group.sum(&loss)?;
            loss = loss.f_div_scalar(group.size as f64)?;
            projections = group.gather(&projections)?;
            let rows = embeddings.size()[0].min(MOST_ROWS);
            embeddings = group.gather(&embeddings.f_narrow(0, 0, rows)?.f_contiguous()?)?;
        }
        let spread = normalize(&projections)?
            .f_std_dim(Some([0].as_slice()), true, false)?
            .f_mean(None)?;
        let (mut gradients, mut weights) = (Vec::new(), Vec::new());
        let skip = self.scaler.as_ref().map(Scaler::overflowed).transpose()?;
        for parameter in self.online_parameters() {
            let norm = parameter.f_grad()?.f_norm()?;
            gradients.push(match &skip {
                Some(skip) => norm.f_masked_fill(skip, 0.0)?,
                None => norm,
            });
            weights.push(parameter.f_detach()?.f_norm()?);
        }
        Ok([
            loss.f_double_value(&[])?,
            spread.f_double_value(&[])?,
            norm_of(&gradients)?,
            norm_of(&weights)?,
            effective_rank(&embeddings)?,
        ])
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
            crate::signals::check()?;
            let parameters = folded.as_ref().unwrap_or(parameters);
            let embedding = layer.forward(parameters, &piece, Pass::Evaluation)?;
            embeddings.push(embedding.f_detach()?.f_to_kind(self.kind)?);
        }
        Ok(Tensor::f_cat(&embeddings, 0)?)
    }

    fn online(&self) -> Vec<(&'static str, &crate::parameters::Entry)> {
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

    /// Every tensor of the training state under its name in a checkpoint.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::new();
        for (part, entry) in self.online() {
            state.push((
                format!("online.{part}.{}", entry.name),
                entry.tensor.f_detach()?,
            ));
        }
        for (part, tensors) in [
            ("encoder", &self.target_encoder),
            ("projector", &self.target_projector),
        ] {
            for entry in &tensors.entries {
                state.push((
                    format!("target.{part}.{}", entry.name),
                    entry.tensor.shallow_clone(),
                ));
            }
        }
        for (name, buffer) in &self.momentum {
            state.push((format!("momentum.{name}"), buffer.shallow_clone()));
        }
        state.extend(self.scaler.iter().flat_map(Scaler::state));
        Ok(state)
    }

    /// The running statistics of the online network.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        let buffers = self
            .online()
            .into_iter()
            .filter(|(_, entry)| entry.role == Role::Buffer);
        buffers
            .map(|(part, entry)| {
                let name = format!("{part}.{}", entry.name);
                (name, entry.tensor.shallow_clone())
            })
            .collect()
    }

    /// The online encoder alone, in torchvision's names.
    pub fn encoder_state(&self) -> Result<Vec<(String, Tensor)>> {
        let entries = self.encoder.parameters.entries.iter();
        entries
            .map(|entry| Ok((entry.name.clone(), entry.tensor.f_detach()?)))
            .collect()
    }

    /// Reads the online encoder from a file: a training state, an encoder, weights of another program.
    pub fn load_encoder(&self, path: &str) -> Result<()> {
        let wanted = Wanted {
            resnet_type: &self.options.resnet_type,
            stem: &self.options.stem,
        };
        Checkpoint::open(path)?.load_encoder(self.encoder_state()?, &wanted)
    }

    /// Reads the online encoder from a file, and makes the target's a copy of it. For a learner that has made no step.
    pub fn init_encoder(&mut self, path: &str) -> Result<()> {
        self.load_encoder(path)?;
        let _no_grad = GradMode::set(false);
        self.target_encoder.copy_from(&self.encoder.parameters)
    }

    /// The gradients of the last pass.
    pub fn gradients(&self) -> Result<Vec<(String, Tensor)>> {
        let learned = self
            .online()
            .into_iter()
            .filter(|(_, entry)| entry.role == Role::Parameter);
        learned
            .map(|(part, entry)| {
                Ok((
                    format!("{part}.{}", entry.name),
                    entry.tensor.f_grad()?.f_detach()?,
                ))
            })
            .collect()
    }
}

/// A number as a tensor of the learner's type holds it: what float32 cannot is infinite there, which the check of the
/// step's numbers then names, where libtorch would refuse to store it.
fn rounded(value: f64, kind: Kind) -> f64 {
    match kind {
        Kind::Double => value,
        _ => f64::from(value as f32),
    }
}

/// The l2 norm of all tensors together by those of each, copied from the device at once.
fn norm_of(norms: &[Tensor]) -> Result<f64> {
    let norms = Tensor::f_stack(norms, 0)?.f_to_kind(Kind::Double)?;
    let mut values = vec![0f64; norms.numel()];
    norms.f_copy_data(&mut values, norms.numel())?;
    let squares: f64 = values.iter().map(|value| value.powi(2)).sum();
    Ok(squares.sqrt())
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
        let tensor = crate::parameters::channels_last(&entry.tensor.f_detach_copy()?)?;
        copy.add(entry.name.clone(), tensor, entry.role);
    }
    Ok(copy)
}
