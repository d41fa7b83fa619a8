/** The answers of the live page's server. Every address but those of this file is refused. */

import { timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isSystemError } from "../../base/expected.ts";
import { stateOf } from "./tail.ts";
import { COLOURS } from "../charts.ts";
import { LIVE_POLICY } from "../page.ts";
import { chosenSections } from "./chosen.ts";
import { livePage } from "./live_page.ts";
import type { LiveRun } from "./live_run.ts";
import { type LiveRuns, SLICE } from "./live_runs.ts";

/** Largest number of runs whose curves stand over each other: each has a colour of its own. */
const MOST_CHOSEN = COLOURS.length;
/** Names of this machine: a page of another name, which its owner makes lead here, is refused. */
const HOSTS = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": `${LIVE_POLICY}; frame-ancestors 'none'`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
/** Policy of a report: nothing is fetched, no script runs, and it has no origin. */
const REPORT_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";
const SSE_MILLISECONDS = 2000;

/** Facts that the answers depend on. */
export interface ServerOptions {
  token: string;
  /** The folder's name, as the user gave it. */
  folder: string;
  runs: LiveRuns;
  /** Text of client.js. */
  script: string;
  /** Milliseconds between two looks for events; 2000 by default. */
  everyMilliseconds?: number;
}

/** Returns the function that answers requests. */
export function handlerOf(options: ServerOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    if (!HOSTS.test(request.headers.get("host") ?? "")) return refusal(421, "Unknown host");
    if (request.method !== "GET") return refusal(405, "Only GET is answered");
    const { pathname, searchParams } = new URL(request.url);
    const [, token = "", ...rest] = pathname.split("/");
    if (!isSame(token, options.token)) return refusal(404, "Not found");
    const path = rest.join("/");
    const { runs } = options;
    if (path === "" && rest.length === 1) {
      await runs.poll();
      const chosen = await chosenRuns(searchParams, runs);
      return answer(
        livePage(runs, { folder: options.folder, chosen, ...smoothingIn(searchParams) }),
        "text/html",
      );
    }
    if (path === "client.js") return answer(options.script, "text/javascript");
    if (path === "events") return events(request, options);
    if (path === "chosen") {
      const chosen = await chosenRuns(searchParams, runs);
      const groups = runs.groupsOf(chosen);
      return answer(
        chosenSections(chosen, { ...smoothingIn(searchParams), groups }),
        "text/html",
      );
    }
    const [, kind, id] = /^(views|report)\/(\d{1,9})$/.exec(path) ?? [];
    const run = id === undefined ? undefined : runs.runOf(Number(id));
    if (run === undefined) return refusal(404, "Not found");
    return kind === "views" ? sheetOf(run) : reportOf(run);
  };
}

/** Compares texts in a time that does not tell how much of them is equal. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => new TextEncoder().encode(text)) as [
    Uint8Array,
    Uint8Array,
  ];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Returns the runs that an address names, with all their rows read. */
async function chosenRuns(address: URLSearchParams, runs: LiveRuns): Promise<LiveRun[]> {
  const words = (address.get("runs") ?? "").split(",").filter((id) => /^\d{1,9}$/.test(id));
  const ids = [...new Set(words)].slice(0, MOST_CHOSEN);
  const chosen = ids.flatMap((id) => runs.runOf(Number(id)) ?? []);
  for (const run of chosen) {
    while (!run.isRead) {
      run.readMore(SLICE);
      await sleep(0);
    }
  }
  return chosen;
}

/** Returns the smoothing that an address asks for, in percent of a curve. */
function smoothingIn(address: URLSearchParams): { smoothing?: number } {
  const percent = address.get("smooth") ?? "";
  return /^\d{1,2}$/.test(percent) ? { smoothing: Number(percent) / 100 } : {};
}

/** Streams the changes as server-sent events. A browser that connects again tells the last one that it got. */
function events(
  request: Request,
  { runs, everyMilliseconds = SSE_MILLISECONDS }: ServerOptions,
): Response {
  const after = request.headers.get("last-event-id") ??
    new URL(request.url).searchParams.get("after");
  let version = /^\d{1,15}$/.test(after ?? "") ? Number(after) : 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": connected\n\n"));
      const look = async (): Promise<void> => {
        await runs.poll();
        if (timer === undefined) return;
        if (runs.version !== version && (controller.desiredSize ?? 0) > 0) {
          const changes = runs.changesAfter(version);
          version = changes.version;
          controller.enqueue(
            encoder.encode(`id: ${version}\ndata: ${JSON.stringify(changes)}\n\n`),
          );
        }
        timer = setTimeout(look, everyMilliseconds);
      };
      timer = setTimeout(look, 0);
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  });
  // Compressed, events would wait for each other.
  const own = { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" };
  return new Response(body, { headers: { ...HEADERS, ...own } });
}

function sheetOf({ folder }: LiveRun): Response {
  const bytes = bytesOf(folder.sheetFile);
  return bytes === undefined
    ? refusal(404, "Not found")
    : new Response(bytes, { headers: { ...HEADERS, "content-type": "image/png" } });
}

function reportOf({ folder }: LiveRun): Response {
  const bytes = bytesOf(join(folder.path, "report.html"));
  if (bytes === undefined) return refusal(404, "Not found");
  return new Response(bytes, {
    headers: {
      ...HEADERS,
      "content-security-policy": REPORT_POLICY,
      "content-type": "text/html; charset=utf-8",
    },
  });
}

/** Returns the bytes of a regular file; undefined for anything else. */
function bytesOf(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return stateOf(path) === undefined ? undefined : Deno.readFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}

function answer(text: string, type: string): Response {
  return new Response(text, { headers: { ...HEADERS, "content-type": `${type}; charset=utf-8` } });
}

function refusal(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { ...HEADERS, "content-type": "text/plain" },
  });
}
