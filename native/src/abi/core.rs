//! The core itself: its description, its threads, its devices.

use super::arguments::Json;
use super::handles::{close, live_handles};
use super::results::{Count, Text};
use super::table::table;
use crate::data::photos::jpeg::Decoder;
use crate::error::{Error, Result, STATUSES};
use crate::torch::autocast::processor_has_bf16;
use crate::torch::device::Numerics;
use crate::torch::gpu;
use crate::torch::gpu::kernels::{self, KernelOptions};
use crate::torch::gpus::describe_gpus;

table! {
    /// Returns the description of the tables.
    fn byol_abi_describe() -> Text { Ok(describe()) }

    /// Counts the objects that are alive.
    fn byol_core_live_handles() -> Count { Ok(live_handles()) }

    /// Drops an object; does nothing where that was done. Waits for the threads of a job or a
    /// heartbeat.
    fn byol_handle_close(handle: u32) = close;

    /// Returns the last text that did not fit its buffer, once. Fails where there is none.
    fn byol_core_long_text() -> Text { Text::kept() }

    /// Sets the number of threads of one tensor operation. Fails outside 1 to 1024.
    fn byol_core_set_threads(threads: u32) = set_threads;

    /// Returns the threads in use, the version, the decoder of JPEG files, whether the processor
    /// has bfloat16, and whether the kernels of a GPU are in use.
    fn byol_core_info() -> Text { Ok(info()) }

    /// Decodes JPEG files by the libjpeg-turbo in a file from now on. Fails (Io) where it cannot be
    /// opened.
    fn byol_core_use_libjpeg(path: Json<String>) { Decoder::choose(&path) }

    /// Returns the newest CUDA that the driver knows and its GPUs, or why there are none.
    fn byol_core_gpus() -> Text { Ok(describe_gpus()) }

    /// Sets how GPUs compute.
    fn byol_core_set_numerics(options: Json<Numerics>) { options.set() }

    /// Opens the library of the GPUs' side, for the life of the process. Fails (Io) where it cannot
    /// be opened.
    fn byol_core_open_gpu(path: Json<String>) { gpu::open(&path) }

    /// Compiles the kernels for a GPU, and loads them where the library of the GPUs' side is open.
    /// Fails (Io), with the kernels out of use, where that cannot be.
    fn byol_core_compile_kernels(options: Json<KernelOptions>) { options.compile() }

    /// Puts the kernels out of use: libtorch's operations take their place.
    fn byol_core_give_up_kernels() { kernels::give_up(); Ok(()) }

    /// Panics: a test sees that the status is Panic.
    fn byol_core_panic() = panic_as_asked;
}

fn describe() -> String {
    let symbols = super::symbols().map(|symbol| {
        serde_json::json!({
            "name": symbol.name,
            "doc": symbol.doc.trim(),
            "arguments": symbol.arguments,
            "numbers": symbol.numbers,
        })
    });
    let symbols: Vec<_> = symbols.collect();
    let statuses = STATUSES.map(|(name, status)| (name, status as i32));
    serde_json::json!({ "symbols": symbols, "statuses": statuses }).to_string()
}

#[expect(clippy::panic)]
fn panic_as_asked() -> Result<()> {
    panic!("asked to")
}

fn set_threads(threads: u32) -> Result<()> {
    if !(1..=1024).contains(&threads) {
        return Err(Error::invalid(format!(
            "Cannot use {threads} threads: expected 1 to 1024"
        )));
    }
    tch::set_num_threads(threads as i32);
    Ok(())
}

fn info() -> String {
    serde_json::json!({
        "threads": tch::get_num_threads(),
        "version": env!("CARGO_PKG_VERSION"),
        "jpeg": Decoder::chosen().name(),
        "bf16": processor_has_bf16(),
        "kernels": kernels::in_use(),
    })
    .to_string()
}
