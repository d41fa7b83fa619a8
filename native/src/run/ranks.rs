//! The ranks of a run: the store they meet at, the watch that knows who is alive, their collectives.

use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tch::Tensor;

use crate::error::{Error, Result, Status};
use crate::torch::distributed::{Group, Network, Store};

/// Counts up while a rank is alive.
const BEAT: &str = "beat/";
/// The reason of the first rank that left.
const LEFT: &str = "left";
/// A connection that takes longer than its timeout and this is given up.
const GRACE: Duration = Duration::from_millis(500);
/// Ranks whose beats one round may read without being felt at the store.
const RANKS_PER_BEAT: u32 = 64;

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RanksOptions {
    rank: usize,
    world_size: usize,
    host: String,
    port: u16,
    connect_milliseconds: u32,
    beat_milliseconds: u32,
    answer_milliseconds: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupOptions {
    interface: String,
    address: String,
    timeout_milliseconds: u32,
    /// The library of the GPUs' side, where the ranks compute on GPUs.
    nccl: Option<String>,
}

/// A rank's connection to the others.
pub struct Ranks {
    options: RanksOptions,
    watch: Option<Watch>,
    group: Option<Arc<Group>>,
    store: Arc<Store>,
}

impl Ranks {
    /// Rank 0 opens the store, the others connect to it.
    pub fn connect(options: RanksOptions) -> Result<Self> {
        let store = Arc::new(connect(&options, options.rank == 0)?);
        store.set(&format!("{BEAT}{}", options.rank), b"0")?;
        Ok(Self {
            options,
            watch: None,
            group: None,
            store,
        })
    }

    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        self.store.set(key, value.as_bytes())
    }

    /// JSON: the text of a key, or null.
    pub fn read(&self, key: String) -> Result<String> {
        let store = Arc::clone(&self.store);
        let text = within(self.options.answer_milliseconds, move || store.read(&key))?;
        Ok(serde_json::json!(text).to_string())
    }

    /// Once every rank is known to be there: starts the watch and connects the ranks with each other.
    pub fn open_group(&mut self, options: &GroupOptions) -> Result<()> {
        let (rank, size) = (self.options.rank, self.options.world_size);
        self.watch = Some(Watch::start(&self.options)?);
        let network = Network {
            interface: &options.interface,
            host: &options.address,
        };
        let group = Group::open(
            &self.store,
            (rank, size),
            &network,
            options.timeout_milliseconds,
        )?;
        if let Some(library) = &options.nccl {
            group.attach_nccl(&self.store, library, options.timeout_milliseconds)?;
        }
        self.group = Some(Arc::new(group));
        Ok(())
    }

    pub fn group(&self) -> Result<&Arc<Group>> {
        self.group.as_ref().ok_or_else(|| {
            Error::invalid("Cannot use the ranks' collectives: call byol_ranks_open_group first")
        })
    }

    /// Returns whether any rank says so: a wait for the other processes, not for any device.
    pub fn any(&self, flag: bool) -> Result<bool> {
        let value = Tensor::f_from_slice(&[i32::from(flag)])?;
        self.group()?.maximum(&value)?;
        Ok(value.f_int64_value(&[0])? != 0)
    }

    /// Sums of counts over the ranks: exact, as they are summed as integers.
    pub fn sum(&self, counts: &[i64]) -> Result<Vec<i64>> {
        let values = Tensor::f_from_slice(counts)?;
        self.group()?.sum(&values)?;
        let mut sums = vec![0i64; counts.len()];
        values.f_copy_data(&mut sums, counts.len())?;
        Ok(sums)
    }

    /// The rows of all ranks, in the order of the ranks, which may bring different numbers of them, or none. The
    /// tensors' first dimension is one rank's rows.
    pub fn rows_of_all(&self, tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
        let group = self.group()?;
        let rows = tensors.first().map_or(0, |tensor| tensor.size()[0]);
        let gathered = group.gather(&Tensor::f_from_slice(&[rows])?)?;
        let mut counts = vec![0i64; group.size];
        gathered.f_copy_data(&mut counts, group.size)?;
        let most = counts.iter().copied().max().unwrap_or(0);
        let all = |tensor: &&Tensor| -> Result<Tensor> {
            // c10d gathers tensors of one shape: filled up, and what was filled up is left out again.
            let mut shape = tensor.size();
            shape[0] = most - rows;
            let filling = tensor.f_new_zeros(&shape, (tensor.kind(), tensor.device()))?;
            let joined = group.gather(&Tensor::f_cat(&[*tensor, &filling], 0)?)?;
            let parts = (0i64..).zip(&counts);
            let parts = parts.map(|(rank, &count)| joined.f_narrow(0, rank * most, count));
            let parts = parts.collect::<std::result::Result<Vec<_>, _>>()?;
            Ok(Tensor::f_cat(&parts, 0)?)
        };
        tensors.iter().map(all).collect()
    }

    /// JSON: what the watch knows.
    pub fn health(&self) -> Result<String> {
        match &self.watch {
            Some(watch) => Ok(watch.report()),
            None => Err(Error::invalid(
                "Cannot tell which ranks are alive: call byol_ranks_open_group first",
            )),
        }
    }

    /// Tells the others why this rank leaves before its time; only the first one is heard.
    pub fn leave(&self, reason: String) -> Result<()> {
        let store = Arc::clone(&self.store);
        within(self.options.connect_milliseconds, move || {
            store.claim(LEFT, reason.as_bytes())
        })
    }
}

