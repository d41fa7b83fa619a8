import { doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../../src/base/files.ts";
import {
  buildGpuLibrary,
  fetchHeaders,
  headersFolder,
  missingHeaders,
  wheelIncludes,
} from "../../../src/setup/gpu_library.ts";
import { askPython } from "../../../src/setup/machine.ts";
import { projectRoot, requireSetup, stateFolder } from "../../../src/setup/record.ts";
import { exclusively } from "../../../src/setup/session.ts";
import { skip } from "../../support/skip.ts";

/** Those of the oracle's wheels, and for what they lack a folder of wheels that this test installs once. */
async function includes(): Promise<string[]> {
  const places = [join(stateFolder(), "oracle"), headersFolder(projectRoot)];
  const found = places.flatMap(wheelIncludes);
  if (missingHeaders(found).length === 0) return found;
  await exclusively({ root: projectRoot, quiet: true }, async (session) => {
    const python = await askPython(session);
    if (python === undefined) throw new Error("there is no python3");
    await fetchHeaders(projectRoot, found, { python, session });
  });
  return places.flatMap(wheelIncludes);
}

Deno.test("the GPUs' side compiles and links against libtorch_cuda and the headers of CUDA and NCCL", async (t) => {
  const { libtorch } = requireSetup();
  if (!exists(join(libtorch, "lib/libtorch_cuda.so"))) {
    return skip("this libtorch has no libtorch_cuda to link: deno task setup --cuda brings one");
  }
  let folders: string[];
  try {
    folders = await includes();
  } catch (error) {
    return skip(`the header wheels cannot be installed: ${(error as Error).message}`);
  }
  equal(missingHeaders(folders).join(), "");
  const folder = await Deno.makeTempDir();
  const output = join(folder, "libbyol-gpu.so");
  await exclusively(
    { root: projectRoot, quiet: true },
    (session) =>
      buildGpuLibrary({ root: projectRoot, libtorch, includes: folders, output }, session),
  );
  const { stdout } = await new Deno.Command("nm", { args: ["-D", output] }).output();
  for (
    const name of ["nccl_attach", "gpu_views", "gpu_launch", "gpu_load_kernels", "gpu_graph_begin"]
  ) {
    match(new TextDecoder().decode(stdout), new RegExp(` T byol_${name}\n`));
  }
  match(new TextDecoder().decode(stdout), / U _ZN4c10d16ProcessGroupNCCLC1E/);
  await opens(t, output);
  await compiles(t);
  await Deno.remove(folder, { recursive: true });
});

/** Loads it beside the core. Without a GPU, NCCL itself is the one that refuses. */
async function opens(test: Deno.TestContext, library: string): Promise<void> {
  await test.step("the core opens it beside libtorch_cuda, and NCCL looks for a GPU", async () => {
    const nvidia = join(stateFolder(), "oracle/nvidia");
    const folders = exists(nvidia)
      ? [...Deno.readDirSync(nvidia)].map(({ name }) => join(nvidia, name, "lib")).filter(exists)
      : [];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-all", "tests/support/nccl_open.ts", library],
      cwd: projectRoot,
      env: { LD_LIBRARY_PATH: folders.join(":"), CUDA_VISIBLE_DEVICES: "" },
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(stdout);
    const error = new TextDecoder().decode(stderr);
    if (!said.includes("libtorch_cuda is loaded")) {
      match(error, /libtorch_cuda\.so cannot be loaded: .*run: deno task setup --cuda/);
      return skip(`libtorch_cuda cannot be loaded here: ${error.split("\n")[0]}`);
    }
    equal(code, 1, error);
    match(error, /ProcessGroupNCCL is only supported with GPUs, no GPUs found/);
    doesNotMatch(said, /NCCL is attached/);
  });
}

/** NVRTC needs no GPU to compile for one. */
async function compiles(test: Deno.TestContext): Promise<void> {
  await test.step("NVRTC compiles the kernels for the architectures of the wheel", async () => {
    // The wheel of its header brings it, too.
    const places = [join(stateFolder(), "oracle"), headersFolder(projectRoot)];
    const library = places.map((rankInfo) => join(rankInfo, "nvidia/cu13/lib/libnvrtc.so.13"))
      .find(exists);
    if (library === undefined) return skip("there is no NVRTC: the oracle of PyTorch brings one");
    const architectures = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"];
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: ["tests/support/compile_kernels.py", library, ...architectures],
      cwd: projectRoot,
      // NVRTC looks for its own second half.
      env: { LD_LIBRARY_PATH: join(library, "..") },
    }).output();
    equal(code, 0, new TextDecoder().decode(stderr));
    const kernels = new TextDecoder().decode(stdout).trim().split("\n");
    equal(kernels.length, 27 * architectures.length);
    const spilling = kernels.filter((line) => !line.endsWith(" 0 0"));
    equal(spilling.join(), "");
  });
}
