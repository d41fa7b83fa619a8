/** Durations as options take them: a number with a unit, such as 90s, 10m or 2h. */

const SECONDS_OF = { s: 1, m: 60, h: 3600 } as const;

/** Kind of an option's value that is a duration. */
export const DURATION = {
  kind: "text",
  pattern: /^(?=.*[1-9])\d+(\.\d+)?[smh]$/,
  expected: "a duration such as 90s, 10m or 2h",
  placeholder: "10m",
} as const;

/** Returns the seconds of a duration, which must be a value of the kind DURATION. */
export function secondsOf(duration: string): number {
  const unit = duration.at(-1) as keyof typeof SECONDS_OF;
  return Number(duration.slice(0, -1)) * SECONDS_OF[unit];
}
