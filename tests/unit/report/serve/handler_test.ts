/** serve: what its server answers, over real HTTP, of runs that are written, killed, half-written and hostile. */

import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import axe from "axe-core";
import { handlerOf } from "../../../../src/report/serve/handler.ts";
import { LiveRuns } from "../../../../src/report/serve/live_runs.ts";
import { findChromium } from "../../../../src/report/browser.ts";
import { projectRoot } from "../../../../src/setup/record.ts";
import { type OpenPage, openPage } from "../../../support/chromium.ts";
import { type RunShape, writeRun } from "../../../support/run_files.ts";
import { skip } from "../../../support/skip.ts";

const TOKEN = "0123456789abcdef";
const SHAPE: RunShape = { steps: 40, every: 2, totalSteps: 100, tested: 1000 };
const HOSTILE = `<img src=x onerror=alert(1)>"'&\u202e\n`;

/** A folder of runs that is served on a port of its own. */
interface Served extends AsyncDisposable {
  root: string;
  port: number;
  address: string;
  runs: LiveRuns;
  /** Writes a run into the folder and returns its path. */
  put(name: string, shape?: Partial<RunShape>): Promise<string>;
  get(path?: string): Promise<{ status: number; text: string; headers: Headers }>;
}

async function serve(): Promise<Served> {
  const root = await Deno.makeTempDir({ prefix: "byol-serve-" });
  const runs = new LiveRuns(root);
  const script = Deno.readTextFileSync(join(projectRoot, "src/report/serve/client.js"));
  const options = { token: TOKEN, folder: root, runs, script, everyMilliseconds: 50 };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    handlerOf(options),
  );
  const { port } = server.addr;
  const address = `http://127.0.0.1:${port}/${TOKEN}/`;
  return {
    ...{ root, port, address, runs },
    async put(name, shape = {}) {
      await using run = await writeRun({ ...SHAPE, ...shape });
      const path = join(root, name);
      Deno.mkdirSync(join(path, ".."), { recursive: true });
      Deno.renameSync(run.path, path);
      Deno.mkdirSync(run.path);
      return path;
    },
    async get(path = "") {
      const answer = await fetch(`${address}${path}`);
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** Sends bytes as they are, as no client library would, and returns the answer's first line. */
async function statusOf(port: number, lines: readonly string[]): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const text = [...lines, "Connection: close", "", ""].join("\r\n");
  await connection.write(new TextEncoder().encode(text));
  const bytes = new Uint8Array(256);
  const count = await connection.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)).split("\r\n")[0]!;
}

function own(path: string): void {
  Deno.mkdirSync(join(path, "lock"));
  const owner = { host: "node7", pid: 12, since: "2026-01-01T00:00:00Z" };
  Deno.writeTextFileSync(join(path, "lock", "owner.json"), JSON.stringify(owner));
}

/** Returns what axe finds against the accessibility guidelines in a page, each with the elements. */
async function accessibilityFaults(page: OpenPage): Promise<unknown> {
  await page.evaluate(`${axe.source}; 0`);
  return await page.evaluate(
    "axe.run(document).then(({ violations }) => " +
      "violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`))",
  );
}

