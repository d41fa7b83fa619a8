//! Which tensors of a file are an encoder's, and which network they are of: told by names and shapes, never by the
//! file's name. Needs no libtorch.

use std::borrow::Cow;
use std::collections::HashMap;

use super::foreign_names::{part_of, prefixes_of, torchvision_name};
use super::header::{shown, TensorEntry};

/// A way to keep an encoder in a file.
struct Form {
    /// Prefix of torchvision's names.
    prefix: &'static str,
    /// Prefixes that may stand beside it and are left out.
    beside: &'static [&'static str],
    /// Description of the tensors that are taken.
    words: &'static str,
}

/// Longer prefixes first: the last one is that of every file.
const FORMS: [Form; 6] = [
    Form {
        prefix: "online.encoder.",
        beside: &[
            "online.projector.",
            "online.predictor.",
            "target.",
            "momentum.",
            "online_probe.",
            "scaler.",
        ],
        words: "the online encoder of a training state",
    },
    Form {
        prefix: "model.resnet.",
        beside: REFERENCE,
        words: "model, the online network, not momentum_model",
    },
    Form {
        prefix: "model.module.resnet.",
        beside: REFERENCE,
        words: "model, the online network, not momentum_model",
    },
    Form {
        prefix: "resnet.",
        beside: &["proj_head_inv.", "predictor_inv."],
        words: "the online network of the reference program",
    },
    Form {
        prefix: "momentum_model.m_resnet.",
        beside: &["momentum_model.m_proj_head_inv."],
        words: "momentum_model, the target network: there is no model",
    },
    Form {
        prefix: "",
        beside: &[],
        words: "a network in torchvision's names",
    },
];

/// Prefixes that the reference program has beside its encoder.
const REFERENCE: &[&str] = &[
    "model.proj_head_inv.",
    "model.predictor_inv.",
    "model.module.proj_head_inv.",
    "model.module.predictor_inv.",
    "momentum_model.",
    "optimizer_repr.",
    "warm_up_scheduler_repr.",
    "cosine_scheduler_repr.",
];
/// The layer that classifies, which an encoder has not.
const CLASSIFIER: &str = "fc.";
/// The first layer of every network.
const FIRST: &str = "conv1.weight";

/// The tensors of a file that are its encoder's, with the names that the network has for them.
pub struct EncoderFile<'a> {
    /// Description of the tensors that are taken.
    pub words: &'static str,
    /// The prefix of the names in the file.
    pub prefix: &'a str,
    /// Each tensor with its name in torchvision's network.
    pub tensors: Vec<(Cow<'a, str>, &'a TensorEntry)>,
    /// Prefixes of the names that are left out as they belong to no encoder, each once.
    pub left_out: Vec<String>,
    /// Names of what belongs neither to an encoder nor beside one.
    pub unexpected: Vec<&'a str>,
}

/// A network that an encoder is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Architecture {
    pub resnet_type: &'static str,
    /// "cifar" or "imagenet".
    pub stem: &'static str,
}

impl<'a> EncoderFile<'a> {
    /// Finds the encoder among a file's tensors. Error: in words, with some names that are there.
    pub fn find(tensors: &'a [TensorEntry]) -> Result<Self, String> {
        let has = |name: &str| tensors.iter().any(|tensor| tensor.name == name);
        let form = FORMS
            .iter()
            .find(|form| has(&format!("{}{FIRST}", form.prefix)));
        match (form, &prefixes_of(tensors)[..]) {
            (Some(form), _) => Ok(Self::of_form(form, tensors)),
            (None, &[prefix]) => Ok(Self::of_prefix(prefix, tensors)),
            (None, []) => Err(format!(
                "it holds no encoder: expected {FIRST} and torchvision's other names, alone or after {}, or after prefixes \
                 such as module. and state_dict.backbone.; found {}",
                FORMS[..FORMS.len() - 1]
                    .iter()
                    .map(|form| form.prefix)
                    .collect::<Vec<_>>()
                    .join(", "),
                first_names(tensors.iter().map(|tensor| tensor.name.as_str()))
            )),
            (None, several) => Err(format!(
                "it holds {} networks, after {}: expected one; save the state_dict() of one alone",
                several.len(),
                several.join(" and ")
            )),
        }
    }

