/**
 * Versions of what the project is built with, each written once. The other two are in native/Cargo.toml: tch, and
 * `rust-version`, the oldest compiler. A test compares what the pages and scripts say.
 */

/** Deno, as npm's range: `npx -y deno@2.9`. */
export const DENO_VERSION = "2.9";

/** PyTorch's wheel on PyPI that libtorch is taken from; tch in native/Cargo.toml pairs with this version alone. */
export const LIBTORCH_VERSION = "2.11.0";

/** The series of libtorch that the core is built with. */
export const LIBTORCH_SERIES: string = LIBTORCH_VERSION.replace(/\.\d+$/, "");

/** torchvision for the PyTorch of LIBTORCH_VERSION: what views and exports are compared with. */
export const TORCHVISION_VERSION = "0.26.0";
