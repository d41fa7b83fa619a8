/**
 * The record of a run's images, in config.json and in checkpoints: digests, what was found, and what was compared with
 * published data.
 *
 * @module
 */

import { counted } from "../base/counted.ts";
import type { DatasetDescription, FoundImages } from "../native/dataset.ts";
import type { LimitRule } from "../recipes/limit.ts";
import { type DatasetName, isCifar } from "../recipes/views.ts";

/** Descriptions of an invocation's images. */
export interface DescribedImages {
  train: DatasetDescription;
  /** Description of the test images; undefined where none were opened. */
  test: DatasetDescription | undefined;
}

/** The images of a run. */
export interface DataRecord {
  /** SHA-256 over the training images and labels that were read, in hex; with --limit_train, over all. */
  digest: string;
  /** Rule by which --limit_train has chosen images; absent without it, and "first" in records of earlier versions. */
  limit?: LimitRule;
  /** Number of training images that --hold_out keeps from encoder and probe; absent without it. */
  heldOut?: number;
  /** SHA-256 over the test images and labels; absent where none were read, and in records of earlier versions. */
  testDigest?: string;
  /**
   * True where the MD5 of all files is the published one. Absent where no MD5 was compared; records of earlier versions
   * have `true` there.
   */
  verified?: boolean;
  /** Comparison with published data; absent where nothing was compared, and in records of earlier versions. */
  compared?: { what: string; equal: boolean };
  /** Images found, and what was left out beside them; absent in records of earlier versions. */
  found?: { train: FoundImages; test?: FoundImages };
}

/** Numbers of ILSVRC 2012, the data set that papers call ImageNet. */
const ILSVRC = { classes: 1000, train: 1_281_167, test: 50_000 } as const;
const ILSVRC_TEXT = "ILSVRC 2012's numbers of classes (1000) and of images (1281167 and 50000)";
const MD5_TEXT = "the MD5 of each file";
/** Largest number of names that a text shows of each kind. */
const SHOWN_NAMES = 4;

/** Returns the record of the images of a data set. */
export function dataRecordOf(datasetName: DatasetName, images: DescribedImages): DataRecord {
  const { train, test } = images;
  const compared = comparisonOf(datasetName, images);
  return {
    digest: train.digest,
    ...train.limit !== undefined && { limit: train.limit },
    ...train.heldOut !== undefined && { heldOut: train.heldOut },
    ...test !== undefined && { testDigest: test.digest },
    ...isCifar(datasetName) && compared !== undefined && { verified: compared.equal },
    ...compared !== undefined && { compared },
    found: { train: train.found, ...test !== undefined && { test: test.found } },
  };
}

/** Compares images with published data; undefined for data sets that are not published, or not by checksum or number. */
function comparisonOf(
  datasetName: DatasetName,
  { train, test }: DescribedImages,
): DataRecord["compared"] {
  if (datasetName === "imagenet") {
    const equal = isOfIlsvrc(train, "train") && (test === undefined || isOfIlsvrc(test, "test"));
    return { what: ILSVRC_TEXT, equal };
  }
  if (train.verified === null) return undefined;
  // Unverified test images make accuracies incomparable as much as unverified training images do.
  return { what: MD5_TEXT, equal: train.verified && test?.verified !== false };
}

function isOfIlsvrc({ found }: DatasetDescription, split: "train" | "test"): boolean {
  return found.classes === ILSVRC.classes && found.images === ILSVRC[split];
}

/** Returns true for JSON that is the record of a run's images, of this version or of an earlier one. */
export function isDataRecord(json: unknown): json is DataRecord {
  if (!isObject(json) || typeof json.digest !== "string") return false;
  const { compared, found } = json;
  const isCompared = compared === undefined ||
    isObject(compared) && typeof compared.what === "string" && typeof compared.equal === "boolean";
  const isFound = found === undefined ||
    isObject(found) && Object.values(found).every(areFoundImages);
  return isCompared && isFound;
}

