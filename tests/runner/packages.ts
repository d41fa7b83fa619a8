/** Debian's packages that tests want: a Slurm of their own, shellcheck, and a browser that looks at reports and prints them. */

import { runProgram } from "./child.ts";
import { type StepResult, stepWithoutTests } from "./report.ts";

/** A program and the packages that bring it. */
const WANTED: readonly { programs: string[]; packages: string[] }[] = [
  { programs: ["slurmctld"], packages: ["slurm-wlm", "munge"] },
  { programs: ["shellcheck"], packages: ["shellcheck"] },
  { programs: ["chromium", "google-chrome"], packages: ["chromium"] },
];
const UPDATE_SECONDS = 120;
const INSTALL_SECONDS = 300;

/**
 * Installs what is missing, where that may be done: as root, with apt. What cannot be had is named loudly, and its
 * tests are skipped.
 */
export async function installPackages(signal: AbortSignal): Promise<StepResult> {
  const started = performance.now();
  const found = await Promise.all(WANTED.map(({ programs }) => isThere(programs, signal)));
  const missing = WANTED.flatMap(({ packages }, index) => found[index] ? [] : packages);
  if (missing.length > 0) await install(missing, signal);
  return stepWithoutTests("set-up", "apt", (performance.now() - started) / 1000);
}

async function install(packages: readonly string[], signal: AbortSignal): Promise<void> {
  if (Deno.uid() !== 0 || !await isThere(["apt-get"], signal)) {
    console.error(`${packages.join(", ")} are missing: their tests will be skipped`);
    return;
  }
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await runProgram({
    words: ["apt-get", "update", "-qq"],
    env,
    timeoutSeconds: UPDATE_SECONDS,
    signal,
  });
  // One by one: what cannot be had takes nothing else with it.
  for (const name of packages) {
    const { success } = await runProgram({
      words: ["apt-get", "install", "-y", "-qq", "--no-install-recommends", name],
      env,
      timeoutSeconds: INSTALL_SECONDS,
      signal,
    });
    if (!success) console.error(`${name} could not be installed: its tests will be skipped`);
  }
}

/** Tells whether the shell, or an administrator's, finds one of several programs. */
async function isThere(programs: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { success } = await runProgram({
    words: [
      "sh",
      "-c",
      'PATH="$PATH:/usr/sbin:/sbin"; for name do command -v "$name" && exit; done; exit 1',
      "sh",
      ...programs,
    ],
    timeoutSeconds: 60,
    signal,
  });
  return success;
}
