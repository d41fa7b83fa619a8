//! Handles: numbers that stand for objects of the core, from one registry of the process.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, ThreadId};

use crate::data::dataset::Dataset;
use crate::data::job::DataJob;
use crate::error::{Error, Result, Status};
use crate::evaluation::features::Features;
use crate::evaluation::finetune::FineTuning;
use crate::evaluation::neighbours::FeatureBank;
use crate::evaluation::probe::Probe;
use crate::evaluation::regression::Regression;
use crate::run::heartbeat::Heartbeat;
use crate::run::job::Job;
use crate::run::ranks::Ranks;
use crate::run::signals::Watch;
use crate::training::learner::Learner;
use crate::training::trace::Trace;

/// A type whose objects have handles.
pub trait Object: Any + Send {
    /// Its name in messages.
    const NOUN: &'static str;
}

macro_rules! objects {
    ($($type:ty: $noun:literal,)*) => {$(
        impl Object for $type {
            const NOUN: &'static str = $noun;
        }
    )*};
}

objects! {
    Dataset: "dataset",
    DataJob: "data job",
    Features: "table of features",
    FineTuning: "fine-tuning",
    FeatureBank: "feature bank",
    Probe: "probe",
    Regression: "regression",
    Heartbeat: "heartbeat",
    Job: "job",
    Ranks: "set of ranks",
    Watch: "signal watch",
    Learner: "learner",
    Trace: "trace",
}

type Slot = Arc<Mutex<Box<dyn Any + Send>>>;

#[derive(Default)]
struct Registry {
    last: u32,
    slots: HashMap<u32, (&'static str, Slot)>,
    /// The thread of the first handle, until no object is alive.
    owner: Option<ThreadId>,
}

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    let lock = REGISTRY.get_or_init(Mutex::default);
    lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Keeps an object and returns its handle; a number is never used again. The first object binds the
/// core to its thread.
pub fn register(noun: &'static str, object: Box<dyn Any + Send>) -> Result<u32> {
    let mut registry = registry();
    let next = registry.last.checked_add(1);
    let handle = next.ok_or_else(|| Error::invalid("Cannot make an object: no handle is left"))?;
    registry.last = handle;
    registry.owner.get_or_insert_with(|| thread::current().id());
    registry
        .slots
        .insert(handle, (noun, Arc::new(Mutex::new(object))));
    Ok(handle)
}

/// Drops an object; does nothing when repeated. The last one frees the core from its thread.
pub fn close(handle: u32) -> Result<()> {
    // The registry is not locked while the object is dropped, which may wait for a thread.
    let slot = registry().slots.remove(&handle);
    drop(slot);
    let mut registry = registry();
    if registry.slots.is_empty() {
        registry.owner = None;
    }
    Ok(())
}

/// Returns the number of objects that are alive.
pub fn live_handles() -> u32 {
    u32::try_from(registry().slots.len()).unwrap_or(u32::MAX)
}

/// Refuses a call from another thread than that of the objects that are alive: libtorch's modes are
/// a thread's own.
pub fn require_owner() -> Result<()> {
    match registry().owner {
        Some(owner) if owner != thread::current().id() => Err(Error::invalid(
            "Cannot use the core from this thread: expected the thread of the objects that are alive",
        )),
        _ => Ok(()),
    }
}

/// The objects that a call is given.
#[derive(Default)]
pub struct Given(Vec<(u32, Slot)>);

impl Given {
    /// Looks an object up. Error: a handle of none or of another noun, or one that stands in the
    /// call twice.
    pub fn add<T: Object>(&mut self, handle: u32, name: &str) -> Result<()> {
        let bad = |found: String| Error {
            status: Status::BadHandle,
            message: format!(
                "Cannot use handle {handle}: expected a {}, found {found}",
                T::NOUN
            ),
        };
        let found = registry().slots.get(&handle).cloned();
        let (noun, slot) = found.ok_or_else(|| bad("none (closed, or never made)".to_owned()))?;
        if noun != T::NOUN {
            return Err(bad(format!("a {noun}")));
        }
        if self.0.iter().any(|(other, _)| *other == handle) {
            return Err(bad(format!(
                "one for {name} that the call is given already"
            )));
        }
        self.0.push((handle, slot));
        Ok(())
    }

    /// Locks all objects, in the order of their handles, and calls `body` with them.
    pub fn locked<R>(mut self, body: impl FnOnce(&mut Objects<'_>) -> R) -> R {
        self.0.sort_by_key(|(handle, _)| *handle);
        let mut guards: Vec<_> = self
            .0
            .iter()
            .map(|(handle, slot)| (*handle, slot.lock().unwrap_or_else(|p| p.into_inner())))
            .collect();
        let objects = guards.iter_mut();
        body(&mut Objects(
            objects
                .map(|(handle, guard)| (*handle, &mut ***guard as _))
                .collect(),
        ))
    }
}

/// The locked objects of a call that no argument has taken yet.
pub struct Objects<'objects>(Vec<(u32, &'objects mut (dyn Any + Send))>);

impl<'objects> Objects<'objects> {
    /// Takes an object out.
    pub fn take<T: Object>(&mut self, handle: u32) -> Result<&'objects mut T> {
        let place = self.0.iter().position(|(other, _)| *other == handle);
        let object = place.and_then(|place| self.0.swap_remove(place).1.downcast_mut());
        object.ok_or_else(|| Error {
            status: Status::BadHandle,
            message: format!("Cannot use handle {handle}: expected a {}", T::NOUN),
        })
    }
}
