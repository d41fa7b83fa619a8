/** OpenMP's own limits, asked of the library that has read its variables. */

import { requireSetup } from "../setup/record.ts";

/** Functions of libgomp, which the core's libtorch brings. */
const OPENMP = {
  omp_get_thread_limit: { parameters: [], result: "i32" },
  omp_get_dynamic: { parameters: [], result: "i32" },
  omp_get_max_active_levels: { parameters: [], result: "i32" },
} as const;

let opened: Deno.DynamicLibrary<typeof OPENMP> | undefined;

/**
 * Looks for a variable that makes OpenMP give fewer threads than it is asked for. oneDNN waits for all of them, for
 * ever and deaf to signals. The core must be open.
 *
 * @returns the problem in words, with its repair
 */
export function openMpProblem(threads: number): string | undefined {
  if (threads === 1) return undefined;
  const { symbols: openMp } = opened ??= Deno.dlopen(requireSetup().core, OPENMP);
  const limit = openMp.omp_get_thread_limit();
  if (limit < threads) {
    return problem("OMP_THREAD_LIMIT", { expected: `a limit of at least ${threads}`, limit });
  }
  if (openMp.omp_get_dynamic() !== 0) {
    return problem("OMP_DYNAMIC", { expected: "false, as a busy machine then gets fewer threads" });
  }
  if (openMp.omp_get_max_active_levels() < 1) {
    return problem("OMP_MAX_ACTIVE_LEVELS", { expected: "a level of at least 1" });
  }
  return undefined;
}

function problem(
  name: string,
  { expected, limit = 1 }: { expected: string; limit?: number },
): string {
  return `${name}=${Deno.env.get(name) ?? ""}: expected ${expected}; run: unset ${name}, ` +
    `or give --threads=${limit}`;
}
