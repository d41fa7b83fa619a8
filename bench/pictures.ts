/**
 * `deno task pictures`: the pictures of README and docs/, of the demo's run in docs/pictures/demo/ and its encoder in
 * checkpoints/. It needs a Chromium. docs/pictures/pictures.json records what each picture was made from, and
 * bench/pictures_test.ts compares that with the sources.
 *
 * @module
 */

import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { decode } from "fast-png";
import { ask } from "../src/base/processes.ts";
import { escaped } from "../src/report/page.ts";
import { livePage } from "../src/report/serve/live_page.ts";
import { LiveRuns } from "../src/report/serve/live_runs.ts";
import { findChromium, HEADLESS, sandboxWords } from "../src/report/browser.ts";
import { projectRoot } from "../src/setup/record.ts";
import { FOLDER, LARGEST, PICTURES, type Record, sourcesOf } from "./picture_sources.ts";

const ENCODER = join(projectRoot, "checkpoints", "byol_demo_resnet20.safetensors");
/** Rows of the page's colour that stay below the last row of a picture. */
const MARGIN = 20;
const TALLEST = 5000;

/** Options of a training of a few steps, for docs/replay.md. */
const SHORT = [
  ...["--run_dir=runs/short", "--max_steps=4", "--clsf_every=0", "--save_every=0"],
  ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16"],
];

/** Size and colours of a screenshot. */
interface Look {
  width: number;
  isDark: boolean;
  /** Height in pixels; by default all of the page. */
  height?: number;
}

