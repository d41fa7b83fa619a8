/** Conversion of HTML to PDF by the machine's Chromium. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { makeTemporaryFolder } from "../base/temporary.ts";
import { exists, removeTree } from "../base/files.ts";
import { ask } from "../base/processes.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** Time limit of the browser. */
const TIMEOUT_SECONDS = 120;

/** Arguments that run Chromium without a screen and without network requests of its own. */
export const HEADLESS: readonly string[] = [
  ...["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-default-apps", "--no-pings"],
  "--disable-dev-shm-usage",
  "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter",
];

/** Returns the machine's Chromium: the variable CHROMIUM, or the first of the usual names; undefined without one. */
export async function findChromium(): Promise<string | undefined> {
  const given = Deno.env.get("CHROMIUM");
  for (const name of given ? [given] : NAMES) {
    // A program that cannot be started counts as missing.
    const answer = await ask(name, ["--version"]).catch(() => undefined);
    if (answer?.code === 0) return name;
  }
  return undefined;
}

/** Returns the argument that root needs, for whom Chromium refuses its sandbox; the page is this program's own. */
export function sandboxWords(): string[] {
  return Deno.uid() === 0 ? ["--no-sandbox"] : [];
}

/**
 * Prints a page as PDF.
 *
 * @throws UserError (set-up) where there is no Chromium; (save) where Chromium writes no file
 */
export async function printPdf(html: string, pdf: string): Promise<void> {
  const chromium = await findChromium();
  if (chromium === undefined) {
    throw new UserError(
      `Cannot write ${pdf}: there is no Chromium, expected one of ${
        NAMES.join(", ")
      } on the PATH, or its path in ` +
        `CHROMIUM (Debian: apt-get install chromium); ${html} is written, and any browser can print it`,
      ExitCode.setup,
    );
  }
  const profile = await makeTemporaryFolder("byol-chromium-");
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
      `Cannot write ${pdf}: ${chromium} ${why}, expected a PDF; ${html} is written`,
      ExitCode.save,
    );
  } finally {
    await removeTree(beside);
    await removeTree(profile).catch(() => {}); // A process of the browser may still write there.
  }
}
