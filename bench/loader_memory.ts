/** A process of its own for bench/loader.ts: peak memory counts from a process's start. */

import { printPeak } from "./loader.ts";

await printPeak(Deno.args[0]!);
