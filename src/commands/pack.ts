/**
 * `deno task pack`: packs a folder of images into a few large files, which are faster to read (docs/imagenet.md).
 *
 * @module
 */

import { counted } from "../base/counted.ts";
import { missingOption, type Values } from "../base/command_line.ts";
import { ExitCode, usageError, UserError } from "../base/exit_codes.ts";
import { asUserError } from "../base/expected.ts";
import type { PackJob } from "../native/data_job.ts";
import { runJob } from "../data/run_job.ts";
import { DEFAULT_QUALITY, PACK } from "../options/commands/pack.ts";
import { readCommand } from "../options/commands/registry.ts";
import { requireOutsideImages } from "../data/outside_images.ts";
import { photoFolders, requireClassFolders } from "../data/photo_folders.ts";
import { listingCache } from "../data/photos.ts";
import { exists } from "../base/files.ts";
import { printLine, showLine } from "../base/output.ts";
import type { FoundImages } from "../native/dataset.ts";
import { foundText } from "../run/data_record.ts";

type Options = Values<typeof PACK.options>;

/** Result of packing one split. */
interface Packed {
  found: FoundImages;
  count: number;
  bad: number;
  badFiles: [index: number, reason: string][];
  parts: number;
  kept: number;
  bytes: number;
  digest: string;
}

/** Packs a folder, or checks the checksums of packed shards. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  const options = readCommand(PACK, args).own;
  const { dataDir, out } = options;
  try {
    if (options.verify) return await verify(out);
    if (dataDir === null) throw missingOption(PACK.name, PACK.options.dataDir);
    const data = { datasetName: "folder", dataDir } as const;
    const folders = photoFolders(data);
    requireClassFolders(folders);
    requireOutsideImages(out, `--out=${out}`, data);
    const job = jobOf(options);
    const { train, test, listed } = folders;
    const halves = [["train", train, listed?.train], ["val", test, listed?.test]] as const;
    for (const [name, directory, list] of halves) {
      if (directory === undefined) continue;
      if (directory.endsWith(".json")) {
        throw usageError(
          `Cannot pack ${directory}: it is packed already, expected a folder of images`,
        );
      }
      await pack(name, { ...job, name, directory, out, ...list !== undefined && { list } });
    }
    return ExitCode.ok;
  } catch (error) {
    throw asUserError(error, ExitCode.data);
  }
}

async function pack(name: string, options: PackJob): Promise<void> {
  using job = await runJob({ kind: "pack", ...options }, `packing ${name}`);
  const { found, count, bad, badFiles, parts, kept, bytes, digest } = job.result<Packed>();
  showLine(foundText(found));
  for (const [, reason] of badFiles) showLine(`left out: ${reason}`);
  printLine(
    `${name}: ${counted(count, "image")} in ${counted(parts, "shard")} of ${
      (bytes / 1e6).toFixed(1)
    } MB in all` +
      `${kept > 0 ? `, ${kept} packed before` : ""}${
        bad > 0 ? `, ${counted(bad, "image")} left out` : ""
      }` +
      `\n${name}: digest ${digest}`,
  );
}

async function verify(out: string): Promise<number> {
  const manifests = ["train.json", "val.json"].map((name) => `${out}/${name}`).filter(exists);
  if (manifests.length === 0) {
    throw new UserError(
      `Cannot verify ${out}: expected a train.json or val.json written by deno task pack`,
      ExitCode.data,
    );
  }
  let found = 0;
  for (const manifest of manifests) {
    using job = await runJob({ kind: "verify", manifest }, `reading ${manifest}`);
    const { parts, damaged } = job.result<{ parts: number; damaged: string[] }>();
    for (const line of damaged) showLine(line);
    printLine(`${manifest}: ${parts - damaged.length} of ${parts} shards as they were packed`);
    found += damaged.length;
  }
  return found === 0 ? ExitCode.ok : ExitCode.data;
}

function jobOf(
  { maxSide, quality, imagesPerShard, workers, maxBadFraction }: Options,
): Omit<PackJob, "directory" | "out" | "name"> {
  if (maxSide === null && quality !== null) {
    throw usageError(
      `Cannot use --quality=${quality} without --max_side: expected both, as only resized images are encoded again`,
    );
  }
  return {
    cache: listingCache(),
    imagesPerShard,
    reencoding: maxSide === null ? null : { maxSide, quality: quality ?? DEFAULT_QUALITY },
    workers: workers ?? navigator.hardwareConcurrency,
    mostBad: maxBadFraction,
  };
}