/** Returns the attributes of each row of a page, by the name of its run. */
function rowsIn(html: string): Record<string, Record<string, string>> {
  const rows = [...html.matchAll(/<tr (data-[^>]*)>/g)].map(([, attributes = ""]) =>
    Object.fromEntries(
      [...attributes.matchAll(/data-(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    )
  );
  return Object.fromEntries(rows.map((row) => [row.name, row]));
}

Deno.test("only the token's address is answered, to this machine's names, and only GET", async () => {
  await using served = await serve();
  await served.put("a");
  const { status, headers } = await served.get();
  equal(status, 200);
  match(headers.get("content-security-policy")!, /default-src 'none'; script-src 'self'/);
  equal(headers.get("referrer-policy"), "no-referrer");
  for (const path of ["", "0/", `${TOKEN}0/`, `${TOKEN.slice(1)}/`, "client.js", TOKEN]) {
    const answer = await fetch(`http://127.0.0.1:${served.port}/${path}`);
    equal(answer.status, 404, path);
    doesNotMatch(await answer.text(), /<table/);
  }
  equal((await fetch(served.address, { method: "POST", body: "x" })).status, 405);
  const get = `GET /${TOKEN}/ HTTP/1.1`;
  // ssh -L may lead from another port, and the browser may call the machine localhost.
  for (const host of [`127.0.0.1:${served.port}`, "localhost:9000", "[::1]:80"]) {
    match(await statusOf(served.port, [get, `Host: ${host}`]), /^HTTP\/1\.1 200 /, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example:80", "localhost.:80", "10.0.0.1"]) {
    match(await statusOf(served.port, [get, `Host: ${host}`]), /^HTTP\/1\.1 421 /, host);
  }
});

Deno.test("two groups that chosen runs belong to are compared, over all of their runs", async () => {
  await using served = await serve();
  const put = (name: string, seed: number, tau: string, top1: number): Promise<string> =>
    served.put(name, { seed, top1, args: [`--tau_base=${tau}`] });
  for (const seed of [1, 2, 3]) {
    await put(`a${seed}`, seed, "0.97", 50 + seed);
    await put(`b${seed}`, seed, "0.5", 40 + seed);
  }
  await served.get();
  const idOf = async (name: string): Promise<string> =>
    rowsIn((await served.get()).text)[name]!.id!;
  const [a, other, b] = [await idOf("a1"), await idOf("a3"), await idOf("b2")];
  const { text } = await served.get(`chosen?runs=${a},${b}`);
  match(text, /Comparison, paired by seed/);
  match(text, /3 pairs of seeds/);
  match(text, /--tau_base=0\.97 in A, 0\.5 in B/);
  match(text, /<td[^>]*>−10\.00<\/td>/);
  match((await served.get(`?runs=${a},${b}`)).text, /Comparison, paired by seed/);
  // One group, or a single run in it, is no comparison.
  for (const runs of [a, `${a},${other}`, ""]) {
    doesNotMatch((await served.get(`chosen?runs=${runs}`)).text, /paired by seed/, runs);
  }
});

Deno.test("no path leads to a file that is not a sheet or a report of a run", async () => {
  await using served = await serve();
  const path = await served.put("a");
  Deno.writeTextFileSync(join(served.root, "secret"), "secret");
  Deno.writeTextFileSync(join(path, "report.html"), "<p>the report</p>");
  await served.get();
  const paths = [
    "../secret",
    "views/../../secret",
    "views/%2e%2e%2fsecret",
    "views/1/../../secret",
  ];
  const others = ["views/1/x", "views/-1", "views/2", "views/1", "a/config.json", "//etc/passwd"];
  for (const path of [...paths, ...others]) {
    const line = `GET /${TOKEN}/${path} HTTP/1.1`;
    match(await statusOf(served.port, [line, "Host: localhost"]), / 404 /, path);
  }
  const report = await served.get("report/1");
  equal(report.text, "<p>the report</p>");
  match(report.headers.get("content-security-policy")!, /^sandbox; default-src 'none'/);
  // A pipe in the place of a file would never end.
  equal((await new Deno.Command("mkfifo", { args: [join(path, "views.png")] }).output()).code, 0);
  equal((await served.get("views/1")).status, 404);
});

Deno.test("the table tells running, finished, interrupted, stalled and collapsed runs", async () => {
  await using served = await serve();
  own(await served.put("running"));
  const finished = await served.put("sub/finished");
  const result = { step: 40, totalSteps: 40, evaluations: [] };
  Deno.writeTextFileSync(join(finished, "result.json"), JSON.stringify(result));
  await served.put("killed");
  const stalled = await served.put("stalled");
  own(stalled);
  const hourAgo = new Date(Date.now() - 3_600_000);
  Deno.utimeSync(join(stalled, "metrics.jsonl"), hourAgo, hourAgo);
  own(await served.put("collapsed", { embeddingStd: 1e-4, every: 1 }));
  const rows = rowsIn((await served.get()).text);
  const states = Object.values(rows).map(({ name, state }) => [name, state]);
  deepEqual(states, [
    ["collapsed", "collapsed"],
    ["killed", "interrupted"],
    ["running", "running"],
    ["stalled", "stalled"],
    ["sub/finished", "finished"],
  ]);
  equal(rows.running?.share, "0.4");
  equal(rows.running?.left, "10");
  equal(rows.killed?.left, "");
  const { text } = await served.get();
  match(text, /50\.00 ± 1\.58<small>epoch 2<\/small>/);
  match(text, /<td class="number">1,000<small>test<\/small><\/td>/);
  match(text, /Nothing was logged for 1:00:00/);
  match(text, /The embeddings have collapsed/);
});

Deno.test("a row that is half written is left out until the rest of it is there", async () => {
  await using served = await serve();
  const path = await served.put("a");
  own(path);
  const file = join(path, "metrics.jsonl");
  const row = Deno.readTextFileSync(file).split("\n").find((line) => line.includes('"train"'))!;
  const next = row.replace(/"step":\d+/, '"step":49');
  Deno.writeTextFileSync(file, next.slice(0, 30), { append: true });
  const steps = async (): Promise<string | undefined> =>
    /<small>(\d+ of \d+)<\/small>/.exec((await served.get()).text)?.[1];
  equal(await steps(), "40 of 100");
  Deno.writeTextFileSync(file, `${next.slice(30)}\n`, { append: true });
  equal(await steps(), "50 of 100");
  doesNotMatch((await served.get()).text, /\d alarm/);
  Deno.writeTextFileSync(file, `{"kind":1}\nnull\n${next.slice(0, 9)}`, { append: true });
  match((await served.get()).text, /no rows, left out: 2/);
  // A killed run leaves the half for good.
  Deno.removeSync(join(path, "lock"), { recursive: true });
  match((await served.get()).text, /last line of metrics\.jsonl is incomplete/);
  // A resume replaces the file by a shorter one.
  const kept = Deno.readTextFileSync(file).split("\n").slice(0, 6).join("\n");
  Deno.writeTextFileSync(`${file}.part`, `${kept}\n`);
  Deno.renameSync(`${file}.part`, file);
  equal(await steps(), "10 of 100");
  doesNotMatch((await served.get()).text, /\d alarm/);
});

Deno.test("damaged and hostile files are alarms, and no file is waited for", async () => {
  await using served = await serve();
  for (const name of ["config", "rows", "result", "lock"]) await served.put(name);
  const at = (...parts: string[]): string => join(served.root, ...parts);
  Deno.writeTextFileSync(at("config", "config.json"), "{");
  for (const path of [at("rows", "metrics.jsonl"), at("result", "result.json")]) {
    await Deno.remove(path).catch(() => {});
    await new Deno.Command("mkfifo", { args: [path] }).output();
  }
  Deno.mkdirSync(at("lock", "lock"));
  await new Deno.Command("mkfifo", { args: [at("lock", "lock", "owner.json")] }).output();
  Deno.mkdirSync(at("a folder", "metrics.jsonl"), { recursive: true });
  Deno.symlinkSync(served.root, at("circle"));
  const { text } = await served.get();
  deepEqual(Object.keys(rowsIn(text)), ["a folder", "config", "lock", "result", "rows"]);
  match(text, /expected the JSON record of a run/);
  match(text, /metrics\.jsonl: expected a file/);
  // A run that is removed leaves the page.
  Deno.removeSync(at("config"), { recursive: true });
  for (let poll = 0; poll < 5; poll++) await served.runs.poll();
  ok(!("config" in rowsIn((await served.get()).text)));
});

Deno.test("events hold what has changed alone, and what a lost connection has missed", async () => {
  await using served = await serve();
  const path = await served.put("a");
  await served.put("b");
  const version = Number(/data-version="(\d+)"/.exec((await served.get()).text)![1]);
  const stop = new AbortController();
  const first = async (after: number, headers: Record<string, string> = {}): Promise<string> => {
    const url = `${served.address}events?after=${after}`;
    const answer = await fetch(url, { headers, signal: stop.signal });
    equal(answer.headers.get("content-type"), "text/event-stream");
    let text = "";
    for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (/data: .*\n\n/.test(text)) break;
    }
    return text;
  };
  const coming = first(version);
  const file = join(path, "metrics.jsonl");
  const row = { kind: "eval", step: 40, epoch: 4, top1: 71, top5: 95, knn_top1: 61, tested: 1000 };
  Deno.writeTextFileSync(file, `${JSON.stringify(row)}\n`, { append: true });
  const changes = JSON.parse(/data: (.*)/.exec(await coming)![1]!);
  equal(Object.keys(changes.rows).length, 1);
  match(Object.values(changes.rows).join(), /71\.00 ± 1\.43/);
  match(await first(0, { "last-event-id": String(version) }), /71\.00 ± 1\.43/);
  stop.abort();
});

Deno.test("groups have means over their seeds, and chosen runs their curves and differences", async () => {
  await using served = await serve();
  for (const seed of [0, 1]) {
    await served.put(`low/${seed}`, { seed, top1: 50 + seed, args: ["--tau_base=0.5"] });
    await served.put(`high/${seed}`, { seed, top1: 60 + seed, args: ["--tau_base=0.97"] });
  }
  const { text } = await served.get();
  match(text, /60\.50 ± 0\.71 \(n = 2\)/);
  match(text, /50\.50 ± 0\.71 \(n = 2\)/);
  match(text, /--tau_base=0\.97 in A, 0\.5 here/);
  const chosen = (await served.get("chosen?runs=1,3,99,x")).text;
  equal(chosen.match(/<svg /g)?.length, 7);
  match(chosen, /<title>low\/0, step \d+: [\d.]+<\/title>/);
  match(chosen, /<td>--tau_base<\/td><td>0\.97<\/td><td>0\.5<\/td>/);
  equal((await served.get("chosen?runs=")).text, "");
  // An evaluation on images that were held out beside the test images.
  const file = join(served.root, "low/0", "metrics.jsonl");
  const held = { top1: 40, top5: 80, knn_top1: 30, tested: 500 };
  const test = { top1: 50, top5: 90, knn_top1: 40, tested: 1000 };
  const row = { kind: "eval", step: 40, epoch: 4, ...test, held_out: held };
  Deno.writeTextFileSync(file, `${JSON.stringify(row)}\n`, { append: true });
  const after = (await served.get()).text;
  match(after, /50\.00 ± 1\.58<small>epoch 4<\/small><small>held-out 40\.00 ± 2\.19<\/small>/);
  match(after, /1,000<small>test<\/small>500<small>held-out<\/small>/);
});

Deno.test("Chromium shows table and curves, follows a run that grows, and runs nothing of a name", async () => {
  const chromium = await findChromium();
  if (chromium === undefined) {
    return skip("there is no Chromium (Debian: apt-get install chromium)");
  }
  await using served = await serve();
  await served.put(HOSTILE);
  const path = await served.put("b");
  own(path);
  await using page = await openPage(chromium, served.address);
  await page.until("document.querySelectorAll('#runs tbody tr').length === 2");
  await page.evaluate("document.querySelectorAll('.choice').forEach((box) => box.click())");
  await page.until("document.querySelectorAll('#chosen svg').length === 7");
  match(String(await page.evaluate("location.search")), /^\?runs=1,2&smooth=5$/);
  const file = join(path, "metrics.jsonl");
  const lines = Deno.readTextFileSync(file).split("\n");
  const row = lines.findLast((line) => line.includes('"train"'))!;
  Deno.writeTextFileSync(file, `${row.replace(/"step":\d+/, '"step":59')}\n`, { append: true });
  await page.until("document.body.textContent.includes('60 of 100')");
  equal(await page.evaluate("document.querySelectorAll('.choice:checked').length"), 2);
  // Sort, filter and star.
  await page.evaluate("document.querySelector('[data-key=share] button').click()");
  await page.evaluate("document.querySelector('[data-key=share] button').click()");
  equal(await page.evaluate("document.querySelector('#runs tbody tr').dataset.name"), "b");
  await page.evaluate("document.querySelector('#runs tbody tr .star').click()");
  await page.evaluate("document.getElementById('starred').click()");
  equal(await page.evaluate("document.querySelectorAll('#runs tbody tr:not([hidden])').length"), 1);
  await page.evaluate("location.reload()");
  await page.until("document.querySelector('.star[aria-pressed=true]')?.textContent === '★'");
  await page.until("document.querySelectorAll('#chosen svg').length === 7");
  equal(await page.evaluate("document.querySelectorAll('img').length"), 0);
  for (const colours of ["light", "dark"] as const) {
    for (const width of [1200, 400]) {
      await page.look(width, colours);
      equal(await page.evaluate("document.documentElement.scrollWidth"), width);
      deepEqual(await accessibilityFaults(page), [], `${colours}, ${width} px`);
    }
  }
  await page.evaluate("document.querySelector('main').append(new Image()); 0");
  match(String(await accessibilityFaults(page)), /^image-alt: <img>/);
  deepEqual(page.complaints, []);
});
