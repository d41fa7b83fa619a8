/** report: one HTML file of a run, whole whatever is missing, and asking nothing of any network. */

import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findChromium, HEADLESS, sandboxWords } from "../src/report/browser.ts";
import { thinned } from "../src/report/charts.ts";
import { projectRoot } from "../src/setup/record.ts";
import { byol } from "./byol.ts";
import { writeRun } from "./run_files.ts";
import { skip } from "./skip.ts";

const NO_CHROMIUM = "there is no Chromium (Debian: apt-get install chromium)";

async function report(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
      ...["--allow-sys", "--allow-run", "src/report/main.ts", ...args],
    ],
    cwd: projectRoot,
    env,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** Every address that a page names to be fetched; the names of SVG's and HTML's own languages are none. */
function addressesIn(html: string): string[] {
  return [
    ...html.matchAll(
      /(?:src|href|srcset|action|data)\s*=\s*["']?([^"'\s>]+)|url\(([^)]+)\)|@import/g,
    ),
  ]
    .map(([whole, attribute, inStyle]) => attribute ?? inStyle ?? whole)
    .filter((address) => !address.startsWith("data:") && !address.startsWith("#"));
}

/** The addresses that Chromium asks for to show a page, by its own log. */
async function requestsOf(chromium: string, html: string): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "byol-page-" });
  const log = join(folder, "net.json");
  try {
    const { success } = await new Deno.Command(chromium, {
      args: [
        ...HEADLESS,
        ...sandboxWords(),
        `--user-data-dir=${join(folder, "profile")}`,
        `--log-net-log=${log}`,
        "--virtual-time-budget=2000",
        "--dump-dom",
        pathToFileURL(html).href,
      ],
      stdout: "null",
      stderr: "null",
    }).output();
    ok(success);
    // One event a line. What the browser asks for on its own account has no origin for its initiator.
    const events = Deno.readTextFileSync(log).split("\n")
      .filter((line) => /"initiator":"(?!not an origin)/.test(line));
    const urls = events.map((line) => /"url":"((?:https?|wss?|ftp):[^"]*)"/.exec(line)?.[1]);
    return [...new Set(urls.filter((url) => url !== undefined))];
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

Deno.test("a report of a real run has all its parts, and no address to fetch", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-report-" });
  try {
    const run = join(folder, "run");
    const trained = await byol(
      "train",
      ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--log_every=1"],
      ...["--max_steps=4", "--clsf_every=0", `--run_dir=${run}`],
    );
    equal(trained.code, 0, trained.stderr);
    const { code, out, err } = await report([`--run_dir=${run}`, "--images=40", "--threads=1"]);
    equal(code, 0, err);
    match(out, /Wrote .*report\.html/);
    const html = Deno.readTextFileSync(join(run, "report.html"));
    for (
      const heading of [
        ...["Evaluation", "Curves", "Views", "Map of the embeddings", "Nearest neighbours"],
        ...["Confusion matrix", "Options", "Environment"],
      ]
    ) ok(html.includes(`<h2>${heading}</h2>`), heading);
    // Loss, spread, rank, online probe, rate, tau, two norms, speed; two maps; the matrix.
    equal(html.match(/<svg /g)?.length, 12);
    equal(html.match(/<img /g)?.length, 1 + 8 * 7);
    match(html, /40 test images by the encoder of .*step-000000004\.safetensors/);
    match(html, /--batch_size<\/td><td>16<\/td><td>command line/);
    equal(addressesIn(html).join(), "");
    ok(addressesIn('<img src="https://x/y.png"> a{background:url(//z)}').length === 2);

    const chromium = await findChromium();
    if (chromium === undefined) return skip(NO_CHROMIUM);
    equal((await requestsOf(chromium, join(run, "report.html"))).join(), "");
    // The same look finds what is there to be found.
    const bad = join(folder, "bad.html");
    Deno.writeTextFileSync(bad, '<img src="http://127.0.0.1:9/x.png">');
    match((await requestsOf(chromium, bad)).join(), /http:\/\/127\.0\.0\.1:9\/x\.png/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("several runs are compared, from a folder or one by one", async () => {
  await using one = await writeRun({ steps: 40, every: 2, totalSteps: 100, top1: 50 });
  await using other = await writeRun({ steps: 40, every: 2, totalSteps: 100, top1: 53, seed: 1 });
  const folder = await Deno.makeTempDir({ prefix: "byol-runs-" });
  const out = join(folder, "both.html");
  for (const [name, { path }] of [["seed-0", one], ["seed-1", other]] as const) {
    Deno.symlinkSync(path, join(folder, name));
  }
  try {
    const named = await report([
      `--run_dir=${one.path}`,
      `--run_dir=${other.path}`,
      `--out=${out}`,
    ]);
    equal(named.code, 0, named.err);
    const html = Deno.readTextFileSync(out);
    match(html, /mean ± std of 2 runs<\/td><td class="number">40\.00 ± 0\.00/);
    match(html, /51\.50 ± 2\.12/);
    match(html, /--seed<\/td><td>0<\/td><td>1<\/td>/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what is missing is said, and the rest still reported", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-report-bad-" });
  try {
    const none = await report([`--run_dir=${folder}`]);
    equal(none.code, 4);
    match(none.err, /no metrics\.jsonl, expected the folder of a run/);

    await using run = await writeRun({ steps: 4, every: 2, totalSteps: 100 });
    Deno.writeTextFileSync(join(run.path, "metrics.jsonl"), '{"kind":"tr', { append: true });
    const { code, err } = await report([`--run_dir=${run.path}`, "--images=10"]);
    equal(code, 0, err);
    const html = Deno.readTextFileSync(join(run.path, "report.html"));
    match(html, /The last line of .*metrics\.jsonl is half-written and left out/);
    match(html, /The encoder is not looked at: .*holds no checkpoint and no encoder\.safetensors/);
    match(html, /views\.png is not there/);
    ok(html.includes("<h2>Curves</h2>") && html.includes("<svg "));

    // No Chromium: the HTML is made all the same.
    const page = join(folder, "page.html");
    const noPdf = await report(
      ["--page=docs/reports.md", `--out=${page}`, "--pdf"],
      { CHROMIUM: join(folder, "no-such-browser") },
    );
    equal(noPdf.code, 6);
    match(noPdf.err, /Cannot make .*page\.pdf: there is no Chromium.*page\.html is there/s);
    match(Deno.readTextFileSync(page), /<h1>See a run<\/h1>/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a checkpoint without an online probe costs the confusion matrix alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-report-" });
  try {
    const trained = await byol(
      "train",
      ...["--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1", "--log_every=1"],
      ...["--max_steps=1", "--clsf_every=0", `--run_dir=${folder}`, "--online_probe=false"],
    );
    equal(trained.code, 0, trained.stderr);
    const { code, err } = await report([`--run_dir=${folder}`, "--images=20", "--threads=1"]);
    equal(code, 0, err);
    const html = Deno.readTextFileSync(join(folder, "report.html"));
    match(html, /holds no online probe \(--online_probe\): no confusion matrix/);
    ok(html.includes("<h2>Map of the embeddings</h2>"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a page becomes a PDF by Chromium", async () => {
  if (await findChromium() === undefined) return skip(NO_CHROMIUM);
  const folder = await Deno.makeTempDir({ prefix: "byol-pdf-" });
  try {
    const out = join(folder, "page.html");
    const { code, err } = await report(["--page=docs/reports.md", `--out=${out}`, "--pdf"]);
    equal(code, 0, err);
    const pdf = Deno.readFileSync(join(folder, "page.pdf"));
    equal(new TextDecoder().decode(pdf.subarray(0, 5)), "%PDF-");
    ok(pdf.length > 5000, String(pdf.length));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("curves of many rows are thinned to means, without what is not finite", () => {
  const points = Array.from({ length: 1000 }, (_, x): [number, number] => [x, x === 3 ? NaN : x]);
  const kept = thinned(points);
  ok(kept.length <= 400 && kept.length > 300, String(kept.length));
  ok(kept.every(([x, y]) => Math.abs(x - y) < 1e-9));
});
