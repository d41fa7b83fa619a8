//! Signals as the core sees them: at once, also during a call that JavaScript waits for.
//!
//! Deno's listeners run between two calls. A step of a large network on a CPU takes a minute: long calls that can be
//! given up ask here, and a second request ends the process from within the handler.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Instant;

use serde::Deserialize;

use crate::error::{Error, Result, Status};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchOptions {
    /// By number.
    signals: Vec<i32>,
    /// Milliseconds within which a repeated signal is the same request.
    same_request_milliseconds: u32,
    /// Exit code of the process at the second request.
    exit_code: i32,
}

/// The handler's knowledge; it may do no more than read and write these.
struct Seen {
    watched: AtomicBool,
    /// Milliseconds of the process at the first request, plus one; 0 is none.
    first: AtomicU64,
    pause: AtomicU64,
    exit_code: AtomicI32,
}

static SEEN: Seen = Seen {
    watched: AtomicBool::new(false),
    first: AtomicU64::new(0),
    pause: AtomicU64::new(0),
    exit_code: AtomicI32::new(0),
};
static STARTED: OnceLock<Instant> = OnceLock::new();
static REGISTERED: OnceLock<std::result::Result<(), String>> = OnceLock::new();

const AT_ONCE: &[u8] =
    b"\nInterrupted again: ended at once, without a save; a resume continues from the last checkpoint\n";

/// Watches while it lives; one at a time.
pub struct Watch(());

impl Watch {
    pub fn start(options: WatchOptions) -> Result<Self> {
        SEEN.pause.store(
            u64::from(options.same_request_milliseconds),
            Ordering::SeqCst,
        );
        SEEN.exit_code.store(options.exit_code, Ordering::SeqCst);
        STARTED.get_or_init(Instant::now);
        REGISTERED
            .get_or_init(|| register(&options.signals))
            .clone()
            .map_err(|error| Error::invalid(format!("Cannot watch for signals: {error}")))?;
        SEEN.first.store(0, Ordering::SeqCst);
        if SEEN.watched.swap(true, Ordering::SeqCst) {
            return Err(Error::invalid(
                "Cannot watch for signals: expected one watch at a time",
            ));
        }
        Ok(Self(()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        SEEN.watched.store(false, Ordering::SeqCst);
        SEEN.first.store(0, Ordering::SeqCst);
    }
}

/// Handlers stay for good, and call those that were there before.
fn register(signals: &[i32]) -> std::result::Result<(), String> {
    for &signal in signals {
        // SAFETY: the action touches atomics, the clock, write and _exit, which a handler may.
        unsafe { signal_hook::low_level::register(signal, on_signal) }
            .map_err(|error| format!("signal {signal}: {error}"))?;
    }
    Ok(())
}

fn on_signal() {
    if !SEEN.watched.load(Ordering::SeqCst) {
        return;
    }
    let now = milliseconds() + 1;
    if let Err(first) = SEEN
        .first
        .compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst)
    {
        if now.saturating_sub(first) >= SEEN.pause.load(Ordering::SeqCst) {
            // SAFETY: a static buffer and its length.
            unsafe { libc::write(2, AT_ONCE.as_ptr().cast(), AT_ONCE.len()) };
            signal_hook::low_level::exit(SEEN.exit_code.load(Ordering::SeqCst));
        }
    }
}

fn milliseconds() -> u64 {
    STARTED
        .get()
        .map_or(0, |started| started.elapsed().as_millis() as u64)
}

/// Returns whether a watched signal has come.
pub fn seen() -> bool {
    SEEN.first.load(Ordering::SeqCst) != 0
}

/// For loops that can be given up: an error once a watched signal has come.
pub fn check() -> Result<()> {
    if !seen() {
        return Ok(());
    }
    Err(Error {
        status: Status::Interrupted,
        message: "Stopped by a signal".to_owned(),
    })
}
