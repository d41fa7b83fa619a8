/** The search for the rank that has caused a failure. */

import { setTimeout } from "node:timers/promises";
import type { Health } from "../native/process_group.ts";
import type { RankInfo } from "../runtime/rank.ts";
import { blameLimit, silenceAllowed } from "./beats.ts";
import type { Departure } from "./failure.ts";

/** Interval at which a waiting rank reads the store. */
export const POLL_MILLISECONDS = 50;

/** Clock of the search, in milliseconds. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<unknown>;
}

/** The clock of this process. */
const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds) => setTimeout(milliseconds),
};

/**
 * Looks for the rank that has caused a failure on this one.
 *
 * @returns the departure of a rank that left with a reason, the number of a rank that went silent, or undefined where
 * all others live
 */
export async function findCulprit(
  group: { health(): Health },
  { rank, worldSize }: Pick<RankInfo, "rank" | "worldSize">,
  clock: Clock = CLOCK,
): Promise<Departure | number | undefined> {
  const allowed = silenceAllowed(worldSize);
  const until = clock.now() + blameLimit(worldSize);
  for (;;) {
    const { ages, storeAge, left } = group.health();
    if (left !== null) return JSON.parse(left);
    if (rank !== 0 && storeAge >= allowed) return 0;
    const others = ages.map((age, other) => other === rank ? 0 : age);
    const longest = Math.max(...others);
    if (longest >= allowed) return others.indexOf(longest);
    if (clock.now() > until) return undefined;
    await clock.sleep(POLL_MILLISECONDS);
  }
}
