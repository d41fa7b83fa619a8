import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type Archive,
  CIFAR_ARCHIVES,
  downloadArchive,
  type DownloadProgress,
} from "../../../src/data/download.ts";
import { ExitCode, UserError } from "../../../src/base/exit_codes.ts";

const NAME = "small.tar.gz";
const BODY = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

/** Answer of the server under `serve` to one request; `number` counts from 0. */
type Answer = (request: Request, number: number) => Response | Promise<Response>;

interface Site extends AsyncDisposable {
  readonly archive: Archive;
  /** The Range header of each request so far. */
  readonly ranges: (string | null)[];
}

type OnProgress = (progress: DownloadProgress) => void;

/** A real HTTP server on this machine, and an archive that it serves. */
function serve(answer: Answer): Site {
  const ranges: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    ranges.push(request.headers.get("range"));
    return answer(request, ranges.length - 1);
  });
  return {
    archive: archiveAt(server.addr.port),
    ranges,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function archiveAt(port: number): Archive {
  return {
    name: NAME,
    url: `http://127.0.0.1:${port}/${NAME}`,
    size: BODY.length,
    md5: createHash("md5").update(BODY).digest("hex"),
    sha256: createHash("sha256").update(BODY).digest("hex"),
  };
}

function whole(): Response {
  return new Response(BODY);
}

/** Answers as a server that knows ranges does. */
function ranged(request: Request): Response {
  const match = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
  if (!match) return whole();
  const start = Number(match[1]);
  const headers = { "content-range": `bytes ${start}-${BODY.length - 1}/${BODY.length}` };
  return new Response(BODY.subarray(start), { status: 206, headers });
}

/** Promises the whole body, sends `count` bytes of it and then nothing more. */
function silentAfter(count: number): Response {
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(BODY.subarray(0, count)),
  });
  return new Response(stream, { headers: { "content-length": String(BODY.length) } });
}

/**
 * A server that sends 50,000 bytes a connection, `cuts` times, and breaks each when the client has them
 * (a reset may drop what is still under way).
 */
async function serveWithCuts(cuts: number): Promise<Site & { onProgress: OnProgress }> {
  const ranges: (string | null)[] = [];
  let open: ServerResponse | undefined;
  const server = createServer((request, response) => {
    const range = request.headers.range ?? null;
    ranges.push(range);
    const start = Number(/\d+/.exec(range ?? "0")?.[0]);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": BODY.length - start,
      "content-range": `bytes ${start}-${BODY.length - 1}/${BODY.length}`,
    });
    if (ranges.length > cuts) {
      response.end(BODY.subarray(start));
    } else {
      open = response;
      response.write(BODY.subarray(start, start + 50_000));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    archive: archiveAt(port),
    ranges,
    onProgress: ({ received }) => {
      if (received === 50_000 * ranges.length) open?.destroy();
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Runs `use` with a folder that is removed afterwards. */
async function withFolder(use: (dataDir: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "byol-download-" });
  try {
    await use(join(folder, "data"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function download(
  site: Site,
  dataDir: string,
  more: { idleTimeoutMs?: number; onProgress?: OnProgress } = {},
) {
  return downloadArchive(site.archive, { dataDir, retryDelayMs: 1, onProgress() {}, ...more });
}

async function rejected(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof UserError, `expected a UserError, not ${error}`);
  assert.equal(error.exitCode, ExitCode.data);
  return error;
}

function filesIn(dataDir: string): string[] {
  return [...Deno.readDirSync(dataDir)].map((entry) => entry.name).sort();
}

/** The message must let the user do without the network. */
function assertSaysWhatToFetch(error: UserError, { archive, dataDir }: {
  archive: Archive;
  dataDir: string;
}): void {
  for (const part of [archive.url, archive.md5, archive.sha256, dataDir]) {
    assert.ok(error.message.includes(part), `${part} is not in: ${error.message}`);
  }
}

Deno.test("a bug during a download keeps its stack, and is not tried again", async () => {
  await using site = serve(whole);
  await withFolder((dataDir) => {
    const onProgress = (): void => (undefined as unknown as { planted: () => void }).planted();
    return assert.rejects(download(site, dataDir, { onProgress }), TypeError);
  });
  assert.equal(site.ranges.length, 1);
});

Deno.test("a download is whole, reports its progress and leaves nothing else", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    const seen: number[] = [];
    const path = await downloadArchive(site.archive, {
      dataDir,
      onProgress: ({ received, total }) => {
        assert.equal(total, BODY.length);
        seen.push(received);
      },
    });
    assert.equal(path, join(dataDir, NAME));
    assert.deepEqual(await Deno.readFile(path), BODY);
    assert.deepEqual(filesIn(dataDir), [NAME]);
    assert.equal(seen.at(-1), BODY.length);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  }));

Deno.test("a file that is there is kept without a request if its MD5 is right", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    await download(site, dataDir);
    await download(site, dataDir);
    assert.equal(site.ranges.length, 1);
    await Deno.writeTextFile(join(dataDir, NAME), "the user's own");
    const error = await rejected(download(site, dataDir));
    assert.match(error.message, /remove it/);
    assert.equal(await Deno.readTextFile(join(dataDir, NAME)), "the user's own");
  }));

Deno.test("of two downloads of one file the second waits, and finds it", () =>
  withFolder(async (dataDir) => {
    await using site = serve(async (request) => {
      await new Promise((done) => setTimeout(done, 300));
      return ranged(request);
    });
    const both = await Promise.all([download(site, dataDir), download(site, dataDir)]);
    assert.deepEqual(both, [join(dataDir, NAME), join(dataDir, NAME)]);
    assert.deepEqual(site.ranges, [null]);
    assert.deepEqual(filesIn(dataDir), [NAME]);
  }));

Deno.test("a cut connection is resumed where it broke", () =>
  withFolder(async (dataDir) => {
    await using site = await serveWithCuts(2);
    const path = await download(site, dataDir, { onProgress: site.onProgress });
    assert.deepEqual(await Deno.readFile(path), BODY);
    assert.deepEqual(site.ranges, [null, "bytes=50000-", "bytes=100000-"]);
    assert.deepEqual(filesIn(dataDir), [NAME]);
  }));

Deno.test("connections cut for ever end in a message and keep the part", () =>
  withFolder(async (dataDir) => {
    await using site = await serveWithCuts(Infinity);
    const error = await rejected(download(site, dataDir, { onProgress: site.onProgress }));
    assert.match(error.message, /after 4 attempts/);
    assert.equal((await Deno.stat(join(dataDir, `${NAME}.part`))).size, 200_000);
  }));

Deno.test("the part of an earlier process is continued", () =>
  withFolder(async (dataDir) => {
    await using site = serve(ranged);
    await Deno.mkdir(dataDir);
    await Deno.writeFile(join(dataDir, `${NAME}.part`), BODY.subarray(0, 123_456));
    assert.deepEqual(await Deno.readFile(await download(site, dataDir)), BODY);
    assert.deepEqual(site.ranges, ["bytes=123456-"]);
  }));

Deno.test("a whole part needs no request, one that is too long is dropped", () =>
  withFolder(async (dataDir) => {
    await using site = serve(ranged);
    await Deno.mkdir(dataDir);
    await Deno.writeFile(join(dataDir, `${NAME}.part`), BODY);
    await download(site, dataDir);
    assert.deepEqual(site.ranges, []);
    await Deno.remove(join(dataDir, NAME));
    await Deno.writeFile(join(dataDir, `${NAME}.part`), new Uint8Array(BODY.length + 1));
    assert.deepEqual(await Deno.readFile(await download(site, dataDir)), BODY);
    assert.deepEqual(site.ranges, [null]);
  }));

Deno.test("a server that ignores ranges starts over", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    await Deno.mkdir(dataDir);
    await Deno.writeTextFile(join(dataDir, `${NAME}.part`), "what is not the file's start");
    assert.deepEqual(await Deno.readFile(await download(site, dataDir)), BODY);
    assert.deepEqual(site.ranges, ["bytes=28-"]);
  }));

