/**
 * Download of the official archives of CIFAR-10 and CIFAR-100, with progress. An interrupted download is continued; the file is checked by
 * its SHA-256 and MD5, and only then renamed to its final name.
 */
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import { isSystemError } from "../base/expected.ts";
import { missingFolders, removeEmptyFolders } from "../base/made_folders.ts";
import { removeIfThere } from "../base/files.ts";
import { endOpenLine, showLine, showOpenLine } from "../base/output.ts";
import { withLock } from "../setup/lock.ts";
import { type Checksums, differenceOf } from "./checksums.ts";

/** A file to download, with its size and checksums. */
export interface Archive extends Checksums {
  /** File name in the data folder. */
  readonly name: string;
  readonly url: string;
  /** Size in bytes. */
  readonly size: number;
}

/** The archives, as published by their authors. Of the files in CIFAR-100's other archive, no MD5 is published. */
export const CIFAR_ARCHIVES: Readonly<Record<"cifar10" | "cifar100", Archive>> = {
  cifar10: {
    name: "cifar-10-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    size: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
  },
  cifar100: {
    name: "cifar-100-python.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    size: 169_001_437,
    md5: "eb9058c3a382ffc7106e4002c42a8d85",
    sha256: "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
  },
};

/** Progress of a download, in bytes. */
export interface DownloadProgress {
  readonly received: number;
  readonly total: number;
}

/** Options of a download. */
export interface DownloadOptions {
  /** Called after every piece; by default the progress is shown on stderr. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** True to refuse the network, with a message that names the file to download by hand; false by default. */
  readonly offline?: boolean;
  /** Signal that stops the download; a later download continues the received part. */
  readonly signal?: AbortSignal;
  /** Milliseconds before the first of three retries, doubled for each next one; 2000 by default. */
  readonly retryDelayMs?: number;
  /** Milliseconds without a byte after which a connection counts as lost; 60,000 by default. */
  readonly idleTimeoutMs?: number;
}

const RETRIES = 3;
const MEBIBYTE = 1024 * 1024;

/** Arguments of one attempt of a download. */
interface Attempt {
  readonly archive: Archive;
  readonly partPath: string;
  readonly options: DownloadOptions;
  readonly onProgress: (progress: DownloadProgress) => void;
}

/**
 * Downloads `archive` into `options.dataDir` and returns its path. The part of an earlier attempt (`<name>.part`) is
 * continued; an existing file with the right checksums is kept.
 *
 * @throws UserError (data) where the network is not allowed or the download fails
 */
export async function downloadArchive(
  archive: Archive,
  options: DownloadOptions & { readonly dataDir: string },
): Promise<string> {
  const { dataDir } = options;
  const path = join(dataDir, archive.name);
  const made = missingFolders(dataDir);
  try {
    if (await isThere(path, archive)) return path;
    const refusal = options.offline
      ? "the network is switched off (--offline)"
      : await permissionRefusal(archive.url);
    if (refusal !== undefined) throw new FinalError(refusal);

    await Deno.mkdir(dataDir, { recursive: true });
    // Two invocations at once would write to the same part.
    const lock = {
      log: showLine,
      signal: options.signal ?? new AbortController().signal,
      what: "the download",
    };
    return await withLock(`${path}.lock`, lock, async () => {
      if (!await isThere(path, archive)) await fetchChecked(path, { archive, options });
      return path;
    });
  } catch (error) {
    removeEmptyFolders(made);
    if (options.signal?.aborted || !isFailedDownload(error)) throw error;
    throw failure(archive, dataDir, error.message);
  }
}

/** Downloads a part, checks its checksums and renames it to the file's final name. */
async function fetchChecked(
  path: string,
  { archive, options }: { archive: Archive; options: DownloadOptions },
): Promise<void> {
  const partPath = `${path}.part`;
  const onProgress = options.onProgress ?? reportOnStderr(archive.name);
  await fetchWithRetries({ archive, partPath, options, onProgress });
  const difference = await differenceOf(partPath, archive);
  if (difference !== undefined) {
    await Deno.remove(partPath);
    throw new FinalError(`the received file has ${difference}, and was removed`);
  }
  await Deno.rename(partPath, path);
  await syncFolder(dirname(path));
}

/** Returns true where the file exists. @throws UserError (data) where a checksum is wrong: the user must remove it */
async function isThere(path: string, archive: Archive): Promise<boolean> {
  if (await sizeOf(path) === undefined) return false;
  const difference = await differenceOf(path, archive);
  if (difference === undefined) return true;
  throw new UserError(
    `Cannot download ${archive.name}: ${path} exists with ${difference}; remove it to download it again`,
    ExitCode.data,
  );
}

/** Returns the error of a failed download: the reason, and the way to download the file by hand. */
function failure(archive: Archive, dataDir: string, reason: string): UserError {
  const size = (archive.size / MEBIBYTE).toFixed(archive.size < MEBIBYTE ? 3 : 0);
  return new UserError(
    `Cannot download ${archive.name}: ${reason}; download ${archive.url} (${size} MiB, MD5 ` +
      `${archive.md5}, SHA-256 ${archive.sha256}) on a machine with network and put it into ${dataDir}`,
    ExitCode.data,
  );
}

/** Returns the reason why Deno's permissions forbid the download, without a prompt; undefined where they allow it. */
async function permissionRefusal(url: string): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(url);
  const host = `${hostname}:${port || (protocol === "http:" ? "80" : "443")}`;
  const { state } = await Deno.permissions.query({ name: "net", host });
  return state === "granted" ? undefined : `the network is not allowed (--allow-net=${host})`;
}

