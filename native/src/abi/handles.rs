//! Handles: numbers that stand for objects of the core, from one registry of the process.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use crate::data::dataset::Dataset;
use crate::data::job::DataJob;
use crate::error::{Error, Result, Status};
use crate::evaluation::features::Features;
use crate::evaluation::finetune::FineTuning;
use crate::evaluation::neighbours::FeatureBank;
use crate::evaluation::probe::Probe;
use crate::run::heartbeat::Heartbeat;
use crate::run::job::Job;
use crate::run::ranks::Ranks;
use crate::run::signals::Watch;
use crate::training::learner::Learner;
use crate::training::trace::Trace;

type Slot = Arc<Mutex<Box<dyn Any + Send>>>;

#[derive(Default)]
struct Registry {
    last: u32,
    slots: HashMap<u32, (&'static str, Slot)>,
}

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    let lock = REGISTRY.get_or_init(Mutex::default);
    lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Something that handles may name.
pub trait Object: Any + Send {
    /// As it is called in messages.
    const NOUN: &'static str;
}

macro_rules! objects {
    ($($type:ty: $noun:literal,)*) => {
        $(impl Object for $type {
            const NOUN: &'static str = $noun;
        })*
    };
}
objects! {
    Dataset: "dataset",
    DataJob: "data job",
    Features: "table of features",
    FineTuning: "fine-tuning",
    FeatureBank: "feature bank",
    Probe: "probe",
    Heartbeat: "heartbeat",
    Job: "job",
    Ranks: "set of ranks",
    Watch: "signal watch",
    Learner: "learner",
    Trace: "trace",
}

/// Keeps an object and returns its handle. Handles are never used again.
pub fn register<T: Object>(object: T) -> u32 {
    let mut registry = registry();
    registry.last += 1;
    let handle = registry.last;
    let slot: Slot = Arc::new(Mutex::new(Box::new(object)));
    registry.slots.insert(handle, (T::NOUN, slot));
    handle
}

/// Runs `body` on the object behind a handle.
pub fn with<T: Object, R>(handle: u32, body: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
    let found = registry().slots.get(&handle).cloned();
    let bad = |what: String| Error {
        status: Status::BadHandle,
        message: format!(
            "Cannot use handle {handle}: expected a {}, found {what}",
            T::NOUN
        ),
    };
    let (noun, slot) = found.ok_or_else(|| bad("none (closed, or never made)".to_owned()))?;
    // Before its lock, which a call that is given one handle twice holds already.
    if noun != T::NOUN {
        return Err(bad(format!("a {noun}")));
    }
    let mut object = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let object = object
        .downcast_mut::<T>()
        .ok_or_else(|| bad(format!("a {noun}")))?;
    body(object)
}

/// Drops an object; harmless when repeated.
pub fn close(handle: u32) -> Result<()> {
    let slot = registry().slots.remove(&handle);
    drop(slot);
    Ok(())
}

/// How many objects are alive.
pub fn live_handles() -> u32 {
    u32::try_from(registry().slots.len()).unwrap_or(u32::MAX)
}
