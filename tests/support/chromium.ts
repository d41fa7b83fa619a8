/** A page in a real Chromium without a screen, driven over its DevTools protocol. */

import { join } from "node:path";
import { HEADLESS, sandboxWords } from "../../src/report/browser.ts";

const PATIENCE_MILLISECONDS = 30_000;

/** A page that is open in Chromium. */
export interface OpenPage extends AsyncDisposable {
  /** Texts of errors, of refused requests and of inline scripts, as the browser's console has them. */
  readonly complaints: readonly string[];
  /** Returns the value of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true in the page. @throws Error where it does not become true */
  until(expression: string): Promise<void>;
  /** Sets the width in CSS pixels and the colours. */
  look(width: number, colours: "light" | "dark"): Promise<void>;
  /** Returns a PNG of the whole page. */
  screenshot(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Opens an address. @param chromium the program, as findChromium() returns it */
export async function openPage(chromium: string, address: string): Promise<OpenPage> {
  const profile = await Deno.makeTempDir({ prefix: "byol-chromium-" });
  const browser = new Deno.Command(chromium, {
    args: [
      ...[...HEADLESS, ...sandboxWords(), `--user-data-dir=${profile}`],
      ...["--remote-debugging-port=0", "--hide-scrollbars", "about:blank"],
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const close = async (): Promise<void> => {
    try {
      browser.kill("SIGKILL");
    } catch { /* It has ended before. */ }
    await browser.status;
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  };
  try {
    const socket = new WebSocket(await debuggerOf(profile));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return await pageOf(socket, { address, close });
  } catch (error) {
    await close();
    throw error;
  }
}

async function debuggerOf(profile: string): Promise<string> {
  const end = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    try {
      const [port] = Deno.readTextFileSync(join(profile, "DevToolsActivePort")).split("\n");
      const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      const page = targets.find(({ type }: { type: string }) => type === "page");
      if (page !== undefined) return page.webSocketDebuggerUrl;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function pageOf(
  socket: WebSocket,
  { address, close }: { address: string; close: () => Promise<void> },
): Promise<OpenPage> {
  const complaints: string[] = [];
  const waiting = new Map<number, (message: Record<string, unknown>) => void>();
  let last = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    if (message.method === "Log.entryAdded") complaints.push(message.params.entry.text);
    if (message.method === "Runtime.exceptionThrown") {
      complaints.push(JSON.stringify(message.params.exceptionDetails));
    }
  };
  const send = (method: string, params: Record<string, unknown> = {}): Promise<unknown> => {
    const id = ++last;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) =>
      waiting.set(
        id,
        ({ result, error }) =>
          error === undefined
            ? resolve(result)
            : reject(new Error(`${method}: ${JSON.stringify(error)}`)),
      )
    );
  };
  const evaluate = async (expression: string): Promise<unknown> => {
    const words = { expression, awaitPromise: true, returnByValue: true };
    const { result } = await send("Runtime.evaluate", words) as { result: { value: unknown } };
    return result.value;
  };
  const until = async (expression: string): Promise<void> => {
    const end = Date.now() + PATIENCE_MILLISECONDS;
    while (await evaluate(expression) !== true) {
      if (Date.now() > end) throw new Error(`never became true in the page: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  for (const domain of ["Page", "Runtime", "Log"]) await send(`${domain}.enable`);
  await send("Page.navigate", { url: address });
  await until("location.href !== 'about:blank' && document.readyState === 'complete'");
  return {
    ...{ complaints, evaluate, until },
    async look(width, colours) {
      const size = { width, height: 900, deviceScaleFactor: 1, mobile: false };
      await send("Emulation.setDeviceMetricsOverride", size);
      const features = [{ name: "prefers-color-scheme", value: colours }];
      await send("Emulation.setEmulatedMedia", { features });
    },
    async screenshot() {
      const words = { format: "png", captureBeyondViewport: true };
      const { data } = await send("Page.captureScreenshot", words) as { data: string };
      return Uint8Array.fromBase64(data);
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await close();
    },
  };
}