/** Downloads the rest of the part. Only failures of the network or the server are tried again. */
async function fetchWithRetries(attempt: Attempt): Promise<void> {
  const { archive, options } = attempt;
  for (let retry = 0;; retry++) {
    try {
      return await fetchRest(attempt);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof NetworkError)) throw error;
      if (retry === RETRIES) {
        throw new FinalError(`${error.message}, after ${RETRIES + 1} attempts`);
      }
      const delay = (options.retryDelayMs ?? 2000) * 2 ** retry;
      if (options.onProgress === undefined) {
        showLine(`${archive.name}: ${error.message}; trying again in ${delay / 1000} s`);
      }
      await sleep(delay, options.signal);
    }
  }
}

/** A failure that another attempt would not change. */
class FinalError extends Error {}

/** A failure of the network or of the server, after which another attempt may succeed. */
class NetworkError extends Error {}

/** Returns true for a failure of the network, of the server or of the file system. */
function isFailedDownload(error: unknown): error is Error {
  return error instanceof FinalError || error instanceof NetworkError || isSystemError(error);
}

/** Makes one request for the rest of the part. */
async function fetchRest(attempt: Attempt): Promise<void> {
  const { archive, partPath, options } = attempt;
  let start = await sizeOf(partPath) ?? 0;
  if (start > archive.size) {
    await Deno.remove(partPath);
    start = 0;
  }
  if (start === archive.size) return;

  const idle = new IdleTimer(options.idleTimeoutMs ?? 60_000);
  const signal = options.signal ? AbortSignal.any([options.signal, idle.signal]) : idle.signal;
  // The file is compressed already, and its checksums are those of the bytes as they are.
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (start > 0) headers.range = `bytes=${start}-`;
  try {
    const response = await overNetwork(fetch(archive.url, { headers, signal }));
    try {
      start = checkResponse(response, { archive, partPath, start });
      await appendBody(response, { ...attempt, start, idle });
    } finally {
      if (!response.bodyUsed) await response.body?.cancel();
    }
  } catch (error) {
    throw idle.signal.aborted ? idle.signal.reason : error;
  } finally {
    idle.stop();
  }
}

/** Returns the offset at which the body starts: 0 where the server does not support ranges. */
function checkResponse(
  response: Response,
  { archive, partPath, start }: { archive: Archive; partPath: string; start: number },
): number {
  const { status } = response;
  if (status === 206) {
    const range = response.headers.get("content-range");
    if (range === `bytes ${start}-${archive.size - 1}/${archive.size}`) return start;
    removeIfThere(partPath);
    throw new NetworkError(`the server sent the range "${range}", expected one from ${start}`);
  }
  if (status === 416) {
    removeIfThere(partPath);
    throw new NetworkError("the server refused to continue the part");
  }
  if (status >= 500 || status === 408 || status === 429) {
    throw new NetworkError(`the server answered ${status}`);
  }
  if (status !== 200) throw new FinalError(`the server answered ${status}`);
  const length = response.headers.get("content-length");
  if (length !== null && Number(length) !== archive.size) {
    throw new FinalError(`the server offers ${length} bytes, expected ${archive.size}`);
  }
  return 0;
}

/** Appends the body to the part from `start` on, and syncs the complete part to the disk. */
async function appendBody(
  response: Response,
  { archive, partPath, start, idle, onProgress }: Attempt & { start: number; idle: IdleTimer },
): Promise<void> {
  const file = await Deno.open(partPath, { write: true, create: true, truncate: start === 0 });
  try {
    await file.seek(start, Deno.SeekMode.Start);
    let received = start;
    for await (const piece of piecesOf(response)) {
      idle.restart();
      received += piece.length;
      if (received > archive.size) {
        await file.truncate(0);
        throw new FinalError(`the server sent more than the expected ${archive.size} bytes`);
      }
      for (let written = 0; written < piece.length;) {
        written += await file.write(piece.subarray(written));
      }
      onProgress({ received, total: archive.size });
    }
    if (received < archive.size) {
      throw new NetworkError(`the connection ended after ${received} of ${archive.size} bytes`);
    }
    await file.sync();
  } finally {
    file.close();
  }
}

/** Yields the pieces of a body. @throws NetworkError where the connection ends early */
async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await overNetwork(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Waits for an answer of the network. @throws NetworkError with the reason where there is no answer */
async function overNetwork<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const { NotCapable, PermissionDenied } = Deno.errors;
    if (error instanceof NotCapable || error instanceof PermissionDenied) throw error;
    throw new NetworkError(reasonOf(error));
  }
}

/** Timer that aborts its signal unless it is restarted in time. */
class IdleTimer {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const seconds = this.#milliseconds / 1000;
      this.#controller.abort(new NetworkError(`the server sent nothing for ${seconds} s`));
    }, this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Returns an error's message with its cause, which holds the details of a failed fetch. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Syncs a folder, which makes a rename in it durable. */
async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(path);
  await folder.sync();
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Returns a callback that shows progress on stderr: one rewritten line on a terminal, a line per tenth elsewhere. */
function reportOnStderr(name: string): (progress: DownloadProgress) => void {
  const isTerminal = Deno.stderr.isTerminal();
  const steps = isTerminal ? 1000 : 10;
  let last = -1;
  return ({ received, total }) => {
    const step = Math.floor(received / total * steps);
    if (step === last) return;
    last = step;
    const percent = (received / total * 100).toFixed(isTerminal ? 1 : 0);
    const sizes = `${(received / MEBIBYTE).toFixed(0)} of ${(total / MEBIBYTE).toFixed(0)} MiB`;
    const line = `${name}: ${percent} % (${sizes})`;
    if (!isTerminal) return showLine(line);
    showOpenLine(line);
    if (received >= total) endOpenLine();
  };
}
