import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { GpuEnergy } from "../../../src/runtime/gpu_energy.ts";
import { compileDriver } from "../../support/driver.ts";
import { inFolder } from "../../support/in_folder.ts";

Deno.test("the energy is that of the rank's own GPU, since the start", async () => {
  await inFolder(async (folder) => {
    const counters = join(folder, "counters");
    Deno.env.set("BYOL_TEST_ENERGY", counters);
    const library = await compileDriver(folder);
    const libraries = { cuda: library, nvml: library };
    Deno.writeTextFileSync(counters, "5000000 9000000000000");
    {
      using first = GpuEnergy.open("cuda:0", libraries)!;
      using second = GpuEnergy.open("cuda:1", libraries)!;
      deepEqual([first.joules(), second.joules()], [0, 0]);
      Deno.writeTextFileSync(counters, "5250000 9000000001500");
      deepEqual([first.joules(), second.joules()], [250, 1.5]);
      // A driver that was loaded again counts from zero.
      Deno.writeTextFileSync(counters, "10 20");
      equal(first.joules(), undefined);
      Deno.writeTextFileSync(counters, "none");
      equal(second.joules(), undefined);
    }
    equal(GpuEnergy.open("cuda:0", libraries), undefined, "a counter that cannot be read");
    Deno.writeTextFileSync(counters, "1 1");
    equal(GpuEnergy.open("cuda:2", libraries), undefined, "a GPU that is not there");
    equal(GpuEnergy.open("cpu", libraries), undefined);
    equal(GpuEnergy.open("cuda:0", { ...libraries, nvml: "libnone.so" }), undefined);
    equal(GpuEnergy.open("cuda:0", { ...libraries, cuda: "libnone.so" }), undefined);
    equal(GpuEnergy.open("cuda:0", { ...libraries, nvml: "libc.so.6" }), undefined);
    Deno.env.set("BYOL_TEST_MIG", "1");
    equal(GpuEnergy.open("cuda:0", libraries), undefined, "a GPU that jobs share");
    for (const name of ["BYOL_TEST_MIG", "BYOL_TEST_ENERGY"]) Deno.env.delete(name);
  });
});
