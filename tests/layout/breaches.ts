/** Breaches of the floor plan that are still to be mended: a list that only shrinks. */
export const BREACHES: readonly string[] = [];
