//! The GPUs' side of the core: a library of its own (shim/gpu/*.cpp), as it links libtorch_cuda, which a machine
//! without a GPU need not have. Opened where a run uses a GPU; where it could not be built, libtorch's own operations
//! and the processor's views do the same, more slowly.

pub mod batch_norm;
#[cfg(test)]
pub mod emulated;
pub mod graph;
pub mod kernels;
#[cfg(test)]
mod tests;

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

use tch::Device;
use torch_sys::C_tensor;

use super::library::{self, Opened};
use super::shim::{checked, Message};
use crate::error::{Error, Result, Status};

type LoadKernels = unsafe extern "C" fn(*const u8, c_int, Message) -> c_int;
/// Type of the library's function that makes views: images or crops, words, whether they are crops, sizes, mean, scale.
pub type Views = unsafe extern "C" fn(
    *const C_tensor,
    *const C_tensor,
    bool,
    i64,
    i64,
    *const f32,
    *const f32,
    *mut *mut C_tensor,
    Message,
) -> c_int;
type GraphBegin = unsafe extern "C" fn(*mut *mut c_void, Message) -> c_int;
type GraphCall = unsafe extern "C" fn(*mut c_void, Message) -> c_int;
type GraphClose = unsafe extern "C" fn(*mut c_void);

/// Function that runs a kernel by name: blocks along the rows and the channels, threads of a block, pointers to the
/// arguments.
pub type Launch =
    unsafe extern "C" fn(*const c_char, c_uint, c_uint, c_uint, *mut *mut c_void, Message) -> c_int;

/// The way kernels are run; shim/launch.h has the same.
#[repr(C)]
pub struct Kernels {
    pub launch: Launch,
    /// Threads of a block: a power of two, at most 256.
    pub threads: c_uint,
    /// Blocks along the rows; 0: as the number of rows asks for.
    pub blocks: c_uint,
}

impl Kernels {
    fn of_gpu(launch: Launch) -> Self {
        Self {
            launch,
            threads: 256,
            blocks: 0,
        }
    }
}

/// The library's functions.
pub struct Gpu {
    load_kernels: LoadKernels,
    kernels: Kernels,
    pub views: Views,
    graph_begin: GraphBegin,
    graph_end: GraphCall,
    graph_replay: GraphCall,
    graph_close: GraphClose,
}

static GPU: OnceLock<Gpu> = OnceLock::new();

/// The library, where it was opened.
pub fn gpu() -> Option<&'static Gpu> {
    #[cfg(test)]
    if let Some(emulated) = emulated::of_thread() {
        return Some(emulated);
    }
    GPU.get()
}

/// The library, where its kernels are in use: without them libtorch's operations and the processor's views take their
/// place, and a step is recorded all the same.
pub fn gpu_with_kernels() -> Option<&'static Gpu> {
    gpu().filter(|_| kernels::in_use())
}

/// Opens the library, whose kernels are then to be compiled; libtorch_cuda must be loaded. It is never closed.
pub fn open(path: &str) -> Result<()> {
    if gpu().is_some() {
        return Ok(());
    }
    let cannot = |why: String| Error::io(format!("Cannot use {path}: {why}"));
    let library = library::open(path).map_err(cannot)?;
    // SAFETY: the types are those of the functions in shim/gpu/*.cpp.
    let opened = unsafe { Gpu::of(&library) }.map_err(cannot)?;
    GPU.get_or_init(|| opened);
    Ok(())
}

impl Gpu {
    /// # Safety
    /// The library must be that of shim/gpu/*.cpp.
    unsafe fn of(library: &Opened) -> std::result::Result<Self, String> {
        unsafe {
            Ok(Self {
                load_kernels: library.function("byol_gpu_load_kernels")?,
                kernels: Kernels::of_gpu(library.function("byol_gpu_launch")?),
                views: library.function("byol_gpu_views")?,
                graph_begin: library.function("byol_gpu_graph_begin")?,
                graph_end: library.function("byol_gpu_graph_end")?,
                graph_replay: library.function("byol_gpu_graph_replay")?,
                graph_close: library.function("byol_gpu_graph_close")?,
            })
        }
    }

    /// Loads the kernels' machine code onto a GPU, which gets a context of this process where it has none.
    fn load_kernels(&self, code: &[u8], device: c_int) -> Result<()> {
        checked(Status::Torch, |error| unsafe {
            (self.load_kernels)(code.as_ptr(), device, error)
        })
    }

    /// Returns the way kernels are run on a device; None where they do not run there.
    pub fn kernels_on(&self, device: Device) -> Option<&Kernels> {
        self.runs_on(device).then_some(&self.kernels)
    }

    /// Returns whether the kernels run on such a device: a GPU, where they are in use; in the tests the processor.
    fn runs_on(&self, device: Device) -> bool {
        #[cfg(test)]
        if emulated::of_thread().is_some() {
            return device == Device::Cpu;
        }
        device.is_cuda() && kernels::in_use()
    }
}
