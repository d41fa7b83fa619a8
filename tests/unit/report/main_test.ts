/** report: one HTML file of a run, whole whatever is missing, and asking nothing of any network. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { decode } from "fast-png";
import { NORMALISATION } from "../../../src/recipes/views.ts";
import { parseCommandLine } from "../../../src/options/parse.ts";
import { thisEnvironment } from "../../../src/options/environment.ts";
import { openData } from "../../../src/data/open.ts";
import { setThreads } from "../../../src/native/core.ts";
import { createLearner } from "../../../src/encoder/learner.ts";
import { evaluationOptions } from "../../../src/evaluate/options.ts";
import { findChromium, HEADLESS, sandboxWords } from "../../../src/report/browser.ts";
import { thinned } from "../../../src/report/charts.ts";
import { inWords } from "../../../src/report/class_names.ts";
import { embedFirst, pictureAt } from "../../../src/report/image_sample.ts";
import { readTensors } from "../../../src/base/safetensors.ts";
import { runFolderAt } from "../../../src/run/folder.ts";
import { markFinished } from "../../../src/run/result.ts";
import { TASK_PERMISSIONS } from "../../../src/base/permissions.ts";
import { projectRoot } from "../../../src/setup/record.ts";
import { byol } from "../../support/byol.ts";
import { png } from "../../support/photo_files.ts";
import { writeRun } from "../../support/run_files.ts";
import { skip } from "../../support/skip.ts";

const NO_CHROMIUM = "there is no Chromium (Debian: apt-get install chromium)";

async function report(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...TASK_PERMISSIONS.report, "src/cli.ts", "report", ...args],
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
      signal: AbortSignal.timeout(60_000),
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
    match(
      html,
      /Embeddings of 40 random test images by the encoder of .*step-000000004\.safetensors/,
    );
    match(html, /40 test images as predicted by the online probe of the checkpoint; [\d.]+ %/);
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

Deno.test("the images looked at are all of a data set, each once, with their own pictures", async () => {
  setThreads(1);
  const args = ["--threads=1", "--hidden_dim=16", "--limit_train=70"];
  const { config } = parseCommandLine("train", args, thisEnvironment());
  const { train, test } = await openData(config);
  test?.close();
  using dataset = train;
  using learner = createLearner(config);
  const folder = await Deno.makeTempDir({ prefix: "byol-sample-" });
  try {
    const { transforms } = evaluationOptions(config);
    const [file, input] = [join(folder, "batch"), join(folder, "input")];
    const { features, labels } = await embedFirst(dataset, 1000, { learner, transforms, file });
    const { count, classes } = dataset.describe();
    equal(count, 70);
    dataset.makeCenterCrops(0, count);
    learner.writeEmbeddings(dataset, file);
    const all = Array.from(readTensors(file).get("labels")!.values, Number);
    equal([...labels].sort().join(), all.sort().join());
    equal(new Set(labels).size, classes);
    const first = await embedFirst(dataset, 10, { learner, transforms, file });
    equal(first.labels.join(), labels.slice(0, 10).join());

    // What the encoder makes of a picture is what was said of its place: at both batches' ends, the last image's too.
    const places = [0, 1, 63, 64, 69];
    const side = transforms.test.crop;
    const { mean, std } = NORMALISATION[config.datasetName];
    const values = places.flatMap((place) => {
      const { data, width } = decode(pictureAt(dataset, place, { transforms, file }));
      const scale = width / side;
      return Array.from({ length: 3 * side * side }, (_, at) => {
        const channel = Math.floor(at / side ** 2);
        const [row, column] = [Math.floor(at / side) % side, at % side];
        const value = data[3 * (row * scale * width + column * scale) + channel]! / 255;
        return (value - mean[channel]!) / std[channel]!;
      });
    });
    writeInput(input, Float32Array.from(values), [places.length, 3, side, side]);
    learner.writeOutputs({ input, path: file, encoderOnly: true });
    const output = readTensors(file).get("output.eval")!.values as Float32Array;
    const expected = places.flatMap((place) => features[place]!);
    const worst = Math.max(...expected.map((value, at) => Math.abs(value - output[at]!)));
    ok(worst < 1e-5, String(worst));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A safetensors file with the tensor `input`. */
