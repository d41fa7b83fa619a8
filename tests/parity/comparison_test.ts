/** The statistics of paired differences beside SciPy's. */

import { equal, ok } from "node:assert/strict";
import { pairedStatistics } from "../../src/report/paired.ts";
import { oracleEnvironment, oracleFolder } from "../runner/oracle.ts";
import { skip } from "../support/skip.ts";

const PROGRAM = `
import json, sys
import numpy as np
from scipy import stats

answers = []
for differences in json.loads(sys.argv[1]):
    d = np.array(differences)
    interval = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    test = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
    needed = 2
    while True:
        t = stats.t(needed - 1)
        if needed >= ((t.ppf(0.975) + t.ppf(0.8)) * d.std(ddof=1) / 0.5) ** 2:
            break
        needed += 1
    answers.append([d.mean(), d.std(ddof=1), interval.low, interval.high, float(test.pvalue), needed])
print(json.dumps(answers))
`;

Deno.test("interval, sign-flip test and number of pairs are SciPy's", async () => {
  if (oracleFolder() === undefined) return skip("SciPy is not installed");
  const cases = [
    [1.2, 0.4],
    [0.3, -0.1, 0.8],
    [0.51, 0.49, 0.5, 0.52, 0.48],
    [2, -1, 3, -2.5, 1.5, 0.25, -0.75, 1],
    [0.1, 0.2, -0.3, 0.4, 0.5, -0.6, 0.7, 0.8, -0.9, 1, 1.1, 1.2],
  ];
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", PROGRAM, JSON.stringify(cases)],
    env: oracleEnvironment(),
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const answers: number[][] = JSON.parse(new TextDecoder().decode(stdout));
  for (const [at, differences] of cases.entries()) {
    const { mean, deviation, interval, p, pairsNeeded } = pairedStatistics(differences);
    const ours = [mean, deviation, ...interval, p!, pairsNeeded!];
    for (const [which, value] of ours.entries()) {
      const theirs = answers[at]![which]!;
      ok(
        Math.abs(value - theirs) <= 1e-6 * Math.max(1, Math.abs(theirs)),
        `${at}: ${ours} ${theirs}`,
      );
    }
  }
  equal(answers.length, cases.length);
});
