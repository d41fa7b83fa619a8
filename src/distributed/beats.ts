/**
 * Heartbeats of the ranks, and the silence from which a rank counts as dead. A rank beats, and reads the beats of the
 * others, in rounds. The pause between two rounds grows with the world size, to spare the store on rank 0: two pauses
 * may pass until a rank sees another's next beat.
 */

/** Pause between two heartbeats of a rank among few. */
export const BEAT_MILLISECONDS = 250;
/** Number of ranks for each of which, beyond the first such number, the pause grows by one more (native/src/run/ranks.rs). */
export const RANKS_PER_BEAT = 64;
/** Time that the two rounds may take themselves, at a busy store. */
const ROUNDS_MILLISECONDS = 1000;
/** Time to see a rank's age grow beyond the allowed silence. */
const SEEN_MILLISECONDS = 50;

/** Returns the pause between two heartbeats of a rank, in milliseconds. */
export function beatPause(worldSize: number): number {
  return BEAT_MILLISECONDS * (1 + Math.floor(worldSize / RANKS_PER_BEAT));
}

/** Returns the age of a rank's last heartbeat from which the rank counts as dead, once something has failed. */
export function silenceAllowed(worldSize: number): number {
  return ROUNDS_MILLISECONDS + 2 * beatPause(worldSize);
}

/** Returns the time limit of the search for the rank that has caused a failure; its last beat may be seen a pause late. */
export function blameLimit(worldSize: number): number {
  return silenceAllowed(worldSize) + beatPause(worldSize) + SEEN_MILLISECONDS;
}

/** Returns the time in which all ranks read the departure of rank 0, before the store ends with rank 0. */
export function departureSeen(worldSize: number): number {
  return ROUNDS_MILLISECONDS / 2 + beatPause(worldSize);
}
