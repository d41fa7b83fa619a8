/** HTML to PDF by a Chromium of this machine. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { exists, removeTree } from "../base/files.ts";
import { ask } from "../base/processes.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** A browser that hangs is ended. */
const TIMEOUT_SECONDS = 120;

/** Arguments of Chromium without a screen and without requests of its own to the network. */
export const HEADLESS: readonly string[] = [
  ...["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-default-apps", "--no-pings"],
  "--disable-dev-shm-usage",
  "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter",
];

/** The Chromium of this machine: the variable CHROMIUM, or the first of the usual names. */
export async function findChromium(): Promise<string | undefined> {
  const given = Deno.env.get("CHROMIUM");
  for (const name of given ? [given] : NAMES) {
    // What cannot be run is no browser either.
    const answer = await ask(name, ["--version"]).catch(() => undefined);
    if (answer?.code === 0) return name;
  }
  return undefined;
}

/** Chromium refuses to put root into its sandbox; the page is our own. */
export function sandboxWords(): string[] {
  return Deno.uid() === 0 ? ["--no-sandbox"] : [];
}

/**
 * Prints a page as PDF.
 *
 * @throws UserError (set-up) where there is no Chromium, (save) where it made no file
 */
export async function printPdf(html: string, pdf: string): Promise<void> {
  const chromium = await findChromium();
  if (chromium === undefined) {
    throw new UserError(
      `Cannot make ${pdf}: there is no Chromium, expected one of ${
        NAMES.join(", ")
      } on the PATH, or its path in ` +
        `CHROMIUM (Debian: apt-get install chromium). ${html} is there, and any browser prints it`,
      ExitCode.setup,
    );
  }
  const profile = await Deno.makeTempDir({ prefix: "byol-chromium-" });
  const beside = `${pdf}.${Deno.pid}.part`;
  try {
    const signal = AbortSignal.timeout(1000 * TIMEOUT_SECONDS);
    const words = [
      ...HEADLESS,
      ...sandboxWords(),
      `--user-data-dir=${profile}`,
      "--no-pdf-header-footer",
      `--print-to-pdf=${resolve(beside)}`,
      pathToFileURL(resolve(html)).href,
    ];
    const answer = await ask(chromium, words, { signal });
    if (answer?.code === 0 && exists(beside)) return await Deno.rename(beside, pdf);
    const why = signal.aborted
      ? `did not end within ${TIMEOUT_SECONDS} s`
      : `ended with status ${answer?.code}: ${answer?.stderr.trim().split("\n").at(-1)}`;
    throw new UserError(
      `Cannot make ${pdf}: ${chromium} ${why}. ${html} is there`,
      ExitCode.save,
    );
  } finally {
    await removeTree(beside);
    await removeTree(profile).catch(() => {}); // A process of the browser may still write there.
  }
}
