//! Compiles the C++ shim (shim/*.cpp): what tch lacks of libtorch.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Sources that are compiled as one: most of the time of each alone goes to libtorch's headers.
const JOINED: [&str; 8] = [
    "autocast",
    "batch_norm",
    "convolution",
    "device",
    "foreach",
    "lbfgs",
    "recompute",
    "scaler",
];

fn main() {
    println!("cargo:rerun-if-changed=shim");
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    // Never unloaded, and libtorch with it: threads of both run on, and libtorch keeps the core's allocator.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let Some(libtorch) = env::var_os("LIBTORCH_INCLUDE").or_else(|| env::var_os("LIBTORCH")) else {
        println!("cargo:warning=Cannot compile the shim: expected LIBTORCH, the folder of libtorch; use deno task setup");
        std::process::exit(1);
    };
    // Of no part of the core, only of its tests: the linker leaves out what nothing calls.
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .flag("-Wno-unknown-pragmas")
        .file("shim/gpu/emulator.cpp")
        .compile("byol_emulator");
    let include = PathBuf::from(libtorch).join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .include("shim/declarations")
        // As system headers: their warnings are not ours.
        .flag(format!("-isystem{}", include.display()))
        .flag(format!(
            "-isystem{}",
            include.join("torch/csrc/api/include").display()
        ))
        .define("USE_C10D", None)
        .define("USE_DISTRIBUTED", None)
        .define("USE_C10D_GLOO", None)
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .file(joined())
        .file("shim/distributed.cpp")
        .file("shim/jpeg.cpp")
        .file("shim/memory.cpp")
        .compile("byol_shim");
}

/// Writes a source that includes those of JOINED, and returns its path.
fn joined() -> PathBuf {
    let path = |variable: &str| PathBuf::from(env::var_os(variable).unwrap_or_default());
    let shim = path("CARGO_MANIFEST_DIR").join("shim");
    let include = |name| format!("#include {:?}\n", shim.join(format!("{name}.cpp")));
    let file = path("OUT_DIR").join("joined").with_extension("cpp");
    write(&file, &JOINED.map(include).concat());
    file
}

fn write(file: &Path, text: &str) {
    if let Err(error) = fs::write(file, text) {
        println!("cargo:warning=Cannot write {}: {error}", file.display());
        std::process::exit(1);
    }
}
