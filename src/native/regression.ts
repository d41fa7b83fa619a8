import { call, callNumbers, callU32, json } from "./call.ts";
import type { Features } from "./features.ts";
import { NativeObject } from "./handle.ts";
import type { Probe } from "./probe.ts";

/** One optimization of a logistic regression. */
export interface RegressionFit {
  /**
   * Factor of half the weights' squared length, which is added to the sum of the cross-entropies: 1/C of scikit-learn's
   * LogisticRegression. The biases are not penalised.
   */
  strength: number;
  /** Iterations of a step() at most. */
  iterations: number;
  /** Largest element of the gradient of the mean loss that ends the optimization. */
  gradientTolerance: number;
  /** Change of the mean loss, and of each weight, that ends it. */
  changeTolerance: number;
}

/** L2-regularised multinomial logistic regression on a table of features, in float64, by libtorch's L-BFGS. */
export class Regression extends NativeObject {
  /** Begins with weights of zero on the features that are not held out. */
  static create(
    features: Features,
    { classes, seed, heldOut }: { classes: number; seed: number; heldOut: number },
  ): Regression {
    return new Regression(
      callU32("byol_regression_create", features.handle, json({ classes, seed, heldOut })),
    );
  }

  /** Begins an optimization at the weights that the one before has found. */
  begin(fit: RegressionFit): void {
    call("byol_regression_begin", this.handle, json(fit));
  }

  /** Makes some iterations of the optimization. Waits for the device. */
  step(): { iterations: number; converged: boolean } {
    const [iterations = 0, converged = 0] = callNumbers("byol_regression_step", this.handle);
    return { iterations, converged: converged === 1 };
  }

  /** Gives a probe the weights found so far. */
  give(probe: Probe): void {
    call("byol_regression_give", this.handle, probe.handle);
  }
}
