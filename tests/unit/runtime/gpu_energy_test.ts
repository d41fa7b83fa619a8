import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { GpuEnergy } from "../../../src/runtime/gpu_energy.ts";
import { inFolder } from "../../support/in_folder.ts";

/** Two GPUs in the driver's place, whose order on the bus is not CUDA's; a file holds the counters in millijoules. */
const DRIVER = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char *PLACES[] = {"0000:3B:00.0", "0000:1A:00.0"};
static int handles[2];
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return index < 2 ? 0 : 101; }
int cuDeviceGetPCIBusId(char *place, int size, int device) {
  return snprintf(place, size, "%s", PLACES[device]) < size ? 0 : 1;
}
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *place, void **handle) {
  for (int gpu = 0; gpu < 2; gpu++) {
    if (strcmp(place, PLACES[gpu]) == 0) { *handle = &handles[gpu]; return 0; }
  }
  return 6;
}
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *millijoules) {
  unsigned long long found[2];
  FILE *file = fopen(getenv("BYOL_TEST_ENERGY"), "r");
  if (!file || fscanf(file, "%llu %llu", &found[0], &found[1]) != 2) return 3;
  fclose(file);
  *millijoules = found[(int *)handle - handles];
  return 0;
}
int nvmlDeviceGetMigMode(void *handle, unsigned *now, unsigned *next) {
  *now = *next = getenv("BYOL_TEST_MIG") != NULL;
  return 0;
}
`;

async function driver(folder: string): Promise<string> {
  const [source, library] = [join(folder, "driver.c"), join(folder, "libdriver.so")];
  Deno.writeTextFileSync(source, DRIVER);
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-shared", "-fPIC", "-o", library, source],
  }).output();
  equal(success, true, new TextDecoder().decode(stderr));
  return library;
}

Deno.test("the energy is that of the rank's own GPU, since the start", async () => {
  await inFolder(async (folder) => {
    const counters = join(folder, "counters");
    Deno.env.set("BYOL_TEST_ENERGY", counters);
    const library = await driver(folder);
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
