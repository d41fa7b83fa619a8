import { setTimeout as sleep } from "node:timers/promises";
import { NativeObject } from "./handle.ts";
import { callNumbers, callText, callU32, json } from "./call.ts";

const POLL_MILLISECONDS = 20;

/** Work on data that the core does in threads of its own. */
export type DataWork =
  /** Lists a folder of images; `cache` is the folder that caches listings. */
  | { kind: "list"; directory: string; cache: string | null }
  /** Opens packed shards. */
  | { kind: "open"; manifest: string }
  /** Takes the images of a list. */
  | { kind: "files"; list: FileList }
  /** Reads training or test images of CIFAR-10 or CIFAR-100 into memory. */
  | {
    kind: "read";
    name: "cifar10" | "cifar100";
    directory: string;
    train: boolean;
    allowUnverified: boolean;
  }
  /** Packs a folder of images into shards. */
  | { kind: "pack" } & PackJob
  /** Copies packed shards into a folder on a faster disk. */
  | { kind: "stage"; manifest: string; target: string }
  /** Checks the checksums of packed shards. */
  | { kind: "verify"; manifest: string }
  /** Measures one part of the loader on a folder of images, for the benches. */
  | {
    kind: "statistics";
    /** A folder of images, or the manifest of packed shards. */
    path: string;
    /** Images to measure in the place of the path's. */
    list?: FileList;
    cache: string | null;
    workers: number;
    mostBad: number | null;
  }
  /** Measures a part of the loader. */
  | { kind: "measure"; directory: string; part: "decode" | "crops"; rounds: number };

/** Images that a list names, by class and folder. */
export interface FileList {
  /** Path of the list. */
  place: string;
  /** Folder that paths are relative to. */
  root: string;
  /** Names of the classes; one empty name for images without labels. */
  classes: string[];
  /** Images of one class in one folder; its path is relative to the root, or absolute. */
  folders: { class: number; path: string; files: string[] }[];
}

/** Options of packing a folder. */
export interface PackJob {
  directory: string;
  /** Images to pack in the place of the directory's. */
  list?: FileList;
  cache: string | null;
  out: string;
  /** Prefix of the files' names: "train" or "val". */
  name: string;
  imagesPerShard: number;
  /** Resizing of larger images; null to copy all images unchanged. */
  reencoding: { maxSide: number; quality: number } | null;
  /** Number of threads. */
  workers: number;
  /** Largest share of unusable files, from 0 to 1; null for the default of Dataset.open(). */
  mostBad: number | null;
}

/** Progress of a job. */
export interface JobProgress {
  /** Parts done. */
  done: number;
  /** Number of parts; 0 while the number is unknown. */
  total: number;
  /** Images done. */
  images: number;
  /** True after the end of the job, with a result or an error. */
  ended: boolean;
}

/** A job under way or done. close() stops it. */
export class DataJob extends NativeObject {
  /** Starts a job. */
  static start(options: DataWork): DataJob {
    return new DataJob(callU32("byol_data_job_start", json(options)));
  }

  /**
   * Runs a job to its end.
   *
   * @param options.signal signal that stops the job
   * @param options.onProgress called every 20 ms during the job
   */
  static async run(
    work: DataWork,
    { signal, onProgress }: {
      signal?: AbortSignal | undefined;
      onProgress?: (progress: JobProgress) => void;
    } = {},
  ): Promise<DataJob> {
    const job = DataJob.start(work);
    try {
      for (;;) {
        const progress = job.progress();
        if (progress.ended) return job;
        signal?.throwIfAborted();
        onProgress?.(progress);
        await sleep(POLL_MILLISECONDS);
      }
    } catch (error) {
      job.close();
      throw error;
    }
  }

  /** Returns the result of the job, after its end. */
  result<Result>(): Result {
    return JSON.parse(callText("byol_data_job_result", this.handle));
  }

  /** Returns the progress of the job. */
  progress(): JobProgress {
    const [done = 0, total = 0, images = 0, ended = 0] = callNumbers(
      "byol_data_job_progress",
      this.handle,
    );
    return { done, total, images, ended: ended === 1 };
  }
}
