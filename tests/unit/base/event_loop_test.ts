import { equal } from "node:assert/strict";
import { yieldToEvents } from "../../../src/base/event_loop.ts";

/** Turns of a loop of blocking calls, 300 ms each, until a signal sent in their midst is seen. */
async function turnsUntilSeen(): Promise<number> {
  const busy = (milliseconds: number): void => {
    const until = performance.now() + milliseconds;
    while (performance.now() < until);
  };
  let seen = false;
  const listener = (): void => {
    seen = true;
  };
  Deno.addSignalListener("SIGUSR2", listener);
  try {
    for (let warm = 0; warm < 5; warm++) {
      busy(50);
      await yieldToEvents();
    }
    busy(100);
    Deno.kill(Deno.pid, "SIGUSR2");
    let turns = 0;
    for (; !seen && turns < 40; turns++) {
      busy(300);
      await yieldToEvents();
    }
    return turns;
  } finally {
    Deno.removeSignalListener("SIGUSR2", listener);
  }
}

Deno.test("a loop of long blocking calls sees a signal within about a second", async () => {
  const all = [await turnsUntilSeen(), await turnsUntilSeen(), await turnsUntilSeen()];
  // 4 turns make the second; with setImmediate alone it was up to 50.
  equal(Math.max(...all) <= 6, true, `seen after ${all} turns`);
});
