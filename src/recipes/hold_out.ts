/** Values of `--hold_out`: the training images that neither the encoder nor a probe learns from. */

/** Number of images, or percentage of all images of memory data sets and of each class of photos. */
export type HoldOut = { count: number } | { percent: number };

/** Values that the option accepts. */
export const HOLD_OUT_VALUES = {
  kind: "text",
  pattern: /^(?:[1-9]\d{0,8}|(?!0(?:\.0+)?%)(?:0|[1-9]\d?)(?:\.\d{1,4})?%)$/,
  expected: "a number of images, or a percentage below 100 such as 10%",
} as const;

/** Returns the number or percentage in a value that HOLD_OUT_VALUES accepts. */
export function holdOutOf(value: string): HoldOut {
  return value.endsWith("%") ? { percent: Number(value.slice(0, -1)) } : { count: Number(value) };
}

/** Returns about how many of `images` are held out; of photos the names decide the exact number. */
export function heldOutOf(images: number, value: string | null): number {
  if (value === null) return 0;
  const amount = holdOutOf(value);
  return "count" in amount ? amount.count : Math.round(amount.percent * images / 100);
}
