/**
 * Opening of a core before it is recorded: `src/native/check_core.ts CORE [LIBRARY to open before it]…`. Fails where the
 * core does not open, or has another table of functions than these sources.
 *
 * @module
 */

import { ExitCode, runMain } from "../base/exit_codes.ts";
import { loadCore } from "./library.ts";

if (import.meta.main) {
  await runMain(([core = "", ...preload]) => {
    loadCore({ core, preload });
    return Promise.resolve(ExitCode.ok);
  });
}
