/**
 * `deno task pack`: a folder of images as a few large files that are read fast (docs/imagenet.md).
 *
 * @module
 */

import { parseArgs } from "node:util";
import { ExitCode, UserError } from "../base/exit_codes.ts";
import type { PackJob } from "../native/data_job.ts";
import { NativeError } from "../native/native_error.ts";
import { runJob } from "../data/run_job.ts";
import { nearestTo } from "../base/edit_distance.ts";
import { listingCache, photoFolders } from "../data/photos.ts";
import { exists } from "../base/files.ts";

const HELP = `Packs a folder of images into WebDataset shards, for --data_dir of train and eval.

  deno task pack --data_dir=DIR --out=DIR

  --data_dir=DIR          a folder with train/ and val/, or with class folders or images
  --out=DIR               where the shards go; an interrupted packing goes on
  --max_side=PIXELS       make larger images smaller: the shorter side is at most so long
                          Default: all images stay as they are, byte for byte
  --quality=1..100        JPEG quality of images made smaller. Default: 90
  --images_per_shard=N    Default: 10000
  --nb_workers=N          threads. Default: the cores this process may use
  --max_bad_fraction=F    share of the files that may be unusable. Default: 0.0001
  --verify                compare the checksums of the shards in --out instead
`;

const OPTIONS = [
  "data_dir",
  "out",
  "max_side",
  "quality",
  "images_per_shard",
  "nb_workers",
  "max_bad_fraction",
  "verify",
  "help",
] as const;

type OptionName = typeof OPTIONS[number];

/** Result of packing, for each of train and val. */
interface Packed {
  count: number;
  bad: number;
  badFiles: [index: number, reason: string][];
  parts: number;
  kept: number;
  bytes: number;
  digest: string;
}

/** Packs, or compares checksums. @returns the exit code */
export async function packCommand(args: readonly string[]): Promise<number> {
  const given = readOptions(args);
  if (given.help !== undefined) {
    console.log(HELP);
    return ExitCode.ok;
  }
  const out = required(given, "out");
  try {
    if (given.verify !== undefined) return await verify(out);
    const folders = photoFolders({ datasetName: "folder", dataDir: required(given, "data_dir") });
    for (const [name, directory] of [["train", folders.train], ["val", folders.test]] as const) {
      if (directory === undefined) continue;
      if (directory.endsWith(".json")) {
        throw usage(`Cannot pack ${directory}: it is packed already, expected a folder of images`);
      }
      await pack(name, { ...jobOf(given), name, directory, out });
    }
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    throw new UserError(error.message, ExitCode.data);
  }
}

async function pack(name: string, options: PackJob): Promise<void> {
  using job = await runJob({ kind: "pack", ...options }, `packing ${name}`);
  const { count, bad, badFiles, parts, kept, bytes, digest } = job.result<Packed>();
  for (const [, reason] of badFiles) console.error(`left out: ${reason}`);
  console.log(
    `${name}: ${count} images in ${parts} shards of ${(bytes / 1e6).toFixed(1)} MB in all` +
      `${kept > 0 ? `, ${kept} from before` : ""}${bad > 0 ? `, ${bad} images left out` : ""}` +
      `\n${name}: digest ${digest}`,
  );
}

async function verify(out: string): Promise<number> {
  const manifests = ["train.json", "val.json"].map((name) => `${out}/${name}`).filter(exists);
  if (manifests.length === 0) {
    throw new UserError(
      `Cannot verify ${out}: expected train.json or val.json there, as deno task pack writes them`,
      ExitCode.data,
    );
  }
  let found = 0;
  for (const manifest of manifests) {
    using job = await runJob({ kind: "verify", manifest }, `reading ${manifest}`);
    const { parts, damaged } = job.result<{ parts: number; damaged: string[] }>();
    for (const line of damaged) console.error(line);
    console.log(`${manifest}: ${parts - damaged.length} of ${parts} shards as they were packed`);
    found += damaged.length;
  }
  return found === 0 ? ExitCode.ok : ExitCode.data;
}

function readOptions(args: readonly string[]): Partial<Record<OptionName, string>> {
  const flag = (name: OptionName): boolean => name === "verify" || name === "help";
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      OPTIONS.map((name) => [name, { type: flag(name) ? "boolean" : "string" }] as const),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: Partial<Record<OptionName, string>> = {};
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw usage(`Cannot use the argument "${token.value}": expected --option=value`);
    }
    const name = OPTIONS.find((known) => known === token.name);
    if (name === undefined) {
      const near = nearestTo(token.name, OPTIONS);
      throw usage(
        `Cannot use ${token.rawName}: no such option, ${
          near ? `did you mean --${near}` : "see deno task pack --help"
        }`,
      );
    }
    if (!flag(name) && token.value === undefined) {
      throw usage(`Cannot use --${name} without a value: expected --${name}=value`);
    }
    given[name] = token.value ?? "";
  }
  return given;
}

function jobOf(
  given: Partial<Record<OptionName, string>>,
): Omit<PackJob, "directory" | "out" | "name"> {
  const maxSide = given.max_side === undefined
    ? undefined
    : number(given, { name: "max_side", least: 8, most: 65535 });
  if (maxSide === undefined && given.quality !== undefined) {
    throw usage(
      "Cannot use --quality without --max_side: images that stay as they are have theirs",
    );
  }
  return {
    cache: listingCache(),
    imagesPerShard: number(given, {
      name: "images_per_shard",
      fallback: 10_000,
      least: 1,
      most: 1e8,
    }),
    reencoding: maxSide === undefined ? null : {
      maxSide,
      quality: number(given, { name: "quality", fallback: 90, least: 1, most: 100 }),
    },
    workers: number(given, {
      name: "nb_workers",
      fallback: navigator.hardwareConcurrency,
      least: 1,
      most: 256,
    }),
    mostBad: number(given, {
      name: "max_bad_fraction",
      fallback: 0.0001,
      least: 0,
      most: 1,
      fraction: true,
    }),
  };
}

interface NumberOption {
  name: OptionName;
  fallback?: number;
  least: number;
  most: number;
  fraction?: boolean;
}

function number(given: Partial<Record<OptionName, string>>, option: NumberOption): number {
  const { name, fallback, least, most, fraction = false } = option;
  const text = given[name];
  if (text === undefined && fallback !== undefined) return fallback;
  const value = /^\d*\.?\d+$/.test(text ?? "") ? Number(text) : NaN;
  if (value >= least && value <= most && (fraction || Number.isInteger(value))) return value;
  throw usage(
    `Cannot use --${name}=${text}: expected a ${
      fraction ? "number" : "whole number"
    } from ${least} to ${most}`,
  );
}

function required(given: Partial<Record<OptionName, string>>, name: OptionName): string {
  const value = given[name];
  if (value) return value;
  throw usage(`Cannot pack without --${name}: expected --${name}=DIR`);
}

function usage(message: string): UserError {
  return new UserError(message, ExitCode.usage);
}