fn connect(options: &RanksOptions, server: bool) -> Result<Store> {
    let RanksOptions {
        host,
        port,
        connect_milliseconds,
        ..
    } = options.clone();
    within(connect_milliseconds, move || {
        Store::open(&host, port, server, connect_milliseconds)
    })
}

/// Asks the store on a thread of its own: where its process stands still, or something else than a store listens, the
/// call never ends.
fn within<R: Send + 'static>(
    milliseconds: u32,
    ask: impl FnOnce() -> Result<R> + Send + 'static,
) -> Result<R> {
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("byol-store".to_owned())
        // Nobody listens any more when it took too long.
        .spawn(move || drop(sender.send(ask())))
        .map_err(|error| Error::io(format!("Cannot start a thread: {error}")))?;
    let limit = Duration::from_millis(u64::from(milliseconds)) + GRACE;
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        Err(Error {
            status: Status::Distributed,
            message: "the store of rank 0 does not answer".to_owned(),
        })
    })
}

/// When each rank was last seen alive, kept by a thread with a connection of its own.
struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

struct Seen {
    /// The last beat of each rank and when it came here.
    beats: Vec<(i64, Instant)>,
    /// When the store last answered.
    store: Instant,
    left: Option<String>,
}

impl Watch {
    fn start(options: &RanksOptions) -> Result<Self> {
        let store = connect(options, false)?;
        let now = Instant::now();
        let seen = Arc::new(Mutex::new(Seen {
            beats: vec![(0, now); options.world_size],
            store: now,
            left: None,
        }));
        let (stop, stopped) = channel();
        let shared = Arc::clone(&seen);
        let (rank, size) = (options.rank, options.world_size);
        let rounds = 1 + size as u32 / RANKS_PER_BEAT;
        let pause = Duration::from_millis(u64::from(options.beat_milliseconds)) * rounds;
        let thread = std::thread::Builder::new()
            .name("byol-watch".to_owned())
            .spawn(move || {
                let key = format!("{BEAT}{rank}");
                for beat in 1i64.. {
                    // Without a store nobody can be seen any more, and `Seen::store` shows since when.
                    if round(&store, (&key, beat), size, &shared).is_err() {
                        return;
                    }
                    if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })
            .map_err(|error| Error::io(format!("Cannot start a thread: {error}")))?;
        Ok(Self {
            seen,
            stop,
            thread: Some(thread),
        })
    }

    fn report(&self) -> String {
        let seen = lock(&self.seen);
        let age = |instant: &Instant| instant.elapsed().as_millis() as u64;
        let ages: Vec<u64> = seen.beats.iter().map(|(_, instant)| age(instant)).collect();
        serde_json::json!({ "ages": ages, "storeAge": age(&seen.store), "left": seen.left })
            .to_string()
    }
}

fn round(store: &Store, (key, beat): (&str, i64), size: usize, shared: &Mutex<Seen>) -> Result<()> {
    store.set(key, beat.to_string().as_bytes())?;
    let beats = store.counters(BEAT, size)?;
    let left = store.read(LEFT)?;
    let now = Instant::now();
    let mut seen = lock(shared);
    seen.store = now;
    seen.left = left;
    for (last, new) in seen.beats.iter_mut().zip(beats) {
        if last.0 != new {
            *last = (new, now);
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        let stuck = lock(&self.seen).store.elapsed() > Duration::from_secs(1);
        // A thread that hangs in a call to a store that is gone is left to the end of the process.
        if let Some(thread) = self.thread.take().filter(|_| !stuck) {
            drop(thread.join());
        }
    }
}
