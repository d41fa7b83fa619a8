/** A library in the place of NVIDIA's driver, compiled from C: two GPUs whose energy a file holds. */

import { equal } from "node:assert/strict";
import { join } from "node:path";

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

/**
 * Compiles the library. The variable BYOL_TEST_ENERGY names the file with both counters in millijoules, and BYOL_TEST_MIG
 * divides the GPUs.
 *
 * @returns the library's path
 */
export async function compileDriver(folder: string, name = "libdriver.so"): Promise<string> {
  const [source, library] = [join(folder, "driver.c"), join(folder, name)];
  Deno.writeTextFileSync(source, DRIVER);
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-shared", "-fPIC", "-o", library, source],
  }).output();
  equal(success, true, new TextDecoder().decode(stderr));
  return library;
}
