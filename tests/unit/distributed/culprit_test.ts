import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import {
  BEAT_MILLISECONDS,
  blameLimit,
  departureSeen,
  RANKS_PER_BEAT,
  silenceAllowed,
} from "../../../src/distributed/beats.ts";
import { findCulprit } from "../../../src/distributed/culprit.ts";
import type { Health } from "../../../src/native/process_group.ts";
import { projectRoot } from "../../../src/setup/record.ts";

const SIZES = [2, 3, 8, 63, 64, 127, 128, 191, 192, 255, 256, 511, 512, 1000, 1024];
/** The longest that one round at the store takes, beside the pause. */
const ROUND_MILLISECONDS = 300;

/** Returns numbers from 0 to 1, the same on every machine. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed + 1;;) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    yield ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  }
}

/** A rank that beats in rounds of native/src/run/ranks.rs, and sees the beats of the others in them. */
class World {
  #now = 0;
  readonly #beats: number[][];
  readonly #rounds: number[];
  readonly clock = {
    now: (): number => this.#now,
    sleep: (milliseconds: number): Promise<void> => {
      this.#now += milliseconds;
      return Promise.resolve();
    },
  };

  /** @param diesAt time of the last rank's death; none by default */
  constructor(worldSize: number, seed: number, diesAt = Infinity) {
    const random = numbers(seed);
    const pause = BEAT_MILLISECONDS * (1 + Math.floor(worldSize / RANKS_PER_BEAT));
    const times = (until: number): number[] => {
      const found: number[] = [];
      const end = Math.min(until, 20 * pause + 20_000);
      for (let at = random.next().value * pause; at < end;) {
        found.push(at);
        at += pause + random.next().value * ROUND_MILLISECONDS;
      }
      return found;
    };
    this.#beats = Array.from(
      { length: worldSize },
      (_, rank) => times(rank === worldSize - 1 ? diesAt : Infinity),
    );
    this.#rounds = this.#beats[0]!;
  }

  passes(milliseconds: number): void {
    this.#now += milliseconds;
  }

  health(): Health {
    const rounds = this.#rounds.filter((at) => at <= this.#now);
    const ages = this.#beats.map((beats) => {
      // The first round that saw the newest beat that any round has seen.
      const newest = beats.findLast((at) => at <= rounds.at(-1)!);
      const seen = newest === undefined ? 0 : rounds.find((at) => at >= newest)!;
      return this.#now - seen;
    });
    return { ages, storeAge: this.#now - rounds.at(-1)!, left: null };
  }
}

Deno.test("among 2 to 1,024 ranks that live, none is blamed", async () => {
  const blamed: string[] = [];
  for (const worldSize of SIZES) {
    for (let seed = 0; seed < 3; seed++) {
      const world = new World(worldSize, seed);
      world.passes(2 * silenceAllowed(worldSize));
      const found = await findCulprit(world, { rank: 0, worldSize }, world.clock);
      if (found !== undefined) blamed.push(`${found} of ${worldSize}`);
    }
  }
  deepEqual(blamed, []);
});

Deno.test("among 2 to 1,024 ranks, the one that has died is named", async () => {
  for (const worldSize of SIZES) {
    for (let seed = 0; seed < 3; seed++) {
      const diesAt = 2 * silenceAllowed(worldSize);
      const world = new World(worldSize, seed, diesAt);
      // The failure is seen at once: the other ranks' collectives break with the connection.
      world.passes(diesAt);
      const found = await findCulprit(world, { rank: 0, worldSize }, world.clock);
      equal(found, worldSize - 1, `of ${worldSize}, seed ${seed}`);
    }
  }
});

Deno.test("a store that is silent names rank 0, a departure names itself", async () => {
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const here = { rank: 1, worldSize: 256 };
  const health = { ages: Array<number>(256).fill(0), left: null };
  const storeAge = silenceAllowed(256);
  equal(await findCulprit({ health: () => ({ ...health, storeAge }) }, here, clock), 0);
  const left = { rank: 7, host: "node7", reason: "a full disk", exitCode: 8 };
  const gone = { ...health, storeAge: 0, left: JSON.stringify(left) };
  deepEqual(await findCulprit({ health: () => gone }, here, clock), left);
});

Deno.test("few ranks are waited for as before, and the core pauses as the limits suppose", () => {
  for (const worldSize of [2, 8, 63]) {
    const limits = [silenceAllowed, blameLimit, departureSeen].map((limit) => limit(worldSize));
    deepEqual(limits, [1500, 1800, 750]);
  }
  const core = Deno.readTextFileSync(join(projectRoot, "native/src/run/ranks.rs"));
  equal(/RANKS_PER_BEAT: u32 = (\d+);/.exec(core)?.[1], String(RANKS_PER_BEAT));
});
