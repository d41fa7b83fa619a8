/** Properties of this machine: platform, Python, GPU driver, the tools that build the core. */

import { outputOf, runChild, type Session } from "./child.ts";
import { setupError } from "./setup_error.ts";
import { readIfThere } from "../base/files.ts";

/** Operating system and architecture, as Deno.build names them. */
export interface Platform {
  os: string;
  arch: string;
}

/** Report of `python3` about itself and the machine. */
export interface Python {
  version: [major: number, minor: number];
  pip: boolean;
  /** The folder of its torch package, when it has one. */
  torch: string | null;
  /** True where the machine has NVIDIA's driver. */
  nvidia: boolean;
  /** Words that run this Python; default: `python3`. */
  words?: readonly string[];
  /** Message of a python3 that does not start; absent where it does. */
  problem?: string;
}

/** Words that run python3, and those that run it without the variables (PYTHONHOME, PYTHONPATH) of another Python. */
export const PYTHON3: readonly string[] = ["python3"];
const PYTHON3_ALONE: readonly string[] = ["python3", "-E"];

/**
 * Refuses platforms that there is no libtorch for.
 *
 * @throws {UserError} (exit code 6) naming what is supported.
 */
export function refuseUnsupported(platform: Platform): void {
  if (platform.os === "linux" && platform.arch === "x86_64") return;
  const name = platform.os === "darwin" ? "macOS" : platform.os;
  throw setupError(
    `Cannot set up on ${name} (${platform.arch}): expected Linux on x86-64, on its CPU or on NVIDIA GPUs ` +
      "(macOS, aarch64 and ROCm are not supported); run on such a machine or in a linux/amd64 container",
  );
}

// Python looks for the driver's files: Deno reads below /proc and /dev only with every permission.
const PYTHON_REPORT = `
import importlib.util, json, os, sys
try:
    torch = importlib.util.find_spec("torch")
except Exception:
    torch = None
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "pip": importlib.util.find_spec("pip") is not None,
    "torch": os.path.dirname(torch.origin) if torch and torch.origin else None,
    "nvidia": any(map(os.path.exists, ["/proc/driver/nvidia/version", "/dev/nvidiactl"])),
}))`;

/**
 * Runs python3 and returns its report; undefined when there is no python3. Modules and conda may have set the variables of
 * a Python that is not the first on the PATH: where python3 does not start with them, it is run without them.
 */
export async function askPython(session: Session): Promise<Python | undefined> {
  let problem = "";
  for (const words of [PYTHON3, PYTHON3_ALONE]) {
    try {
      const command = { words: [...words, "-c", PYTHON_REPORT] };
      const { code, stdout, stderr } = await runChild(command, { ...session, quiet: true });
      if (code === 0) return { ...JSON.parse(stdout), words };
      problem = stderr.trim().split("\n").at(-1) ?? "";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
  return { version: [0, 0], pip: false, torch: null, nvidia: false, problem };
}

/** Names the tool that is missing to install a wheel, with the command that repairs it; undefined when none is. */
export function pipProblem(python: Python | undefined): string | undefined {
  if (python?.pip) return undefined;
  if (python?.problem !== undefined) {
    return `Cannot install libtorch: python3 does not start (${python.problem}); expected another python3 first on ` +
      "the PATH: look at `which python3` and at the loaded modules";
  }
  const missing = python === undefined ? "python3 is not installed" : "python3 has no pip";
  return `Cannot install libtorch: ${missing}; run as root: apt-get install -y python3-pip`;
}

const RUSTUP = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && " +
  '. "$HOME/.cargo/env"';

/** Lists the tools that are missing to build the core: one message each, with the command that repairs it. */
export async function toolProblems(manifest: string, session: Session): Promise<string[]> {
  const problems: string[] = [];
  const wanted = readIfThere(manifest)?.match(/^rust-version = "([\d.]+)"/m)?.[1] ?? "1.0";
  const cargo = await outputOf(["cargo", "--version"], session);
  const found = cargo?.match(/^cargo (\d+\.\d+[\d.]*)/)?.[1];
  if (found === undefined) {
    problems.push(
      `Cannot build the core: cargo is not installed or has no toolchain, expected version ${wanted} ` +
        `or newer; run: ${RUSTUP}`,
    );
  } else if (isOlder(found, wanted)) {
    problems.push(
      `Cannot build the core: cargo is version ${found}, expected ${wanted} or newer; with rustup run: ` +
        `rustup update stable; without: ${RUSTUP}`,
    );
  }
  // A compiler that the user names is checked by the build.
  if (!Deno.env.get("CXX") && await outputOf(["g++", "--version"], session) === undefined) {
    problems.push(
      "Cannot build the core: g++ is not installed; run as root: apt-get install -y g++",
    );
  }
  return problems;
}

function isOlder(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split(".").map(Number));
  const at = [0, 1, 2].find((part) => (a?.[part] ?? 0) !== (b?.[part] ?? 0));
  return at !== undefined && (a?.[at] ?? 0) < (b?.[at] ?? 0);
}
