/** `report`: runs, or a page of the docs, as one HTML file that needs nothing else, and as PDF. */

import { basename, join } from "node:path";
import { marked } from "marked";
import { ExitCode, runMain, UserError } from "../base/exit_codes.ts";
import { runFolderAt } from "../run/folder.ts";
import { exists } from "../base/files.ts";
import { printPdf } from "./browser.ts";
import { escaped, htmlOf, type Page, warnings } from "./page.ts";
import {
  type Arguments,
  readArguments,
  readRun,
  required,
  type RunData,
  writeResult,
} from "./run_data.ts";
import * as sections from "./sections.ts";

const HELP =
  `Writes a report of a run: curves, evaluations, views, what the encoder sees, options, environment.

  deno task report --run_dir=runs/demo_resnet20                          # runs/demo_resnet20/report.html
  deno task report --run_dir=runs/seeds --out=seeds.html        # its folders compared, mean ± std
  deno task report --run_dir=runs/a --run_dir=runs/b --out=a_b.html
  deno task report --page=docs/replication.md --out=replication.html --pdf

  --run_dir=DIR     a run, or a folder of runs; may be repeated
  --page=FILE       a Markdown file instead of a run
  --out=FILE        default: <run_dir>/report.html
  --pdf             also FILE.pdf, by a Chromium of this machine
  --images=N        test images to look at with the encoder of the newest checkpoint, and twice as many training
                    images; 0: none. Default: 500; several runs take 0 only
  --data_dir=DIR    where the images are now, if not where the run found them
  --threads=N       threads that compute`;

async function main(args: string[]): Promise<ExitCode> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return ExitCode.ok;
  }
  const command = "report";
  const given = readArguments(args, {
    command,
    names: ["run_dir", "page", "out", "images", "data_dir", "threads"],
    switches: ["pdf"],
  });
  for (const name of ["run_dir", "images", "data_dir", "threads"]) {
    if (given.page !== undefined && given[name] !== undefined) {
      throw new UserError(
        `Cannot report with --page=${given.page.at(-1)} and --${name}: expected a page or a run`,
        ExitCode.usage,
      );
    }
  }
  const { page, out } = given.page === undefined ? await runReport(given, command) : {
    page: markdownPage(required(given, "page", command)),
    out: required(given, "out", command),
  };
  writeResult(out, htmlOf(page));
  console.log(`Wrote ${out}`);
  if (given.pdf?.at(-1) === "true") {
    const pdf = out.replace(/\.html?$/, "") + ".pdf";
    await printPdf(out, pdf);
    console.log(`Wrote ${pdf}`);
  }
  return ExitCode.ok;
}

async function runReport(given: Arguments, command: string): Promise<{ page: Page; out: string }> {
  required(given, "run_dir", command);
  const problems: string[] = [];
  const runs = (given.run_dir ?? []).flatMap((path) => runsIn(path, problems));
  const out = given.out?.at(-1) ?? join(given.run_dir![0]!, "report.html");
  const images = wholeNumber(given, "images") ?? (runs.length > 1 ? 0 : 500);
  if (images > 0 && runs.length > 1) {
    throw new UserError(
      `Cannot report on ${runs.length} runs with --images=${images}: expected one run, or --images=0`,
      ExitCode.usage,
    );
  }
  problems.push(...runs.flatMap((run) => run.problems));
  const parts = [sections.tiles(runs), sections.evaluations(runs), sections.curves(runs)];
  const [run] = runs;
  if (runs.length === 1 && run !== undefined) {
    parts.push(sections.views(run));
    if (images > 0) parts.push(...await encoderSections(run, { given, images, problems }));
  }
  parts.push(sections.options(runs), sections.environment(runs));
  problems.forEach((line) => console.error(line));
  const title = runs.length > 1 ? `${runs.length} runs` : run?.name ?? "";
  const config = run?.record?.config;
  const what = config === undefined
    ? "BYOL"
    : `BYOL · ${config.datasetName} · ${config.resnetType} · ${config.epochs} epochs of batches of ${config.batchSize}`;
  const subtitle = `${escaped(what)} · written ${new Date().toISOString().slice(0, 16)}Z`;
  return { page: { title, subtitle, sections: [warnings(problems), ...parts] }, out };
}

/** Makes the sections that need the core, the images and a checkpoint: the report is whole without them, and gives the reason. */
async function encoderSections(
  run: RunData,
  { given, images, problems }: { given: Arguments; images: number; problems: string[] },
): Promise<string[]> {
  try {
    const { lookAt } = await import("./encoder_look.ts");
    const look = await lookAt(run, {
      images,
      dataDir: given.data_dir?.at(-1),
      threads: wholeNumber(given, "threads"),
      log: (line) => console.error(line),
    });
    return sections.encoder(look);
  } catch (error) {
    problems.push(`The encoder is not looked at: ${(error as Error).message}`);
    return [];
  }
}

/** A run, or all runs in a folder, as the tasks of an array with different seeds leave them. */
function runsIn(path: string, problems: string[]): RunData[] {
  const inside = isRun(path) ? [] : foldersIn(path).map((name) => join(path, name)).filter(isRun);
  // What is wrong with the folder is said by reading it.
  if (inside.length === 0) return [readRun(path)];
  return inside.flatMap((folder) => {
    try {
      return [readRun(folder)];
    } catch (error) {
      problems.push(`${folder} is left out: ${(error as Error).message}`);
      return [];
    }
  });
}

function isRun(path: string): boolean {
  return exists(runFolderAt(path).metricsFile);
}

function foldersIn(path: string): string[] {
  if (!exists(path)) return [];
  const names = [...Deno.readDirSync(path)].filter((entry) => !entry.isFile).map(({ name }) =>
    name
  );
  return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

function markdownPage(path: string): Page {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new UserError(
      `Cannot read --page=${path}: ${(error as Error).message}`,
      ExitCode.usage,
    );
  }
  const title = /^# (.+)$/m.exec(text)?.[1] ?? basename(path);
  const body = marked.parse(text.replace(/^# .+$/m, ""), { async: false })
    .replaceAll("<table>", '<div class="scroll"><table>').replaceAll("</table>", "</table></div>");
  return { title, subtitle: escaped(basename(path)), sections: [body] };
}

function wholeNumber(given: Arguments, name: string): number | undefined {
  const text = given[name]?.at(-1);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new UserError(
    `Cannot report with --${name}=${text}: expected a whole number`,
    ExitCode.usage,
  );
}

if (import.meta.main) await runMain(main);
