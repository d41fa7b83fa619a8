import { doesNotMatch, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../src/setup/basics.ts";
import { askPython } from "../src/setup/machine.ts";
import { buildNccl, HEADERS, missingHeaders, wheelIncludes } from "../src/setup/nccl.ts";
import { installWheels } from "../src/setup/pip.ts";
import { projectRoot, requireSetup, stateFolder } from "../src/setup/record.ts";
import { exclusively } from "../src/setup/session.ts";
import { skip } from "./skip.ts";

/** Those of the oracle's wheels, and for what they lack a folder of wheels that this test installs once. */
async function includes(): Promise<string[]> {
  const places = ["oracle", "cuda-headers"].map((name) => join(stateFolder(), name));
  const found = places.flatMap(wheelIncludes);
  const missing = missingHeaders(found);
  if (missing.length === 0) return found;
  await exclusively({ root: projectRoot, quiet: true }, async (session) => {
    const python = await askPython(session);
    if (python === undefined) throw new Error("there is no python3");
    await installWheels(places[1]!, {
      requirements: missing.map((header) => HEADERS[header]!),
      dependencies: false,
      python: python.version,
    }, session);
  });
  return places.flatMap(wheelIncludes);
}

Deno.test("the GPUs' side of the ranks compiles and links against libtorch_cuda and NCCL's headers", async (t) => {
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
  const output = join(folder, "libbyol-nccl.so");
  await exclusively(
    { root: projectRoot, quiet: true },
    (session) => buildNccl({ root: projectRoot, libtorch, includes: folders, output }, session),
  );
  const { stdout } = await new Deno.Command("nm", { args: ["-D", output] }).output();
  match(new TextDecoder().decode(stdout), / T byol_nccl_attach\n/);
  match(new TextDecoder().decode(stdout), / U _ZN4c10d16ProcessGroupNCCLC1E/);
  await opens(t, output);
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
      args: ["run", "--no-prompt", "--allow-all", "tests/nccl_open.ts", library],
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