Deno.test("a range that is refused or another one starts over", () =>
  withFolder(async (dataDir) => {
    const wrong = [
      () => new Response(null, { status: 416 }),
      () => new Response(BODY, { status: 206, headers: { "content-range": "bytes 0-9/10" } }),
    ];
    for (const answer of wrong) {
      await using site = serve((_, number) => number === 0 ? answer() : whole());
      await Deno.mkdir(dataDir, { recursive: true });
      await Deno.writeTextFile(join(dataDir, `${NAME}.part`), "stale");
      assert.deepEqual(await Deno.readFile(await download(site, dataDir)), BODY);
      assert.deepEqual(site.ranges, ["bytes=5-", null]);
      await Deno.remove(join(dataDir, NAME));
    }
  }));

Deno.test("a wrong MD5 keeps no file and names both sums", () =>
  withFolder(async (dataDir) => {
    const other = BODY.toReversed();
    await using site = serve(() => new Response(other));
    const error = await rejected(download(site, dataDir));
    assertSaysWhatToFetch(error, { archive: site.archive, dataDir });
    assert.ok(error.message.includes(createHash("md5").update(other).digest("hex")));
    assert.throws(() => Deno.statSync(dataDir), Deno.errors.NotFound);
    assert.equal(site.ranges.length, 1);
  }));

Deno.test("the right MD5 with another SHA-256 keeps no file, and none that was there is used", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    // Two files of one MD5 are made in seconds; of this one only the expected SHA-256 is another.
    const archive = { ...site.archive, sha256: "0".repeat(64) };
    const error = await rejected(download({ ...site, archive }, dataDir));
    assertSaysWhatToFetch(error, { archive, dataDir });
    assert.match(error.message, /the SHA-256 [0-9a-f]{64}, expected 0{64}, and was removed/);
    assert.throws(() => Deno.statSync(dataDir), Deno.errors.NotFound);
    await Deno.mkdir(dataDir, { recursive: true });
    await Deno.writeFile(join(dataDir, NAME), BODY);
    const kept = await rejected(download({ ...site, archive }, dataDir));
    assert.match(kept.message, /exists with the SHA-256 [0-9a-f]{64}, expected 0{64}; remove it/);
    assert.deepEqual(filesIn(dataDir), [NAME]);
  }));

