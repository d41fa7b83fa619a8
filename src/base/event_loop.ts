/**
 * Yielding to the event loop within a loop of blocking calls.
 *
 * @module
 */

import { setImmediate, setTimeout as sleep } from "node:timers/promises";

/** Longest time until a signal is seen, besides the time of the running step. */
const POLL_MILLISECONDS = 1000;

let polledAt = 0;

/**
 * Yields to the event loop. To be called once per step, between blocking calls.
 *
 * setImmediate alone (a few microseconds) lets timers and promises run. But the runtime then never becomes idle, and
 * polls signals only every few dozen turns: with steps of 0.2 s, a SIGTERM was seen after 3 s, with longer steps after
 * minutes. A timer makes the runtime idle, and costs about 2 ms: it is used once a second.
 */
export async function yieldToEvents(): Promise<void> {
  if (performance.now() - polledAt < POLL_MILLISECONDS) {
    await setImmediate();
    return;
  }
  await sleep(0);
  polledAt = performance.now();
}