async function main(): Promise<void> {
  const chromium = await findChromium();
  if (chromium === undefined) throw new Error("expected a Chromium (apt-get install chromium)");
  const work = await Deno.makeTempDir({ prefix: "byol-pictures-" });
  try {
    // The paths of a run are part of the pictures.
    const run = "runs/demo_resnet20";
    copyRun(join(work, run));
    const program = (...words: string[]): Promise<string> => byol(work, words);
    await program("views", `--out=${run}/views.png`);
    await program("report", `--run_dir=${run}`, "--out=report.html");
    const frame = await program("watch", `--run_dir=${run}`, "--once");
    const report = join(work, "report.html");
    const html = Deno.readTextFileSync(report);
    const part = (name: string, headings: RegExp): string => {
      const page = join(work, `${name}.html`);
      Deno.writeTextFileSync(page, withSections(html, headings));
      return page;
    };
    const map = part("map", /Map of the embeddings/);
    const neighbours = part("neighbours", /Nearest neighbours/);
    const matrix = part("matrix", /Confusion matrix/);
    const live = join(work, "live.html");
    Deno.writeTextFileSync(live, await servedPage(join(work, "runs")));
    const terminal = join(work, "watch.html");
    Deno.writeTextFileSync(terminal, terminalPage(frame));
    const shot = (page: string, name: string, look: Look): Promise<void> =>
      screenshot(chromium, {
        page,
        out: join(FOLDER, name),
        profile: join(work, "profile"),
        ...look,
      });
    await shot(report, "report-light.png", { width: 1200, height: 885, isDark: false });
    await shot(report, "report-dark.png", { width: 1200, height: 885, isDark: true });
    await shot(report, "report-phone-light.png", { width: 500, height: 1100, isDark: false });
    await shot(report, "report-phone-dark.png", { width: 500, height: 1100, isDark: true });
    await shot(map, "report-map.png", { width: 1200, isDark: false });
    await shot(neighbours, "report-neighbours.png", { width: 1200, height: 295, isDark: false });
    await shot(matrix, "report-matrix.png", { width: 720, isDark: true });
    await shot(live, "serve.png", { width: 1200, height: 800, isDark: false });
    await shot(terminal, "watch.png", { width: 860, isDark: true });
    Deno.copyFileSync(join(work, run, "views.png"), join(FOLDER, "views.png"));
    await program("train", ...SHORT);
    await program("replay", "--run_dir=runs/short", "--step=3", "--out=replay");
    Deno.copyFileSync(join(work, "replay", "views-000003.png"), join(FOLDER, "replay.png"));
    const short = join(work, "short.html");
    await program("report", "--run_dir=runs/short", "--images=0", "--out=short.html");
    Deno.writeTextFileSync(short, withSections(Deno.readTextFileSync(short), /Hours and energy/));
    await shot(short, "hours.png", { width: 720, isDark: false });
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  writeRecord();
}

function copyRun(run: string): void {
  Deno.mkdirSync(run, { recursive: true });
  for (const name of ["config.json", "metrics.jsonl", "result.json"]) {
    Deno.copyFileSync(join(FOLDER, "demo", name), join(run, name));
  }
  Deno.copyFileSync(ENCODER, join(run, "encoder.safetensors"));
}

/** Runs a command of the program in a folder, and returns what it wrote to stdout. */
async function byol(cwd: string, words: readonly string[]): Promise<string> {
  const all = ["run", "-A", join(projectRoot, "src", "cli.ts"), ...words];
  const answer = await ask(Deno.execPath(), all, { cwd, env: { INIT_CWD: "" } });
  if (answer?.code === 0) return answer.stdout;
  throw new Error(`${words[0]} ended with ${answer?.code}: ${answer?.stderr}`);
}

/** Returns a report without its head and the sections whose headings do not match. */
function withSections(html: string, headings: RegExp): string {
  const [before = ""] = html.split("<h1>");
  const sections = html.match(/<section>[\s\S]*?<\/section>/g) ?? [];
  const kept = sections.filter((text) => headings.test(/<h2>(.*?)<\/h2>/.exec(text)?.[1] ?? ""));
  return `${before}${kept.join("\n")}</main></body></html>`;
}

/** Returns the live page of the runs below a folder, with the curves of the first. */
async function servedPage(folder: string): Promise<string> {
  const runs = new LiveRuns(folder);
  await runs.poll();
  const run = runs.runOf(1);
  return livePage(runs, { folder: "runs", chosen: run === undefined ? [] : [run] });
}

function terminalPage(text: string): string {
  const style = "margin:0;padding:18px 22px;background:#14171d;color:#d7dce5;" +
    "font:14px/1.35 'DejaVu Sans Mono',monospace;white-space:pre-wrap";
  return `<!doctype html><meta charset="utf-8"><body style="${style}">` +
    `<span style="color:#7db3f2">$ deno task watch --run_dir=runs/demo_resnet20</span>\n${
      escaped(text)
    }`;
}

/** Draws a page by Chromium, down to its last row that is not empty. */
async function screenshot(
  chromium: string,
  { page, out, profile, width, height, isDark }: Look & {
    page: string;
    out: string;
    profile: string;
  },
): Promise<void> {
  const draw = async (rows: number): Promise<void> => {
    const answer = await ask(chromium, [
      ...HEADLESS,
      ...sandboxWords(),
      "--hide-scrollbars",
      `--user-data-dir=${profile}`,
      `--window-size=${width},${rows}`,
      `--blink-settings=preferredColorScheme=${isDark ? 0 : 1}`,
      `--screenshot=${out}`,
      pathToFileURL(page).href,
    ]);
    if (answer?.code !== 0) throw new Error(`${chromium} ended with ${answer?.code}`);
  };
  await draw(height ?? TALLEST);
  // The browser's own PNG is smaller than one that is cut and written again.
  if (height === undefined) await draw(rowsOf(Deno.readFileSync(out)) + MARGIN);
}

/** Returns the number of rows of a PNG, without the last ones of a single colour. */
function rowsOf(png: Uint8Array): number {
  const { width, height, data, channels } = decode(png);
  const rowSize = width * channels;
  let last = height;
  while (last > 1) {
    const row = data.subarray((last - 1) * rowSize, last * rowSize);
    if (row.some((value, at) => value !== row[at % channels])) break;
    last--;
  }
  return last;
}

/** Writes what each picture was made from, after a look at its size. */
function writeRecord(): void {
  const record: Record = {};
  for (const name of Object.keys(PICTURES)) {
    const { size } = Deno.statSync(join(FOLDER, name));
    if (size > LARGEST) throw new Error(`${name} has ${size} bytes: expected at most ${LARGEST}`);
    record[name] = sourcesOf(name);
    console.log(`${relative(projectRoot, join(FOLDER, name))}  ${size} bytes`);
  }
  const text = JSON.stringify(record, null, 2) + "\n";
  Deno.writeTextFileSync(join(FOLDER, "pictures.json"), text);
}

if (import.meta.main) await main();
