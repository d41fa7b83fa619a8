//! The kernels of the GPUs' side: their source, compiled by NVRTC when a device is opened, and whether they are in use.

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::gpu;
use crate::error::{Error, Result};
use crate::torch::library::{self, Opened};

const SOURCE: &str = concat!(
    include_str!("../../../shim/gpu/elements.cuh"),
    include_str!("../../../shim/gpu/batch_norm.cuh"),
    include_str!("../../../shim/gpu/tensors.h"),
    include_str!("../../../shim/gpu/optimizer.cuh"),
    include_str!("../../../shim/gpu/views.cuh"),
);

/// NVRTC by its name, for the dynamic linker: of the CUDA of today's libtorch, and of the one before.
const NVRTC: [&str; 2] = ["libnvrtc.so.13", "libnvrtc.so.12"];

static IN_USE: AtomicBool = AtomicBool::new(false);

/// Returns whether kernels were compiled, and none has been given up since.
pub fn in_use() -> bool {
    IN_USE.load(Ordering::Relaxed)
}

/// From now on libtorch's operations and the processor's views take the kernels' place.
pub fn give_up() {
    IN_USE.store(false, Ordering::Relaxed);
}

/// The GPU that kernels are compiled for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KernelOptions {
    /// Its number in this process.
    device: i32,
    /// Its architecture, such as `sm_90`.
    architecture: String,
    /// libtorch's library that is linked with NVRTC.
    compiler: String,
}

impl KernelOptions {
    /// Compiles the kernels, and loads them onto the device where the library of the GPUs' side is open.
    pub fn compile(&self) -> Result<()> {
        give_up();
        let cannot = |why: String| {
            Error::io(format!(
                "Cannot compile the kernels for {}: {why}",
                self.architecture
            ))
        };
        let nvrtc = Nvrtc::open(&self.compiler).map_err(cannot)?;
        let code = nvrtc.compile(SOURCE, &self.architecture).map_err(cannot)?;
        if let Some(gpu) = gpu() {
            gpu.load_kernels(&code, self.device)
                .map_err(|error| cannot(error.message))?;
        }
        IN_USE.store(true, Ordering::Relaxed);
        Ok(())
    }
}

type Program = *mut c_void;
type Create = unsafe extern "C" fn(
    *mut Program,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
    *const *const c_char,
) -> c_int;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type Read = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;
type Words = unsafe extern "C" fn(c_int) -> *const c_char;

/// NVIDIA's compiler at run time, which libtorch brings.
struct Nvrtc {
    create: Create,
    compile: Compile,
    log_size: Size,
    log: Read,
    code_size: Size,
    code: Read,
    destroy: Destroy,
    words: Words,
}

impl Nvrtc {
    /// Opens libtorch's library or, where it lacks a driver, NVRTC itself.
    fn open(beside: &str) -> std::result::Result<Self, String> {
        let mut problem = String::new();
        for path in [beside].into_iter().chain(NVRTC) {
            match library::open(path) {
                // SAFETY: the types are those of nvrtc.h.
                Ok(library) => return unsafe { Self::of(&library) },
                Err(why) if problem.is_empty() => problem = why,
                Err(why) => problem = format!("{problem}; {why}"),
            }
        }
        Err(problem)
    }

    /// # Safety
    /// The library must be NVRTC, or linked with it.
    unsafe fn of(library: &Opened) -> std::result::Result<Self, String> {
        unsafe {
            Ok(Self {
                create: library.function("nvrtcCreateProgram")?,
                compile: library.function("nvrtcCompileProgram")?,
                log_size: library.function("nvrtcGetProgramLogSize")?,
                log: library.function("nvrtcGetProgramLog")?,
                code_size: library.function("nvrtcGetCUBINSize")?,
                code: library.function("nvrtcGetCUBIN")?,
                destroy: library.function("nvrtcDestroyProgram")?,
                words: library.function("nvrtcGetErrorString")?,
            })
        }
    }

    /// Returns the machine code of a source for an architecture. Error: the compiler's words.
    fn compile(&self, source: &str, architecture: &str) -> std::result::Result<Vec<u8>, String> {
        let text = |text: String| CString::new(text).map_err(|error| error.to_string());
        let (source, name) = (text(source.to_owned())?, text("byol.cu".to_owned())?);
        let options = [
            text(format!("--gpu-architecture={architecture}"))?,
            text("--std=c++17".to_owned())?,
        ];
        let pointers = options.each_ref().map(|option| option.as_ptr());
        let mut program: Program = null_mut();
        let made = unsafe {
            let (source, name) = (source.as_ptr(), name.as_ptr());
            (self.create)(&mut program, source, name, 0, null(), null())
        };
        self.checked("nvrtcCreateProgram", made)?;
        let code = self.compiled(program, &pointers);
        let _ = unsafe { (self.destroy)(&mut program) };
        code
    }

    fn compiled(
        &self,
        program: Program,
        options: &[*const c_char],
    ) -> std::result::Result<Vec<u8>, String> {
        let count = options.len() as c_int;
        let done = unsafe { (self.compile)(program, count, options.as_ptr()) };
        if let Err(problem) = self.checked("nvrtcCompileProgram", done) {
            let log = self.text(program, (self.log_size, self.log));
            let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
            return Err(format!("{problem} {}", log.trim_matches(['\0', '\n', ' '])));
        }
        self.text(program, (self.code_size, self.code))
    }

    fn text(
        &self,
        program: Program,
        (size, read): (Size, Read),
    ) -> std::result::Result<Vec<u8>, String> {
        let mut length = 0;
        self.checked("the size of its output", unsafe {
            size(program, &mut length)
        })?;
        let mut bytes = vec![0u8; length];
        self.checked("its output", unsafe {
            read(program, bytes.as_mut_ptr().cast())
        })?;
        Ok(bytes)
    }

    fn checked(&self, what: &str, status: c_int) -> std::result::Result<(), String> {
        if status == 0 {
            return Ok(());
        }
        let words = unsafe { CStr::from_ptr((self.words)(status)) };
        Err(format!("{what} failed: {}", words.to_string_lossy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(compiler: &str) -> KernelOptions {
        KernelOptions {
            device: 0,
            architecture: "sm_90".to_owned(),
            compiler: compiler.to_owned(),
        }
    }

    #[test]
    fn a_compiler_that_is_none_leaves_the_kernels_out_of_use() {
        // A library that opens, and has no NVRTC.
        let error = options("libc.so.6").compile().expect_err("no compiler");
        let words = &error.message;
        assert!(
            words.starts_with("Cannot compile the kernels for sm_90: "),
            "{words}"
        );
        assert!(words.contains("nvrtcCreateProgram"), "{words}");
        assert!(!in_use());
    }
}
