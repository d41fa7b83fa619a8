/** A copy of this checkout that runs as one of its own. */

import { join } from "node:path";
import {
  coreFile,
  projectRoot,
  requireSetup,
  sourcesHash,
  writeSetup,
} from "../../src/setup/record.ts";

/**
 * Copies this checkout to a folder, set up with the core of this one.
 *
 * @param options.otherCore makes the copy's core differ from this one's: a comment in a source, bytes after the library
 */
export function copyCheckout(root: string, { otherCore = false } = {}): string {
  Deno.mkdirSync(root, { recursive: true });
  for (const name of ["deno.json", "deno.lock", "src", "native", "slurm"]) {
    copyTree(join(projectRoot, name), join(root, name));
  }
  Deno.symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
  if (otherCore) {
    const source = join(root, "native/src/lib.rs");
    Deno.writeTextFileSync(source, "// Another core.\n", { append: true });
  }
  const record = requireSetup();
  const hash = sourcesHash(root, record.libtorchVersion);
  const core = coreFile(root, hash);
  Deno.mkdirSync(join(root, ".byol/core"), { recursive: true });
  // A comment is not worth the minutes of rustc: the same functions, in another file.
  Deno.copyFileSync(record.core, core);
  if (otherCore) Deno.writeTextFileSync(core, "another", { append: true });
  writeSetup(root, { ...record, core, hash, gpu: null });
  return root;
}

/** Copies a file, or a folder without what was built in it. */
export function copyTree(from: string, to: string): void {
  if (!Deno.statSync(from).isDirectory) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) {
    if (name !== "target" && name !== "fuzz") copyTree(join(from, name), join(to, name));
  }
}
