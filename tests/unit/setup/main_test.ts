import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { ignoresHangup } from "../../../src/base/hangup.ts";
import { UserError } from "../../../src/base/exit_codes.ts";
import { CUDA_SET } from "../../../src/setup/install.ts";
import { CoreMissing, ensureSetup, readSetup, requireSetup } from "../../../src/setup/main.ts";
import { sourcesHash } from "../../../src/setup/record.ts";
import { skip } from "../../support/skip.ts";
import { Checkout, finished } from "../../support/setup_checkout.ts";

/** Expects an error of the installation whose message matches. */
function failsWith(...patterns: RegExp[]): (error: unknown) => true {
  return (error) => {
    assert(error instanceof UserError);
    assert.equal(error.exitCode, 6);
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  };
}

/** Names in a folder, sorted; none when it is not there. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("platforms without libtorch are refused with what is supported", async () => {
  await using checkout = await Checkout.create();
  const supported = /expected Linux on x86-64.*macOS, aarch64 and ROCm are not supported/;
  for (const [os, arch, name] of [["darwin", "aarch64", /macOS/], ["linux", "aarch64", /linux/]]) {
    await assert.rejects(
      ensureSetup({ root: checkout.root, platform: { os: `${os}`, arch: `${arch}` } }),
      failsWith(supported, name as RegExp),
    );
  }
  assert.deepEqual(namesIn(checkout.path(".byol")), []);
});

Deno.test("every missing tool is named at once with its repair, before anything is fetched", async () => {
  await using checkout = await Checkout.create();
  Deno.mkdirSync(checkout.path("programs"));
  const { code, stdout, stderr } = await checkout.run([], { PATH: checkout.path("programs") });
  assert.equal(code, 6);
  assert.equal(stdout, "");
  assert.match(stderr, /cargo is not installed.*expected version 1\.70.*https:\/\/sh\.rustup\.rs/);
  assert.match(stderr, /g\+\+ is not installed.*apt-get install -y g\+\+/);
  assert.match(stderr, /python3 is not installed.*apt-get install -y python3-pip/);
});

Deno.test("a cargo that is too old is refused with both versions and rustup", async () => {
  await using checkout = await Checkout.create();
  const libtorch = checkout.writeLibtorch("libtorch");
  checkout.writeProgram("programs/cargo", "echo 'cargo 1.63.0'");
  checkout.writeProgram("programs/g++", "exit 0");
  const env = { PATH: checkout.path("programs"), LIBTORCH: libtorch };
  const { code, stderr } = await checkout.run([], env);
  assert.equal(code, 6);
  assert.match(stderr, /cargo is version 1\.63\.0, expected 1\.70 or newer.*rustup update stable/);
  assert.doesNotMatch(stderr, /g\+\+ is not|python3 is not/);
});

Deno.test("a python3 without pip is refused with the package to install", async () => {
  await using checkout = await Checkout.create();
  const python = { version: [3, 11] as [number, number], pip: false, torch: null, nvidia: false };
  await assert.rejects(
    ensureSetup({ root: checkout.root, quiet: true, libtorch: "", python }),
    failsWith(/python3 has no pip; run as root: apt-get install -y python3-pip/),
  );
});

Deno.test("offline with nothing there says what to run on a login node", async () => {
  await using checkout = await Checkout.create();
  const { code, stdout, stderr } = await checkout.run(["--offline"], checkout.withoutTorch());
  assert.equal(code, 6);
  assert.equal(stdout, "");
  assert.match(stderr, /Cannot set up offline: libtorch 2\.11 .*login node.*deno task setup/);
});

Deno.test("a LIBTORCH that does not fit is refused, never replaced silently", async () => {
  await using checkout = await Checkout.create();
  const cases: [string, RegExp][] = [
    [checkout.path("nowhere"), /expected a folder with lib\/libtorch_cpu\.so/],
    [checkout.writeLibtorch("older", "2.10.1"), /holds version 2\.10\.1, expected 2\.11/],
    [checkout.writeLibtorch("longer", "2.110.0"), /holds version 2\.110\.0, expected 2\.11/],
    [checkout.writeLibtorch("rocm", "2.11.0+rocm6.4"), /ROCm build, expected one for CPU or CUDA/],
  ];
  for (const [libtorch, message] of cases) {
    await assert.rejects(
      ensureSetup({ root: checkout.root, quiet: true, libtorch }),
      failsWith(/^Cannot use LIBTORCH=/, message),
    );
  }
});

Deno.test("an unknown flag is a usage error", async () => {
  await using checkout = await Checkout.create();
  const { code, stderr } = await checkout.run(["--ofline"]);
  assert.equal(code, 2);
  assert.match(stderr, /--ofline/);
});

Deno.test("set-up installs the wheels, builds the core, and has nothing to do the second time", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  const pip = {
    PIP_FIND_LINKS: pathToFileURL(wheels).href,
    PIP_NO_INDEX: "1",
    ...checkout.withoutTorch(),
  };
  const first = await checkout.run([], pip);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.stdout, "");
  assert.match(first.stderr, /Successfully installed .*torch-2\.11\.0/);
  const record = requireSetup(checkout.root);
  assert.equal(record.libtorchVersion, "2.11.0+cu130");
  assert.equal(record.cudaCapable, false);
  const pillow = checkout.path(".byol/libjpeg/pillow-13.0.0");
  assert.equal(record.libjpeg, `${pillow}/pillow.libs/libjpeg-0.so.62.4.0`);
  assert.deepEqual(namesIn(pillow).sort(), ["pillow-13.0.0.dist-info", "pillow.libs"]);
  assert.deepEqual(namesIn(checkout.path(".byol/libtorch")), ["torch-2.11.0-cpu"]);
  const core = Deno.dlopen(record.core, { byol_answer: { parameters: [], result: "i32" } });
  assert.equal(core.symbols.byol_answer(), 42);
  core.close();

  // No PATH: no program can be started any more, and none is needed.
  const second = await checkout.run(["--print"], { PATH: "" });
  assert.deepEqual([second.code, second.stderr], [0, ""]);
  assert.equal(second.stdout, `${checkout.path(".byol/bin/deno")}\n`);
  const kept = await new Deno.Command(second.stdout.trim(), { args: ["--version"] }).output();
  assert(kept.success);

  checkout.write("native/src/lib.rs", '#[no_mangle]\npub extern "C" fn byol_answer() -> i32 { 7 }');
  assert.equal(readSetup(checkout.root), undefined);
  assert.throws(() => requireSetup(checkout.root), CoreMissing);
  const third = await checkout.run(["--offline", "--quiet"], checkout.withoutTorch());
  assert.deepEqual([third.code, third.stdout, third.stderr], [0, "", ""]);
  const rebuilt = requireSetup(checkout.root);
  assert.notEqual(rebuilt.core, record.core);
  assert(namesIn(checkout.path(".byol/core")).length === 2, "a core of today may still be in use");
});

Deno.test("tests and fuzz targets are no part of the core: a change there builds nothing again", async () => {
  await using checkout = await Checkout.create();
  const hash = (): string => sourcesHash(checkout.root, "2.11.0");
  const before = hash();
  for (const path of ["fuzz/Cargo.toml", "fuzz/seeds/json/demo", "tests/hostile.rs", "target/x"]) {
    checkout.write(`native/${path}`, "new");
    assert.equal(hash(), before, path);
  }
  for (const path of ["src/tests/x.rs", "src/fuzz/x.rs", "fuzz.rs", "build.rs"]) {
    const earlier = hash();
    checkout.write(`native/${path}`, "new");
    assert.notEqual(hash(), earlier, path);
  }
});

Deno.test("set-up without libjpeg-turbo says so, and gets it the next time it can", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  for (const name of namesIn(wheels).filter((name) => name.startsWith("pillow"))) {
    await Deno.rename(join(wheels, name), checkout.path(name));
  }
  const pip = {
    PIP_FIND_LINKS: pathToFileURL(wheels).href,
    PIP_NO_INDEX: "1",
    ...checkout.withoutTorch(),
  };
  const first = await checkout.run([], pip);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /no libjpeg-turbo \(.*pillow.*\): .* zune-jpeg.*run: deno task setup/);
  assert.equal(requireSetup(checkout.root).libjpeg, null);
  // A start of a run does not wait for an index; whoever asks for set-up does.
  assert.deepEqual((await checkout.run([], { PATH: "" })).stderr, "");
  for (const name of namesIn(checkout.root).filter((name) => name.endsWith(".whl"))) {
    await Deno.rename(checkout.path(name), join(wheels, name));
  }
  const again = await checkout.run(["--print"], pip);
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /Compiling/);
  const { libjpeg } = requireSetup(checkout.root);
  assert.match(libjpeg ?? "", /pillow\.libs\/libjpeg-0/);
  // Without the file the record no longer holds.
  await Deno.remove(libjpeg!);
  assert.throws(() => requireSetup(checkout.root), /libjpeg-0\.so\.62\.4\.0 is missing/);
});

Deno.test("with CUDA the wheel's libraries of NVIDIA come too, and nothing of Python's", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  const env = {
    PIP_FIND_LINKS: pathToFileURL(wheels).href,
    PIP_NO_INDEX: "1",
    ...checkout.withoutTorch(),
  };
  const { code, stdout, stderr } = await checkout.run(["--cuda", "--quiet"], env);
  assert.deepEqual([code, stdout, stderr], [0, "", ""]);
  const record = requireSetup(checkout.root);
  assert.equal(record.cudaCapable, true);
  const infos = namesIn(checkout.path(".byol/libtorch/torch-2.11.0-cuda"))
    .filter((name) => name.endsWith(".dist-info"));
  const wanted = CUDA_SET.map((requirement) => requirement.split("==")[0]!.replaceAll("-", "_"));
  assert.deepEqual(infos.map((name) => name.split("-")[0]), wanted.toSorted());
});

Deno.test("where python3 is too old for the wheels they are downloaded and unpacked", async () => {
  await using checkout = await Checkout.create();
  const wheels = await checkout.writeWheels();
  const python = { version: [3, 8], pip: true, torch: null, nvidia: false };
  // In a process of its own, with the variables that point pip to the wheels.
  checkout.write(
    "with_old_python.ts",
    `import { ensureSetup } from "./src/setup/main.ts";
const python = ${JSON.stringify(python)} as const;
await ensureSetup({ python: { ...python, version: [...python.version] }, quiet: true });`,
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-check", "-A", "with_old_python.ts"],
    cwd: checkout.root,
    env: {
      LIBTORCH: "",
      PIP_FIND_LINKS: pathToFileURL(wheels).href,
      PIP_NO_INDEX: "1",
      PIP_CONFIG_FILE: "/dev/null",
    },
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stderr } = await finished(child.spawn());
  assert.equal(code, 0, stderr);
  const folder = checkout.path(".byol/libtorch/torch-2.11.0-cpu");
  assert.equal(requireSetup(checkout.root).libtorch, `${folder}/torch`);
  assert(namesIn(folder).includes("nvidia_cuda_cupti-13.0.85.dist-info"));
});

Deno.test("two set-ups at once in one checkout build once and both succeed", async () => {
  await using checkout = await Checkout.create();
  const env = { LIBTORCH: checkout.writeLibtorch("libtorch") };
  const slowly = "fn main() { std::thread::sleep(std::time::Duration::from_secs(2)); }";
  checkout.write("native/build.rs", slowly);
  const both = await Promise.all([checkout.run([], env), checkout.run([], env)]);
  const said = both.map(({ stderr }) => stderr).join("\n");
  assert.deepEqual(both.map(({ code }) => code), [0, 0], said);
  assert.equal(said.match(/Compiling byol-core/g)?.length, 1, said);
  assert.match(said, /waiting for the set-up that process \d+/);
  assert.equal(namesIn(checkout.path(".byol/core")).length, 1);
  assert.deepEqual(namesIn(checkout.path(".byol/lock")), []);
});

Deno.test("a failing build ends with cargo's message, and leaves no record", async () => {
  await using checkout = await Checkout.create();
  checkout.write("native/src/lib.rs", "this is no Rust");
  const env = { LIBTORCH: checkout.writeLibtorch("libtorch") };
  for (const flags of [[], ["--quiet"]]) {
    const { code, stdout, stderr } = await checkout.run(flags, env);
    assert.equal(code, 6);
    assert.equal(stdout, "");
    assert.match(stderr, /error: expected one of/);
    assert.match(stderr, /Cannot build the core with cargo: status 101, expected 0/);
  }
  assert.equal(readSetup(checkout.root), undefined);
  assert.throws(() => requireSetup(checkout.root), {
    message: "Cannot open the core: .byol/setup.json is missing; run: deno task setup",
  });
});

Deno.test("SIGTERM ends pip and leaves nothing half-made", async () => {
  await using checkout = await Checkout.create();
  // A package index that never answers.
  using index = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const child = checkout.start([], {
    PIP_INDEX_URL: `http://127.0.0.1:${index.addr.port}/simple`,
    PIP_EXTRA_INDEX_URL: "",
    PIP_FIND_LINKS: "",
    PIP_NO_INDEX: "0",
    NO_PROXY: "127.0.0.1",
    no_proxy: "127.0.0.1",
    ...checkout.withoutTorch(),
  });
  const result = finished(child);
  using connection = await index.accept();
  assert.deepEqual(namesIn(checkout.path(".byol/libtorch")), ["torch-2.11.0-cpu.part"]);
  child.kill("SIGTERM");
  const { code, stderr } = await result;
  assert.equal(code, 75, stderr);
  assert.match(stderr, /interrupted; run again: deno task setup/);
  assert.deepEqual(namesIn(checkout.path(".byol/libtorch")), []);
  assert.deepEqual(namesIn(checkout.path(".byol/lock")), []);
  // The end of the stream: pip has let go of its connection, so it is gone.
  await connection.readable.pipeTo(new WritableStream());
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const) {
  Deno.test(`${signal} ends cargo together with the programs it started`, async () => {
    if (signal === "SIGHUP" && ignoresHangup()) return skip("SIGHUP is ignored, as by nohup");
    await using checkout = await Checkout.create();
    checkout.write(
      "native/build.rs",
      `fn main() {
    std::fs::write("../pid", std::process::id().to_string()).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}`,
    );
    const child = checkout.start([], { LIBTORCH: checkout.writeLibtorch("libtorch") });
    const result = finished(child);
    const pid = Number(await textOf(checkout.path("pid")));
    process.kill(pid, 0);
    child.kill(signal);
    assert.equal((await result).code, 75);
    assert(await isGoneSoon(pid), "the build script is still running");
    // Of the build, only cargo's own cache is left: no core, no record, no half-made folder of links. libjpeg-turbo was
    // there before.
    const left = namesIn(checkout.path(".byol")).filter((name) => name !== "target");
    assert.deepEqual(left.filter((name) => namesIn(checkout.path(".byol", name)).length > 0), [
      "libjpeg",
      "link",
    ]);
    const links = namesIn(checkout.path(".byol/link"));
    assert.deepEqual(links.filter((name) => name.includes(".")), []);
  });
}

Deno.test("nohup protects a set-up, with the programs that it has started", async () => {
  await using checkout = await Checkout.create();
  checkout.write(
    "native/build.rs",
    `fn main() {
    std::fs::write("../pid", std::process::id().to_string()).unwrap();
    while !std::path::Path::new("../hung-up").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}`,
  );
  const env = { LIBTORCH: checkout.writeLibtorch("libtorch") };
  const child = checkout.start([], env, { ignored: "HUP" });
  const result = finished(child);
  await textOf(checkout.path("pid"));
  for (let times = 0; times < 2; times += 1) {
    child.kill("SIGHUP");
    await sleep(100);
  }
  checkout.write("hung-up", "");
  const { code, stderr } = await result;
  assert.equal(code, 0, stderr);
  requireSetup(checkout.root);
});

/** Returns true where a process ends within 10 seconds: the system needs a moment to clear away a killed one. */
async function isGoneSoon(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "ESRCH");
      return true;
    }
    await sleep(100);
  }
  return false;
}

/** The text of a file as soon as it has one, for 20 seconds at most. */
async function textOf(file: string): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    await sleep(100);
    try {
      const text = Deno.readTextFileSync(file);
      if (text !== "") return text;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`${file} was not written within 20 s`);
}
