//! The online and the target network, and what a step of BYOL does to them.

mod files;
mod metrics;
mod options;
mod probe;
mod recording;
mod rotation;
mod state;
mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

pub use files::{BackgroundSaveOptions, LoadOptions, SaveOptions};
pub use options::{BnViews, Dtype, LearnerOptions, RotationOptions};
use step::LastStep;
pub use step::{MicroBatch, Outputs, StepViews};

use super::online_probe::OnlineProbe;
use crate::error::{Error, Result};
use crate::network::heads::{Head, HeadShape};
use crate::network::layers::Pass;
use crate::network::parameters::{Parameters, Role};
use crate::network::resnet::ResNet;
use crate::network::rotation::RotationHead;
use crate::optimizer::lars::LarsVariant;
use crate::torch::autocast::{Autocast, Precision};
use crate::torch::distributed::{Group, Reducer};
use crate::torch::gpu::kernels;
use crate::torch::grad_mode::GradMode;
use crate::torch::memory::keep_freed_memory;
use crate::torch::scaler::Scaler;
use recording::{Rates, Recorded};

/// Images of one piece of an embedding: with resnet18, half a second on two cores.
const EMBED_PIECE: usize = 32;
/// A GPU is only busy with more.
const EMBED_PIECE_ON_GPU: usize = 512;

/// Images of the pieces that ranks divide a batch in. Not the GPU's, which would leave a probe's batch of 256 to one
/// rank.
pub const SHARED_PIECE: usize = EMBED_PIECE;

/// Returns the number of images that are embedded at once: a signal is seen between such pieces.
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

/// Online encoder, projector and predictor, and the head of the rotation auxiliary where there is one; target encoder and
/// projector; LARS momentum.
pub struct Learner {
    // First, so that it is dropped before the parameters it watches.
    ranks: Option<RankLink>,
    encoder: Part<ResNet>,
    projector: Part<Head>,
    predictor: Part<Head>,
    rotation: Option<Part<RotationHead>>,
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

/// The other ranks, and what averages gradients over them.
struct RankLink {
    reducer: Reducer,
    group: Arc<Group>,
}

impl Learner {
    /// Initial weights are drawn in float32 by the processor, whatever dtype and device, so that all runs start alike.
    pub fn new(options: LearnerOptions) -> Result<Self> {
        options.validate()?;
        keep_freed_memory();
        let device = options.device.open()?;
        unsafe { torch_sys::at_manual_seed(options.seed as i64) };
        let kind = options.dtype.kind();
        let (hidden, outputs, heads) = (options.hidden_dim, options.z_dim, options.heads);
        let head = |parameters: &mut Parameters, inputs: i64| {
            let shape = HeadShape {
                inputs,
                hidden,
                outputs,
            };
            Head::new(parameters, shape, heads)
        };
        let mut encoder = build((kind, device), |parameters| {
            ResNet::new(parameters, &options.resnet_type, &options.stem)
        })?;
        let features = encoder.layer.features;
        let projector = build((kind, device), |parameters| head(parameters, features))?;
        let predictor = build((kind, device), |parameters| head(parameters, outputs))?;
        // Drawn last: with it and without it, the others start alike.
        let rotation = options.rotation.map(|rotation| {
            build((kind, device), |parameters| {
                RotationHead::new(parameters, features, rotation.hidden_dim)
            })
        });
        let rotation = rotation.transpose()?;
        let mut momentum = Vec::new();
        let rotated = rotation.as_ref().map(|one| ("rotation", &one.parameters));
        let parts = [
            ("encoder", &encoder.parameters),
            ("projector", &projector.parameters),
            ("predictor", &predictor.parameters),
        ];
        for (part, parameters) in parts.into_iter().chain(rotated) {
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
            rotation,
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

    /// Joins this learner with those of the other ranks: all continue from rank 0's state, and gradients are averaged.
    /// With `sync_bn`, batch normalisation takes the images of all ranks as one batch.
    pub fn join(&mut self, group: &Arc<Group>, sync_bn: bool) -> Result<()> {
        let passes = self.options.bn_views == BnViews::Separate || self.rotation.is_some();
        if self.options.activation_checkpointing && passes && group.size > 1 {
            return Err(Error::invalid(
                "Cannot train on several ranks with activations that are computed again for each view: the Reducer takes \
                 a parameter's gradient once in a step; expected joint views without rotations, or activations that \
                 are kept",
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
            parameters.sync = sync_bn.then(|| Arc::clone(group));
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

    /// Fails where a collective of the ranks has failed unseen: the state is of no use then, and must not be saved.
    fn check_ranks(&self) -> Result<()> {
        self.ranks
            .as_ref()
            .map_or(Ok(()), |ranks| ranks.group.check())
    }

    /// The online encoder's tensors, for whoever trains it otherwise.
    pub fn encoder_parameters(&mut self) -> &mut Parameters {
        &mut self.encoder.parameters
    }

    /// Returns the tensors that the optimizer moves, in the order of the momentum buffers.
    fn online_parameters(&self) -> Vec<&Tensor> {
        let online = self.online().into_iter();
        online
            .filter(|(_, entry)| entry.role == Role::Parameter)
            .map(|(_, entry)| &entry.tensor)
            .collect()
    }

    /// Steps that float16's overflows cost so far, and the scale of the loss; 0 and 0 without a scaler. Waits for the
    /// device.
    pub fn scaler_counts(&self) -> Result<[f64; 2]> {
        self.scaler.as_ref().map_or(Ok([0.0, 0.0]), Scaler::counts)
    }

    pub fn lars_variant(&self) -> LarsVariant {
        self.options.lars_variant
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
        let kernels = self.device.is_cuda() && self.kind == Kind::Float && kernels::in_use();
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
        let rotation = self.rotation.as_ref();
        parts
            .into_iter()
            .chain(rotation.map(|one| ("rotation", &one.parameters)))
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
