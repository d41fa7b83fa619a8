//! The program around a run: signals, processes, the heartbeat of a lock.

use super::arguments::Json;
use super::results::{Flag, Handle, Text};
use super::table::table;
use crate::run::heartbeat::{Heartbeat, HeartbeatOptions};
use crate::run::signals::{Watch, WatchOptions};
use crate::run::{process, signals};

table! {
    /// Watches for signals until the handle is closed: a second request ends the process. Fails
    /// while another watch lives.
    fn byol_signals_watch(options: Json<WatchOptions>) -> Handle = Watch::start;

    /// Returns 1 once a watched signal has come.
    fn byol_signals_seen() -> Flag { Ok(signals::seen()) }

    /// Returns what tells a process from others that had or have its number.
    fn byol_process_describe(pid: u32) -> Text { Ok(process::describe(pid)) }

    /// Starts to write a lock's file again and again, in a thread that the handle owns.
    fn byol_heartbeat_start(options: Json<HeartbeatOptions>) -> Handle = Heartbeat::start;

    /// Fails (Io) once the lock is lost; beats itself when the last beat is that old.
    fn byol_heartbeat_check(heartbeat: &Heartbeat, max_age_milliseconds: u32) = Heartbeat::check;
}
