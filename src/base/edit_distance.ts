/**
 * Search for the word that a misspelt one probably means.
 *
 * @module
 */

/**
 * Returns the candidate with the smallest edit distance; undefined where none is near. At most a third of the word's
 * letters may differ. A candidate that begins with the word counts as near.
 */
export function nearestTo(word: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.floor(word.length / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest ?? candidates.find((candidate) => word !== "" && candidate.startsWith(word));
}

/** Returns the Levenshtein distance: the number of letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