    fn none_yet(words: &'static str, prefix: &'a str) -> Self {
        Self {
            words,
            prefix,
            tensors: Vec::new(),
            left_out: Vec::new(),
            unexpected: Vec::new(),
        }
    }

    /// Takes the tensors of a form; what the form does not know is unexpected.
    fn of_form(form: &Form, tensors: &'a [TensorEntry]) -> Self {
        let mut found = Self::none_yet(form.words, form.prefix);
        for tensor in tensors {
            let inner = tensor.name.strip_prefix(form.prefix);
            let beside = match inner {
                Some(name) if name.starts_with(CLASSIFIER) => Some(CLASSIFIER),
                Some(name) => {
                    found.tensors.push((Cow::Borrowed(name), tensor));
                    continue;
                }
                None => form
                    .beside
                    .iter()
                    .find(|beside| tensor.name.starts_with(**beside))
                    .copied(),
            };
            match beside {
                None => found.unexpected.push(&tensor.name),
                Some(part) => found.leave_out(part),
            }
        }
        found
    }

    /// Takes the ResNet behind a prefix of another program, and leaves out all else.
    fn of_prefix(prefix: &'a str, tensors: &'a [TensorEntry]) -> Self {
        let mut found = Self::none_yet("a network in torchvision's names, behind a prefix", prefix);
        for tensor in tensors {
            match tensor.name.strip_prefix(prefix).and_then(torchvision_name) {
                Some(name) => found.tensors.push((name, tensor)),
                None => found.leave_out(part_of(&tensor.name, prefix)),
            }
        }
        found
    }

    fn leave_out(&mut self, part: &str) {
        let part = match part.ends_with('.') {
            true => format!("{part}*"),
            false => part.to_owned(),
        };
        if !self.left_out.contains(&part) {
            self.left_out.push(part);
        }
    }

    /// The tensors by their names in torchvision's network.
    pub fn by_name(&self) -> HashMap<&str, &'a TensorEntry> {
        let named = self.tensors.iter();
        named
            .map(|(name, tensor)| (name.as_ref(), *tensor))
            .collect()
    }

    /// The network whose blocks it has, or None for none that can be built here.
    pub fn architecture(&self) -> Option<Architecture> {
        let has = |name: &str| self.tensors.iter().any(|(found, _)| found == name);
        let blocks = |stage: usize| {
            (0..64)
                .take_while(|block| has(&format!("layer{stage}.{block}.conv1.weight")))
                .count()
        };
        let depths = [blocks(1), blocks(2), blocks(3), blocks(4)];
        let resnet_type = match (has("layer1.0.conv3.weight"), depths) {
            (false, [2, 2, 2, 2]) => "resnet18",
            (false, [3, 4, 6, 3]) => "resnet34",
            (true, [3, 4, 6, 3]) => "resnet50",
            (true, [3, 4, 23, 3]) => "resnet101",
            (true, [3, 8, 36, 3]) => "resnet152",
            (false, [3, 3, 3, 0]) => "resnet20",
            _ => return None,
        };
        let first = self.tensors.iter().find(|(name, _)| name == FIRST)?;
        let stem = match first.1.shape[..] {
            [_, 3, 7, 7] => "imagenet",
            [_, 3, 3, 3] => "cifar",
            _ => return None,
        };
        Some(Architecture { resnet_type, stem })
    }
}

/// The first five names, and how many more there are.
pub fn first_names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let first: Vec<String> = names.iter().take(5).map(|name| shown(name)).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > 5 => format!("{} and {} more", first.join(", "), count - 5),
        _ => first.join(", "),
    }
}
