/**
 * Near side of a sitting on somebody's GPU: packs what travels beside the tracked files into two folders.
 *
 *   deno run -A bench/gpu/pack.ts [--images=DIR] [--out=.gpu] [--level=9]
 *
 * OUT/1: Deno, core and GPU library (stripped, xz), and the first part of the images; OUT/2: the rest of the images. Each
 * has with the tracked files at most 64 MiB. The checkout must be set up (deno task setup --cuda). `--images` names the
 * pictures of bench/gpu/images.py; without it the embedded images are trained on.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { removeIfThere } from "../../src/base/files.ts";
import { projectRoot, requireSetup } from "../../src/setup/record.ts";

const MOST_BYTES = 64 << 20;
/** Room for what git keeps beside the tracked files. */
const SPARE_BYTES = 1 << 20;

/** Runs a program. @throws Error with its messages where it fails */
function run(program: string, ...args: string[]): string {
  const { code, stdout, stderr } = new Deno.Command(program, { args, cwd: projectRoot })
    .outputSync();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (code === 0) return text(stdout);
  throw new Error(`Cannot run ${program} ${args.join(" ")}: ${text(stderr)}`);
}

/** Returns the bytes of the files in a folder, at any depth. */
function bytesIn(folder: string): number {
  return [...Deno.readDirSync(folder)].reduce((sum, { name, isDirectory }) => {
    const path = join(folder, name);
    return sum + (isDirectory ? bytesIn(path) : Deno.statSync(path).size);
  }, 0);
}

function trackedBytes(): number {
  const names = run("git", "ls-files", "-z").split("\0").filter((name) => name !== "");
  return names.reduce((sum, name) => sum + Deno.statSync(join(projectRoot, name)).size, 0);
}

/** Packs Deno, core and GPU library. @param level compression of xz, 0 to 9 */
function packPrograms(folder: string, level: string): void {
  // At its best with jumps as x86-64 has them, and a dictionary of a whole program: 6 % less than xz -9 of Deno.
  const shrink = level === "9" ? ["--x86", "--lzma2=preset=9e,dict=128MiB"] : [`-${level}`, "-T0"];
  const { deno } = requireSetup();
  const core = join(folder, "core");
  run(Deno.execPath(), "run", "-A", "src/setup/main.ts", "--offline", `--bundle=${core}`);
  const libraries = [...Deno.readDirSync(core)].filter(({ name }) => name.endsWith(".so"));
  for (const { name } of libraries) run("xz", ...shrink, join(core, name));
  Deno.copyFileSync(deno, join(folder, "deno"));
  run("xz", ...shrink, join(folder, "deno"));
}

/** Cuts the images where the first folder is full. */
function packImages(
  images: string,
  [first, second]: readonly [string, string],
  room: number,
): void {
  const archive = join(second, "images.tar");
  run("tar", "--create", `--file=${archive}`, `--directory=${images}`, ...imagesOf(images));
  const bytes = Deno.readFileSync(archive);
  Deno.writeFileSync(join(first, "images.0"), bytes.subarray(0, room));
  Deno.writeFileSync(join(second, "images.1"), bytes.subarray(room));
  removeIfThere(archive);
}

function imagesOf(folder: string): string[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names.filter((name) => /^(labels\.u8|data_batch_\d\.webp)$/.test(name)).sort();
}

function main(): number {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { images: text, out: text, level: text } });
  const out = values.out ?? join(projectRoot, ".gpu");
  const folders = [join(out, "1"), join(out, "2")] as const;
  for (const folder of folders) Deno.mkdirSync(folder, { recursive: true });
  packPrograms(folders[0], values.level ?? "9");
  const tracked = trackedBytes() + SPARE_BYTES;
  if (values.images !== undefined) {
    packImages(values.images, folders, MOST_BYTES - tracked - bytesIn(folders[0]));
  }
  const sizes = folders.map((folder) => tracked + bytesIn(folder));
  for (const [at, size] of sizes.entries()) {
    console.log(`${folders[at]}: ${(size / 2 ** 20).toFixed(1)} MiB with the tracked files`);
  }
  if (sizes.every((size) => size <= MOST_BYTES)) return 0;
  const mebibytes = (tracked / 2 ** 20).toFixed(1);
  console.error(
    `Cannot carry these folders: expected 64 MiB each, of which the tracked files take ${mebibytes}`,
  );
  return 1;
}

if (import.meta.main) Deno.exitCode = main();