Deno.test("404 is final, 503 is tried four times", () =>
  withFolder(async (dataDir) => {
    for (const [status, requests] of [[404, 1], [503, 4]]) {
      await using site = serve(() => new Response("no", { status }));
      const error = await rejected(download(site, dataDir));
      assert.ok(error.message.includes(`the server answered ${status}`), error.message);
      assertSaysWhatToFetch(error, { archive: site.archive, dataDir });
      assert.equal(site.ranges.length, requests);
    }
    await using site = serve((_, n) => n < 3 ? new Response("no", { status: 503 }) : whole());
    assert.deepEqual(await Deno.readFile(await download(site, dataDir)), BODY);
  }));

Deno.test("a body of another length is refused before the disk fills", () =>
  withFolder(async (dataDir) => {
    await using page = serve(() => new Response("<html>Log in first</html>"));
    assert.match(
      (await rejected(download(page, dataDir))).message,
      /offers 25 bytes, expected 300000/,
    );
    const endless = () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(BODY) }));
    await using site = serve(endless);
    assert.match(
      (await rejected(download(site, dataDir))).message,
      /more than the expected 300000/,
    );
    const sizes = filesIn(dataDir).map((name) => Deno.statSync(join(dataDir, name)).size);
    assert.ok(sizes.every((size) => size === 0), `left over: ${sizes}`);
  }));

Deno.test("a silent server is given up after the idle timeout", () =>
  withFolder(async (dataDir) => {
    await using site = serve((request, number) => number === 0 ? silentAfter(9) : ranged(request));
    const path = await download(site, dataDir, { idleTimeoutMs: 200 });
    assert.deepEqual(await Deno.readFile(path), BODY);
    assert.deepEqual(site.ranges, [null, "bytes=9-"]);
  }));

Deno.test("an aborted download keeps its part and throws the signal's reason", () =>
  withFolder(async (dataDir) => {
    await using site = serve(() => silentAfter(50_000));
    const controller = new AbortController();
    const reason = new Error("stopped by the user");
    const promise = downloadArchive(site.archive, {
      dataDir,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await assert.rejects(promise, reason);
    assert.deepEqual(filesIn(dataDir), [`${NAME}.part`]);
  }));

Deno.test("nobody listening is a message, not a stack", () =>
  withFolder(async (dataDir) => {
    const site = serve(whole);
    await site[Symbol.asyncDispose]();
    const error = await rejected(download(site, dataDir));
    assert.match(error.message, /after 4 attempts/);
    assertSaysWhatToFetch(error, { archive: site.archive, dataDir });
  }));

Deno.test("a download that fails leaves no folder behind, but for its part", () =>
  withFolder(async (dataDir) => {
    await using gone = serve(() => new Response("", { status: 404 }));
    await rejected(download(gone, join(dataDir, "deep")));
    assert.throws(() => Deno.statSync(dataDir), Deno.errors.NotFound);
    Deno.mkdirSync(dataDir);
    await rejected(download(gone, dataDir));
    assert.deepEqual(filesIn(dataDir), [], "a folder that was there stays");
  }));

Deno.test("a folder that cannot be made is a message", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    await Deno.writeTextFile(dataDir, "a file where the folder should be");
    const error = await rejected(download(site, join(dataDir, "below")));
    assert.match(error.message, /Cannot download small.tar.gz: .*(Not a directory|exists)/);
    assert.equal(site.ranges.length, 0);
  }));

Deno.test("a full disk is a message and not tried again", () =>
  withFolder(async (dataDir) => {
    await using site = serve(whole);
    await Deno.mkdir(dataDir);
    await Deno.symlink("/dev/full", join(dataDir, `${NAME}.part`));
    const error = await rejected(download(site, dataDir));
    assert.match(error.message, /No space left on device/);
    assert.equal(site.ranges.length, 1);
  }));

Deno.test("offline says what to fetch and where to put it", () =>
  withFolder(async (dataDir) => {
    for (const [name, size] of [["cifar10", "162 MiB"], ["cifar100", "161 MiB"]] as const) {
      const archive = CIFAR_ARCHIVES[name];
      const error = await rejected(downloadArchive(archive, { dataDir, offline: true }));
      assertSaysWhatToFetch(error, { archive, dataDir });
      assert.match(error.message, /--offline/);
      assert.match(error.message, new RegExp(size));
    }
  }));

Deno.test({
  name: "without Deno's permission the network is not asked for",
  permissions: { net: false, read: "inherit", write: "inherit", env: "inherit" },
  fn: () =>
    withFolder(async (dataDir) => {
      const archive = CIFAR_ARCHIVES.cifar10;
      const error = await rejected(downloadArchive(archive, { dataDir }));
      assert.match(error.message, /--allow-net=www.cs.toronto.edu:443/);
      assertSaysWhatToFetch(error, { archive, dataDir });
    }),
});
