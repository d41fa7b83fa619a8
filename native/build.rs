//! Compiles the C++ shim (shim/*.cpp): what tch lacks of libtorch.

use std::env;
use std::path::PathBuf;

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
        .file("shim/autocast.cpp")
        .file("shim/batch_norm.cpp")
        .file("shim/convolution.cpp")
        .file("shim/device.cpp")
        .file("shim/distributed.cpp")
        .file("shim/foreach.cpp")
        .file("shim/jpeg.cpp")
        .file("shim/memory.cpp")
        .file("shim/recompute.cpp")
        .file("shim/scaler.cpp")
        .compile("byol_shim");
}
