/**
 * Writers of files of embeddings with labels and names: NumPy's .npy, and Parquet.
 *
 * @module
 */

import type { EMBED } from "../options/commands/embed.ts";
import { basename, dirname, join } from "node:path";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { writeAll } from "../base/atomic_file.ts";
import { removeIfThere } from "../base/files.ts";

/** Embeddings of some images. */
export interface FeatureRows {
  /** One row of `width` numbers per image. */
  features: Float32Array;
  width: number;
  labels: readonly number[];
  names: readonly string[];
}

/** Writer of rows. Complete files appear at finish(); a disposal before finish() leaves no file behind. */
export interface FeatureSink extends Disposable {
  /** Appends rows. */
  append(rows: FeatureRows): void;
  /** Completes the files and renames them to their final names. @returns the paths */
  finish(): string[];
}

/** The writer of each format, by the ending of the file's name. */
export const FEATURE_FORMATS: Readonly<
  Record<
    typeof EMBED.options.out.value.endings[number],
    (path: string, classNames: string[]) => FeatureSink
  >
> = {
  ".npy": (path) => new NpySink(path),
  ".parquet": (path, classNames) => new ParquetSink(path, classNames),
};

/** Bytes before the numbers of an .npy file: a multiple of 64, with room for any number of rows. */
const NPY_HEAD = 128;

/** Returns the header of an .npy file of version 1.0 (NumPy, numpy.lib.format), padded to NPY_HEAD bytes. */
function npyHead(descr: "<f4" | "<i8", shape: readonly number[]): Uint8Array {
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sides}), }`;
  const head = new TextEncoder().encode(`\x00NUMPY\x01\x00  ${text}`.padEnd(NPY_HEAD - 1) + "\n");
  head[0] = 0x93;
  new DataView(head.buffer).setUint16(8, NPY_HEAD - 10, true);
  return head;
}

/** A file that has a temporary name beside its final path until it is complete. */
class PartFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #part: string;
  #closed = false;

  constructor(readonly path: string) {
    this.#part = `${path}.${Deno.pid}.part`;
    this.#file = Deno.openSync(this.#part, { write: true, create: true, truncate: true });
  }

  write(bytes: Uint8Array): void {
    writeAll(this.#file, bytes);
  }

  /** Overwrites the first bytes with `head`, syncs the file, and renames it to its final path. */
  finish(head?: Uint8Array): string {
    if (head !== undefined) {
      this.#file.seekSync(0, Deno.SeekMode.Start);
      writeAll(this.#file, head);
    }
    this.#file.syncSync();
    this.#file.close();
    this.#closed = true;
    Deno.renameSync(this.#part, this.path);
    return this.path;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
    removeIfThere(this.#part);
  }
}

/**
 * Writer of three files: features.npy [images, width] in float32, features.labels.npy [images] in int64, and
 * features.names.txt with one line per image.
 */
class NpySink implements FeatureSink {
  readonly #features: PartFile;
  readonly #labels: PartFile;
  readonly #names: PartFile;
  readonly #open = new DisposableStack();
  #images = 0;
  #width = 0;

  constructor(path: string) {
    const beside = (ending: string): string => join(dirname(path), basename(path, ".npy") + ending);
    this.#features = this.#open.use(new PartFile(path));
    this.#labels = this.#open.use(new PartFile(beside(".labels.npy")));
    this.#names = this.#open.use(new PartFile(beside(".names.txt")));
    for (const file of [this.#features, this.#labels]) file.write(new Uint8Array(NPY_HEAD));
  }

  append({ features, width, labels, names }: FeatureRows): void {
    this.#width = width;
    this.#images += labels.length;
    this.#features.write(bytesOf(features));
    this.#labels.write(bytesOf(BigInt64Array.from(labels, BigInt)));
    this.#names.write(new TextEncoder().encode(names.map((name) => `${name}\n`).join("")));
  }

  finish(): string[] {
    return [
      this.#features.finish(npyHead("<f4", [this.#images, this.#width])),
      this.#labels.finish(npyHead("<i8", [this.#images])),
      this.#names.finish(),
    ];
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }
}

/** Rows of a Parquet file's row group: 40 MB of ResNet-50 embeddings. */
const ROW_GROUP = 5000;

/** Writer of one Parquet file with the columns name, label, class and embedding (a list of floats). */
class ParquetSink implements FeatureSink {
  readonly #path: string;
  readonly #part: string;
  readonly #classNames: readonly string[];
  readonly #writer: ParquetWriter;
  #rows: { name: string; label: number; embedding: number[] }[] = [];
  #finished = false;

  constructor(path: string, classNames: readonly string[]) {
    this.#path = path;
    this.#part = `${path}.${Deno.pid}.part`;
    this.#classNames = classNames;
    this.#writer = new ParquetWriter({
      writer: fileWriter(this.#part),
      createdBy: "byol",
      // Statistics of 2048 numbers per row would be of no use.
      statistics: false,
      schema: [
        { name: "schema", num_children: 4 },
        { name: "name", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
        { name: "label", type: "INT32", repetition_type: "REQUIRED" },
        { name: "class", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
        {
          name: "embedding",
          num_children: 1,
          converted_type: "LIST",
          repetition_type: "REQUIRED",
        },
        { name: "list", num_children: 1, repetition_type: "REPEATED" },
        { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
      ],
    });
  }

  append({ features, width, labels, names }: FeatureRows): void {
    for (const [at, label] of labels.entries()) {
      this.#rows.push({
        name: names[at] ?? "",
        label,
        embedding: Array.from(features.subarray(at * width, (at + 1) * width)),
      });
    }
    if (this.#rows.length >= ROW_GROUP) this.#flush();
  }

  #flush(): void {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length === 0) return;
    this.#writer.write({
      rowGroupSize: rows.length,
      columnData: [
        { name: "name", data: rows.map(({ name }) => name) },
        { name: "label", data: rows.map(({ label }) => label) },
        {
          name: "class",
          data: rows.map(({ label }) => this.#classNames[label] ?? String(label)),
        },
        { name: "embedding", data: rows.map(({ embedding }) => embedding) },
      ],
    });
  }

  finish(): string[] {
    this.#flush();
    this.#writer.finish();
    using file = Deno.openSync(this.#part, { read: true, write: true });
    file.syncSync();
    Deno.renameSync(this.#part, this.#path);
    this.#finished = true;
    return [this.#path];
  }

  [Symbol.dispose](): void {
    if (!this.#finished) removeIfThere(this.#part);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
