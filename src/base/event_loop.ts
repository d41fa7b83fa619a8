/**
 * Turns of the event loop within a loop of blocking calls.
 *
 * @module
 */

import { setImmediate, setTimeout as sleep } from "node:timers/promises";

/** Longest time that a signal may go unseen, besides the step that is running. */
const POLL_MILLISECONDS = 1000;

let polledAt = 0;

/**
 * Yields to whatever waits in the event loop. Call it once a step, between blocking calls.
 *
 * setImmediate alone (a few microseconds) lets timers and promises run, but the runtime never goes idle and asks the
 * system for signals only every few dozen turns: with steps of 0.2 seconds a SIGTERM was seen 3 seconds late, with
 * longer ones minutes late. A timer makes it idle, and costs about 2 milliseconds: hence once a second.
 */
export async function yieldToEvents(): Promise<void> {
  if (performance.now() - polledAt < POLL_MILLISECONDS) {
    await setImmediate();
    return;
  }
  await sleep(0);
  polledAt = performance.now();
}