function writeInput(path: string, values: Float32Array, shape: number[]): void {
  const entry = { dtype: "F32", shape, data_offsets: [0, values.byteLength] };
  const header = new TextEncoder().encode(JSON.stringify({ input: entry }));
  const bytes = new Uint8Array(8 + header.length + values.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  bytes.set(new Uint8Array(values.buffer), 8 + header.length);
  Deno.writeFileSync(path, bytes);
}

Deno.test("the confusion matrix is of the best probe that fits the checkpoint", async () => {
  const run = await Deno.makeTempDir({ prefix: "byol-report-probe-" });
  const train = async (steps: number): Promise<void> => {
    const { code, stderr } = await byol(
      ...["train", "--hidden_dim=16", "--z_dim=8", "--batch_size=16", "--threads=1"],
      ...["--online_probe=false", "--clsf_every=0", `--max_steps=${steps}`, `--run_dir=${run}`],
    );
    equal(code, 0, stderr);
  };
  const confusion = async (images: number): Promise<string> => {
    const { code, err } = await report([`--run_dir=${run}`, `--images=${images}`, "--threads=1"]);
    equal(code, 0, err);
    const html = Deno.readTextFileSync(join(run, "report.html"));
    return /\d+ test images as predicted by [^<]*/.exec(html)?.[0] ?? html;
  };
  try {
    await train(2);
    match(await confusion(20), /by the nearest training image.*: the checkpoint holds no probe; /);

    const { code, stdout, stderr } = await byol(
      ...["eval", `--checkpoint=${run}/encoder.safetensors`, "--limit_train=1000"],
      ...["--clsf_augment=false", "--threads=1", "--format=json"],
      `--save_probe=${run}/probe.safetensors`,
    );
    equal(code, 0, stderr);
    // All test images: what the evaluation itself found, but for one at the edge of a rounding.
    const said = await confusion(1000);
    match(said, /by the final linear probe \(probe\.safetensors\); /);
    const share = Number(/; ([\d.]+) % are right/.exec(said)?.[1]);
    ok(Math.abs(share - JSON.parse(stdout).top1) < 0.21, `${said}, ${stdout}`);

    await train(3);
    match(await confusion(20), /probe\.safetensors is not used: it is of step 2, .* of step 3; /);
  } finally {
    await Deno.remove(run, { recursive: true });
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
    match(html, /mean ± std of 2 seeds<\/td><td class="number">40\.00 ± 0\.00/);
    match(html, /51\.50 ± 2\.12/);
    match(html, /--seed<\/td><td>0<\/td><td>1<\/td>/);

    // A folder of runs is the same; what cannot be read in it is said, what is no run is nothing.
    Deno.mkdirSync(join(folder, "empty"));
    Deno.mkdirSync(join(folder, "seed-2", "metrics.jsonl"), { recursive: true });
    const found = await report([`--run_dir=${folder}`, `--out=${out}`]);
    equal(found.code, 0, found.err);
    match(found.err, /seed-2 is left out/);
    match(Deno.readTextFileSync(out), /51\.50 ± 2\.12/);
    const refused = await report([`--run_dir=${folder}`, "--images=5"]);
    equal(refused.code, 2);
    match(refused.err, /Cannot report on 2 runs with --images=5: expected one run/);
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
    match(html, /The last line of .*metrics\.jsonl is incomplete and is left out/);
    match(html, /Cannot analyse the encoder: .*holds no checkpoint and no encoder\.safetensors/);
    match(html, /views\.png is missing/);
    ok(html.includes("<h2>Curves</h2>") && html.includes("<svg "));

    // A damaged line among good ones: it is named, and the others are there.
    await using damaged = await writeRun({ steps: 40, every: 2, totalSteps: 100, top1: 51.5 });
    const metrics = join(damaged.path, "metrics.jsonl");
    const lines = Deno.readTextFileSync(metrics).split("\n");
    Deno.writeTextFileSync(metrics, lines.with(3, '{"kind":"tr\u0000').with(5, "{}").join("\n"));
    const rest = await report([`--run_dir=${damaged.path}`, "--images=0"]);
    equal(rest.code, 0, rest.err);
    for (const line of [4, 6]) {
      ok(rest.err.includes(`Cannot read the row at ${metrics}:${line}: expected a JSON object`));
    }
    const drawn = Deno.readTextFileSync(join(damaged.path, "report.html"));
    match(drawn, /metrics\.jsonl:4: .*it is left out/);
    match(drawn, /51\.50/);

    // No Chromium: the HTML is made all the same.
    const page = join(folder, "page.html");
    const noPdf = await report(
      ["--page=docs/reports.md", `--out=${page}`, "--pdf"],
      { CHROMIUM: join(folder, "no-such-browser") },
    );
    equal(noPdf.code, 6);
    match(noPdf.err, /Cannot write .*page\.pdf: there is no Chromium.*page\.html is written/s);
    match(Deno.readTextFileSync(page), /<h1>Following a run<\/h1>/);
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

Deno.test("photos without classes or test images have a map and neighbours", async () => {
  const folder = await Deno.makeTempDir({ prefix: "byol-report-photos-" });
  const [photos, run] = [join(folder, "photos"), join(folder, "run")];
  try {
    await Deno.mkdir(photos);
    for (let index = 0; index < 24; index++) {
      await Deno.writeFile(join(photos, `${index}.png`), png(40 + index, 32, index));
    }
    const trained = await byol(
      ...["train", "--dataset_name=folder", `--data_dir=${photos}`, "--clsf_every=0"],
      ...["--resnet_type=resnet18", "--image_size=32", "--hidden_dim=16", "--z_dim=8"],
      ...["--batch_size=8", "--max_steps=2", "--threads=1", `--run_dir=${run}`],
    );
    equal(trained.code, 0, trained.stderr);
    const { code, err } = await report([`--run_dir=${run}`, "--images=8", "--threads=1"]);
    equal(code, 0, err);
    const html = Deno.readTextFileSync(join(run, "report.html"));
    match(html, /Embeddings of 8 random training images by the encoder of [^;]*\.<\/p>/);
    match(html, /A framed training image, .* the nearest of 16 other training images/);
    ok(!html.includes("<h2>Confusion matrix</h2>"));
    // The views, and 8 images with 6 neighbours each, none of which is the image itself.
    const images = [...html.matchAll(/<img alt="[^"]*" src="([^"]+)"/g)].map(([, uri]) => uri);
    equal(images.length, 8 * 7);
    for (let at = 0; at < images.length; at += 7) {
      ok(!images.slice(at + 1, at + 7).includes(images[at]), `image ${at / 7}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a run that its budget has stopped is reported as late", async () => {
  await using run = await writeRun({ steps: 60, every: 10, totalSteps: 100 });
  const late =
    "Late for --time_budget=10m: stopped at step 60 of 100 and saved, before the schedules have ended";
  const result = { step: 60, totalSteps: 100, evaluations: [], late };
  markFinished(runFolderAt(run.path), result);
  const { code, err } = await report([`--run_dir=${run.path}`, "--images=0"]);
  equal(code, 0, err);
  ok(err.includes(late), err);
  ok(Deno.readTextFileSync(join(run.path, "report.html")).includes(late));
});

Deno.test("ImageNet's synsets are shown in words, other names of classes as they are", () => {
  deepEqual(inWords(["n01440764", "n02102040", "cats", "n99999999", "constructor"]), [
    ...["tench", "English springer", "cats", "n99999999", "constructor"],
  ]);
});
