/**
 * A small checkout to set up for real in seconds: our set-up, a crate without dependencies, wheels of a few files. Its
 * path holds a blank and an umlaut.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { HEADERS } from "../../src/setup/gpu_library.ts";
import { CUDA_SET } from "../../src/setup/install.ts";
import { TASK_PERMISSIONS } from "../../src/base/permissions.ts";
import { projectRoot } from "../../src/setup/record.ts";

/** Result of set-up as a program. */
export interface ProgramResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A temporary checkout; removed at the end of its scope. */
export class Checkout implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<Checkout> {
    const checkout = new Checkout(await Deno.makeTempDir({ prefix: "byol Größe-" }));
    const source = join(projectRoot, "src");
    for (const room of ["base", "setup"]) {
      for await (const { name } of Deno.readDir(join(source, room))) {
        checkout.write(`src/${room}/${name}`, Deno.readTextFileSync(join(source, room, name)));
      }
    }
    for (const [path, text] of Object.entries(CRATE)) checkout.write(path, text);
    return checkout;
  }

  /** Absolute path of something in the checkout. */
  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  write(path: string, text: string): void {
    const file = this.path(path);
    Deno.mkdirSync(join(file, ".."), { recursive: true });
    Deno.writeTextFileSync(file, text);
  }

  /** An executable script in a folder of programs, for a PATH of one's own. */
  writeProgram(path: string, script: string): void {
    this.write(path, `#!/bin/sh\n${script}\n`);
    Deno.chmodSync(this.path(path), 0o755);
  }

  /** Writes a folder with all that set-up looks at in libtorch, and returns its path; with it libjpeg-turbo, as fetched. */
  writeLibtorch(folder: string, version = "2.11.0"): string {
    for (const [name, text] of Object.entries(libtorchFiles(version))) {
      this.write(`${folder}/${name}`, text);
    }
    this.write(".byol/libjpeg/pillow-13.0.0/pillow.libs/libjpeg-0.so.62.4.0", "");
    return this.path(folder);
  }

  /**
   * Writes wheels named like the real ones but nearly empty, and the lock file with their hashes. Returns the wheels'
   * folder.
   */
  async writeWheels(): Promise<string> {
    const torch = Object.entries(libtorchFiles("2.11.0+cu130"))
      .map(([name, text]) => [`torch/${name}`, text]);
    const wheels = [
      {
        name: "torch",
        version: "2.11.0",
        files: Object.fromEntries(torch),
        needs: ["nvidia-cuda-runtime", "nvidia-cudnn-cu13", "filelock", "triton"],
      },
      { name: "filelock", version: "4.2.12", files: {} },
      { name: "triton", version: "3.6.0", files: {} },
      {
        name: "nvidia_cudnn_cu13",
        version: "9.19.0.56",
        files: { "nvidia/cudnn/lib/libcudnn.so.9": "" },
      },
      // Without the headers they are fetched for, so that nothing is built with them.
      ...[...new Set([...CUDA_SET, ...Object.values(HEADERS)])]
        .map((requirement) => requirement.split("=="))
        .filter(([name]) => name !== "torch" && name !== "nvidia-cudnn-cu13")
        .map(([name, version]) => ({ name: name!.replaceAll("-", "_"), version, files: {} })),
      {
        name: "pillow",
        version: "13.0.0",
        files: { "pillow.libs/libjpeg-0.so.62.4.0": "", "PIL/Image.py": "" },
      },
    ];
    this.write("wheels/wheels.json", JSON.stringify(wheels));
    const { success } = await new Deno.Command("python3", {
      args: ["-c", WRITE_WHEELS],
      cwd: this.path("wheels"),
    }).output();
    if (!success) throw new Error("python3 could not write the wheels");
    const hashOf = (path: string): string =>
      createHash("sha256").update(Deno.readFileSync(this.path("wheels", path))).digest("hex");
    const lines = wheels.map(({ name, version }) =>
      `${name.replaceAll("_", "-")}==${version} \\\n` +
      `    --hash=sha256:${hashOf(`${name}-${version}-py3-none-any.whl`)}\n`
    );
    this.write("src/setup/wheels.lock", lines.join(""));
    return this.path("wheels");
  }

  /** A variable PYTHONPATH under which python3 has no torch that fits, whatever the machine has. */
  withoutTorch(): Record<string, string> {
    this.write("python/torch/__init__.py", "");
    return { PYTHONPATH: this.path("python") };
  }

  /**
   * Starts src/setup/main.ts of the checkout with the permissions that deno.json gives it.
   *
   * @param options.ignored signals that the program is started with as ignored, as by nohup
   */
  start(
    args: string[],
    env: Record<string, string> = {},
    { ignored = "" }: { ignored?: string } = {},
  ): Deno.ChildProcess {
    const setUp = ["run", "--no-config", ...TASK_PERMISSIONS.setup, "src/setup/main.ts", ...args];
    const trap = `trap "" ${ignored}; exec "$@"`;
    const [program = "", ...words] = ignored === ""
      ? [Deno.execPath(), ...setUp]
      : ["/bin/sh", "-c", trap, "sh", Deno.execPath(), ...setUp];
    return new Deno.Command(program, {
      args: words,
      cwd: this.root,
      env: { LIBTORCH: "", CXX: "", PIP_CONFIG_FILE: "/dev/null", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(args: string[], env: Record<string, string> = {}): Promise<ProgramResult> {
    return await finished(this.start(args, env));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Waits for a child and decodes what it wrote. */
export async function finished(child: Deno.ChildProcess): Promise<ProgramResult> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

const CRATE: Record<string, string> = {
  "native/Cargo.toml": `[package]
name = "byol-core"
version = "0.1.0"
edition = "2021"
rust-version = "1.70"

[lib]
name = "byol"
crate-type = ["cdylib", "rlib"]
`,
  "native/Cargo.lock": `version = 3

[[package]]
name = "byol-core"
version = "0.1.0"
`,
  // It builds only where it is shown the few libraries that every libtorch has.
  "native/build.rs": `fn main() {
    let shown = std::env::var("LIBTORCH_LIB").unwrap();
    let mut names: Vec<String> = std::fs::read_dir(format!("{shown}/lib")).unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["libc10.so", "libgomp.so", "libgomp.so.1", "libtorch.so", "libtorch_cpu.so"]);
}
`,
  "native/src/lib.rs": '#[no_mangle]\npub extern "C" fn byol_answer() -> i32 { 42 }\n',
};

function libtorchFiles(version: string): Record<string, string> {
  return {
    "version.py": `__version__ = '${version}'\n`,
    "lib/libc10.so": "",
    "lib/libgomp.so.1": "",
    "lib/libtorch.so": "",
    "lib/libtorch_cpu.so": "",
    "lib/libtorch_cuda.so": "",
    "include/torch/csrc/api/include/torch/torch.h": "",
  };
}

const WRITE_WHEELS = `
import json, zipfile
for wheel in json.load(open("wheels.json")):
    name, version = wheel["name"], wheel["version"]
    info = f"{name}-{version}.dist-info"
    files = dict(wheel["files"])
    needs = "".join(f"Requires-Dist: {need}\\n" for need in wheel.get("needs", []))
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{needs}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\\n" for path in files) + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
`;
