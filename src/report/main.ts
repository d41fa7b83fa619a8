/** `report`: runs, or a Markdown page, as one self-contained HTML file, and as PDF. */

import { basename, join } from "node:path";
import { marked } from "marked";
import { missingOption, type Values } from "../base/command_line.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { asUserError, isExpected } from "../base/expected.ts";
import { runPathOf } from "../run/folder.ts";
import { groupsOf } from "../run/groups.ts";
import { printLine, showLine } from "../base/output.ts";
import { readCommand } from "../options/commands/registry.ts";
import { REPORT } from "../options/commands/report.ts";
import { printPdf } from "./browser.ts";
import { comparisonSection } from "./comparison_section.ts";
import { answersOfLast, classSection } from "./class_section.ts";
import { costSection } from "./cost_section.ts";
import { curves } from "./curves_section.ts";
import { encoderSections } from "./encoder_section.ts";
import { escaped, htmlOf, type Page, warnings } from "./page.ts";
import { evaluations, titleOf } from "./evaluation_section.ts";
import { type RunData, writeResult } from "./run_data.ts";
import { runsIn } from "./runs_in.ts";
import * as sections from "./sections.ts";
import { story } from "./story.ts";

type Options = Values<typeof REPORT.options>;

/**
 * Writes a report.
 *
 * @returns the exit code
 * @throws UserError for wrong options, for a folder without a run, and for a file that cannot be written
 */
export async function main(args: readonly string[]): Promise<ExitCode> {
  const options = readCommand(REPORT, args).own;
  const { page: source } = options;
  const { page, out } = source === null ? await runReport(options) : pageReport(source, options);
  writeResult(out, htmlOf(page));
  printLine(`Wrote ${out}`);
  if (options.pdf) {
    const pdf = out.replace(/\.html?$/, "") + ".pdf";
    await printPdf(out, pdf);
    printLine(`Wrote ${pdf}`);
  }
  return ExitCode.ok;
}

/** Returns the page of a Markdown file. @throws UserError (usage) where options of a run are given as well */
function pageReport(source: string, options: Options): { page: Page; out: string } {
  const ofRuns = {
    run_dir: options.runDirs[0] ?? null,
    images: options.images,
    data_dir: options.dataDir,
    threads: options.threads,
  };
  for (const [name, value] of Object.entries(ofRuns)) {
    if (value === null) continue;
    throw usageError(
      `Cannot report with both --page=${source} and --${name}: expected one of them`,
    );
  }
  if (options.out === null) throw missingOption(REPORT.name, REPORT.options.out);
  return { page: markdownPage(source), out: options.out };
}

async function runReport(options: Options): Promise<{ page: Page; out: string }> {
  const paths = options.runDirs.map(runPathOf);
  const [first] = paths;
  if (first === undefined) throw missingOption(REPORT.name, REPORT.options.runDirs);
  const problems: string[] = [];
  const runs = paths.flatMap((path) => runsIn(path, problems));
  const out = options.out ?? join(first, "report.html");
  const images = options.images ?? (runs.length > 1 ? 0 : 500);
  if (images > 0 && runs.length > 1) {
    throw new UserError(
      `Cannot report on ${runs.length} runs with --images=${images}: expected one run, or --images=0`,
      ExitCode.usage,
    );
  }
  problems.push(...runs.flatMap(({ problems, result }) => [
    ...problems,
    ...[result?.late ?? [], result?.notes ?? []].flat(),
  ]));
  const groups = groupsOf(runs);
  const parts = [story(runs), evaluations(groups), comparisonSection(groups), curves(runs)];
  const [run] = runs;
  if (runs.length === 1 && run !== undefined) {
    const answers = answersOfLast(run);
    if (answers !== undefined) parts.push(classSection(answers));
    parts.push(sections.views(run));
    if (images > 0) parts.push(...await lookSections(run, { options, images, problems }));
  }
  parts.push(costSection(runs), sections.options(runs), sections.environment(runs));
  problems.forEach(showLine);
  const title = runs.length > 1 ? `${runs.length} runs` : run?.name ?? "";
  const what = groups.map((group) => titleOf(group)).join("; ");
  const subtitle = `BYOL · ${escaped(what)} · written ${new Date().toISOString().slice(0, 16)}Z`;
  return { page: { title, subtitle, sections: [warnings(problems), ...parts] }, out };
}

/** Returns the sections on the encoder; adds to `problems` where core, images or checkpoint are missing. */
async function lookSections(
  run: RunData,
  { options, images, problems }: { options: Options; images: number; problems: string[] },
): Promise<string[]> {
  try {
    const { lookAt } = await import("./encoder_look.ts");
    const look = await lookAt(run, {
      images,
      dataDir: options.dataDir ?? undefined,
      threads: options.threads ?? undefined,
      log: showLine,
    });
    // Of all images there is a matrix already.
    return encoderSections(look, { hasMatrix: answersOfLast(run) !== undefined });
  } catch (error) {
    if (!isExpected(error)) throw error;
    problems.push(`Cannot analyse the encoder: ${error.message}`);
    return [];
  }
}

function markdownPage(path: string): Page {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw asUserError(error, ExitCode.usage, { task: `read --page=${path}` });
  }
  const title = /^# (.+)$/m.exec(text)?.[1] ?? basename(path);
  const body = marked.parse(text.replace(/^# .+$/m, ""), { async: false })
    .replaceAll("<table>", '<div class="scroll" tabindex="0"><table>').replaceAll(
      "</table>",
      "</table></div>",
    );
  return { title, subtitle: escaped(basename(path)), sections: [body] };
}
