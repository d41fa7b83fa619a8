import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../../../src/base/files.ts";
import { headersFolder, wheelIncludes } from "../../../src/setup/gpu_library.ts";
import { projectRoot, stateFolder } from "../../../src/setup/record.ts";
import { type Ended, freePort, startScript, TINY } from "../../support/ranks_run.ts";
import { skip } from "../../support/skip.ts";

/** Returns the folder of NVRTC, of which the wheel of its header brings the whole; undefined without one. */
function nvrtcFolder(): string | undefined {
  const places = [join(stateFolder(), "oracle"), headersFolder(projectRoot)];
  return places.flatMap(wheelIncludes).map((include) => join(include, "../lib"))
    .find((folder) => exists(join(folder, "libnvrtc.so.13")));
}

/** Two ranks that compile the kernels, each with the NVRTC in a folder, and agree on them over Gloo. */
async function compiled(folders: readonly [string, string]): Promise<Ended[]> {
  const port = freePort();
  const ranks = folders.map((folder, rank) =>
    startScript("tests/support/kernels_rank.ts", [...TINY, "--init_timeout=60"], {
      rank,
      ranks: 2,
      port,
      env: { LD_LIBRARY_PATH: folder },
    })
  );
  return await Promise.all(ranks.map(({ ended }) => ended));
}

Deno.test("kernels that do not compile on one rank are out of use on both, with a warning on each", async () => {
  const whole = nvrtcFolder();
  if (whole === undefined) return skip("there is no NVRTC: the oracle of PyTorch brings one");
  const damaged = await Deno.makeTempDir();
  try {
    // Without its second library, the compiler opens, and compiles nothing.
    await Deno.copyFile(join(whole, "libnvrtc.so.13"), join(damaged, "libnvrtc.so.13"));
    const both = await compiled([whole, whole]);
    for (const { code, stdout, stderr } of both) {
      equal(code, 0, stderr);
      const { warning, compiled, kernels } = JSON.parse(stdout);
      deepEqual([warning, compiled, kernels], [undefined, true, true]);
      equal(stderr, "");
    }
    const [first, second] = await compiled([whole, damaged]);
    equal(first!.code, 0, first!.stderr);
    equal(second!.code, 0, second!.stderr);
    const [zero, one] = [JSON.parse(first!.stdout), JSON.parse(second!.stdout)];
    deepEqual([zero.compiled, zero.kernels], [true, false]);
    deepEqual([one.compiled, one.kernels], [false, false]);
    match(one.warning, /^Cannot compile the kernels for sm_90: nvrtcCompileProgram failed: .+: /);
    match(one.warning, /libtorch's operations and views made by the processor take their place/);
    match(
      first!.stderr,
      /^Warning: Another rank cannot compile the kernels: libtorch's operations/,
    );
  } finally {
    await Deno.remove(damaged, { recursive: true });
  }
});
