/** Checks of the numbers of a training: finite loss and gradient, embeddings that have not collapsed. */

import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { TrainRow } from "./train_row.ts";

/** Number of logged steps that a message shows. */
const ROWS_SHOWN = 5;

/** Error of a step whose numbers end a run. */
export class NumbersError extends UserError {
  /** The step, from 0. */
  readonly step: number;

  /** Creates an error with the exit code `ExitCode.numbers`. */
  constructor(message: string, step: number) {
    super(message, ExitCode.numbers);
    this.step = step;
  }
}

/** Check that ends a run at a step whose loss or gradient is not finite. */
export class FiniteCheck {
  readonly #rows: TrainRow[] = [];

  /**
   * Checks a logged step.
   *
   * @throws NumbersError with the step, its rates, and the logged steps before it
   */
  see(row: TrainRow): void {
    const { loss, gradient_norm: gradientNorm = NaN, learning_rate: learningRate, tau } = row;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw new NumbersError(
        `Cannot continue after step ${row.step}: loss ${loss}, gradient norm ${gradientNorm} at ` +
          `learning rate ${learningRate} and tau ${tau}, expected finite numbers. ` +
          `${this.#shown()}No checkpoint holds these numbers; a lower --lr_init may avoid them`,
        row.step,
      );
    }
    this.#rows.push(row);
    if (this.#rows.length > ROWS_SHOWN) this.#rows.shift();
  }

  #shown(): string {
    if (this.#rows.length === 0) return "No step was logged before it. ";
    const lines = this.#rows.map((row) =>
      `  step ${row.step}: loss ${row.loss}, gradient norm ${row.gradient_norm}, parameter norm ` +
      `${row.parameter_norm}, embedding std ${row.embedding_std}, learning rate ${row.learning_rate}\n`
    );
    return `The rows before it:\n${lines.join("")}`;
  }
}

/** Options that decide when embeddings count as collapsed. */
export interface CollapseOptions {
  zDim: number;
  /** Bound of embedding_std, as a share of 1/√z_dim, the spread over the whole sphere. */
  collapseBelow: number;
  /** Logged steps in a row below the bound. */
  collapseRows: number;
}

/** Detector of collapse: projections that have become the same for all images. */
export class CollapseWatch {
  readonly #options: CollapseOptions;
  #rows = 0;

  /** @param options bound and duration from which embeddings count as collapsed */
  constructor(options: CollapseOptions) {
    this.#options = options;
  }

  /** Checks a logged step. @returns a message, once for each collapse; undefined otherwise */
  see({ step, embedding_std: std }: Pick<TrainRow, "step" | "embedding_std">): string | undefined {
    const { zDim, collapseBelow, collapseRows } = this.#options;
    const bound = collapseBelow / Math.sqrt(zDim);
    this.#rows = std < bound ? this.#rows + 1 : 0;
    if (this.#rows !== collapseRows) return undefined;
    return `The embeddings have collapsed: embedding_std is ${std} at step ${step}, and below ` +
      `${bound} for ${collapseRows} logged steps, expected up to ${1 / Math.sqrt(zDim)}`;
  }
}
