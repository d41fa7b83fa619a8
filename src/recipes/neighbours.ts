/** Settings of the k-NN classifier (Wu et al. 2018), and their form on the command line. */

/** Number of neighbours, and the temperature of their weights exp(cosine / temperature). */
export interface Neighbours {
  k: number;
  temperature: number;
}

/** Neighbours and temperature by default. */
export const KNN: Readonly<Neighbours> = { k: 200, temperature: 0.1 };

/** Form of `--knn`: K or K,T; several with colons between them. */
export const NEIGHBOURS_PATTERN =
  /^[1-9]\d{0,8}(,(?=[\d.]*[1-9])(\d+\.?\d*|\.\d+))?(:[1-9]\d{0,8}(,(?=[\d.]*[1-9])(\d+\.?\d*|\.\d+))?)*$/;

/** Reads a text of that form. */
export function parseNeighbours(text: string): Neighbours[] {
  return text.split(":").map((one) => {
    const [k, temperature = KNN.temperature] = one.split(",").map(Number);
    return { k: k!, temperature };
  });
}

/** Returns the classifiers of `--knn`; that of the default where it is not given. */
export function neighboursOf(text: string | null): Neighbours[] {
  return text === null ? [KNN] : parseNeighbours(text);
}
