/** Maps of embeddings in the plane: by principal components, and by UMAP (McInnes et al. 2018) with a fixed seed. */

import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { UMAP } from "umap-js";

/** Number of principal components that UMAP gets as its input, which is faster and leaves noise out. */
const COMPONENTS = 30;

/** Maps rows to the plane. @returns two coordinates of each row by principal components, and two by UMAP */
export function mapsOf(
  rows: readonly (readonly number[])[],
): { pca: number[][]; umap: number[][] } {
  const reduced = componentsOf(rows);
  const pca = reduced.map((row) => [row[0] ?? 0, row[1] ?? 0]);
  const neighbours = Math.min(15, rows.length - 1);
  if (neighbours < 2 || (reduced[0]?.length ?? 0) < 2) return { pca, umap: pca };
  const umap = new UMAP({ nComponents: 2, nNeighbors: neighbours, random: numbersOf(1) });
  return { pca, umap: umap.fit(reduced) };
}

/** Returns the scores on the principal components, computed from the inner products of the rows, which may be few. */
function componentsOf(rows: readonly (readonly number[])[]): number[][] {
  const data = new Matrix(rows.map((row) => [...row]));
  const centred = data.subRowVector(data.mean("column"));
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(
    centred.mmul(centred.transpose()),
    { assumeSymmetric: true },
  );
  // Eigenvalues are in ascending order.
  const order = values.map((_, at) => at).reverse().slice(0, COMPONENTS);
  const kept = order.filter((at) => values[at]! > 1e-9 * values.at(-1)!);
  return rows.map((_, row) => kept.map((at) => vectors.get(row, at) * Math.sqrt(values[at]!)));
}

/** Returns a generator of numbers from 0 to 1 (mulberry32), which makes every report of a run the same. */
function numbersOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
