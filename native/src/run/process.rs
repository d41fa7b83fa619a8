//! Which process a number stands for: numbers are used again, and mean nothing on another machine.

use std::fs;

/// Returns what tells one machine's processes from another's: the boot, and the name space of the numbers (a container
/// has its own). Null where the system does not say.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.display()))
}

/// When a process was started, in ticks since the boot; None where it is gone, or only waits to be cleared away.
fn started(pid: u32) -> Option<String> {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        // A /proc that hides other users' processes.
        return exists(pid).then(|| "unknown".to_owned());
    };
    // The name before may hold anything, parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18).map(str::to_owned),
    }
}

fn exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 only asks.
    let found = unsafe { libc::kill(pid, 0) } == 0;
    found || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// JSON: the machine, and the start of its process `pid`.
pub fn describe(pid: u32) -> String {
    serde_json::json!({ "machine": machine(), "started": started(pid) }).to_string()
}