function areFoundImages(json: unknown): boolean {
  return isObject(json) && typeof json.place === "string" &&
    [json.images, json.classes, json.unpacked ?? 0].every((value) => typeof value === "number") &&
    KINDS.every(([kind]) => json[kind] === undefined || isTally(json[kind]));
}

function isTally(json: unknown): boolean {
  return isObject(json) && typeof json.count === "number" && Array.isArray(json.names) &&
    json.names.every((entry) =>
      Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number"
    );
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Returns true where a comparison with published data found a difference. */
export function differsFromPublished(datasetName: DatasetName, data: DataRecord): boolean {
  return comparedIn(datasetName, data)?.equal === false;
}

/** Returns in words what was compared with published data, and with what result. */
export function comparedText(datasetName: DatasetName, data: DataRecord): string {
  const compared = comparedIn(datasetName, data);
  if (compared === undefined) return "nothing was compared with published data";
  const { what, equal } = compared;
  if (isCifar(datasetName)) return `${equal ? "" : "not "}the published bytes, by ${what}`;
  return equal ? `${what}; no bytes were compared` : `not ${what}`;
}

/** Returns the comparison of a record. Earlier versions compared CIFAR-10's files only, but set `verified` always. */
function comparedIn(
  datasetName: DatasetName,
  { compared, verified }: DataRecord,
): DataRecord["compared"] {
  if (compared !== undefined || datasetName !== "cifar10" || verified === undefined) {
    return compared;
  }
  return { what: MD5_TEXT, equal: verified };
}

/** Kinds of entries that are not read: key, one of them, several, and true where each name's number is shown. */
const KINDS = [
  ["unread", "file not read", "files not read", true],
  ["beside", "image beside class folders not read", "images beside class folders not read", false],
  ["folders", "folder left out", "folders left out", false],
  ["hidden", "hidden file left out", "hidden files left out", false],
  ["special", "pipe, socket or device left out", "pipes, sockets or devices left out", false],
] as const;

/**
 * Returns one line on the images of a folder, such as `36 images of 3 classes in DIR; 24 files not read (.gif 12,
 * .heic 12); 1 folder left out (.ipynb_checkpoints)`. A name is shown with its number where it occurs several times.
 */
export function foundText(found: FoundImages): string {
  const { place, images, classes, unpacked } = found;
  const parts = [
    `${counted(images, "image", "images")} of ${counted(classes, "class", "classes")} in ${place}`,
    ...unpacked === undefined ? [] : [`${unpacked} of them could not be packed`],
  ];
  for (const [kind, one, several, isCounted] of KINDS) {
    const tally = found[kind];
    if (tally === undefined) continue;
    const names = tally.names.slice(0, SHOWN_NAMES)
      .map(([name, count]) => isCounted || count > 1 ? `${name} ${count}` : name);
    const shown = tally.names.slice(0, SHOWN_NAMES).reduce((sum, [, count]) => sum + count, 0);
    if (shown < tally.count) names.push("…");
    parts.push(`${counted(tally.count, one, several)} (${names.join(", ")})`);
  }
  return escaped(parts.join("; "));
}

/**
 * Returns a line each on the images to train and to test on, told apart where both are in one place.
 *
 * @param heldOut number of training images that are held out
 */
export function foundLines(
  { train, test }: { train?: FoundImages; test?: FoundImages },
  heldOut?: number,
): string[] {
  const isOnePlace = train?.place === test?.place;
  const line = (found: FoundImages | undefined, verb: string): string[] =>
    found === undefined ? [] : [`${foundText(found)}${isOnePlace ? `, to ${verb} on` : ""}`];
  const [ofTrain] = line(train, "train");
  return [
    ...ofTrain === undefined ? [] : [`${ofTrain}${heldOutText(heldOut)}`],
    ...line(test, "test"),
  ];
}

/** Returns the number of held-out images in words, to follow those found; "" without any. */
export function heldOutText(heldOut: number | undefined): string {
  return heldOut === undefined ? "" : `; ${heldOut} of them held out`;
}

/** Returns a text with escapes in the place of control characters, which file names may hold. */
function escaped(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
