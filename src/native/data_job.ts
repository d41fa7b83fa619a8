import { setTimeout as sleep } from "node:timers/promises";
import { NativeObject } from "./handle.ts";
import { callNumbers, callText, callU32, json } from "./call.ts";

const POLL_MILLISECONDS = 20;

/** Long work that the core does beside the event loop. */
export type DataWork =
  /** Lists a folder of images; `cache` is the folder that listings are kept in. */
  | { kind: "list"; directory: string; cache: string | null }
  /** Opens packed shards. */
  | { kind: "open"; manifest: string }
  /** Reads CIFAR-10's training or test images into memory. */
  | { kind: "read"; directory: string; train: boolean; allowUnverified: boolean }
  /** Packs a folder of images into shards. */
  | { kind: "pack" } & PackJob
  /** Copies packed shards into a folder on a faster disk. */
  | { kind: "stage"; manifest: string; target: string }
  /** Compares the checksums of packed shards. */
  | { kind: "verify"; manifest: string }
  /** Measures a part of the loader on a folder of images, for the bench. */
  | { kind: "measure"; directory: string; part: "decode" | "crops"; rounds: number };

/** Options of packing a folder. */
export interface PackJob {
  directory: string;
  cache: string | null;
  out: string;
  /** Prefix of the files' names: train or val. */
  name: string;
  imagesPerShard: number;
  /** Makes larger images smaller; null leaves all as they are. */
  reencoding: { maxSide: number; quality: number } | null;
  /** Threads. */
  workers: number;
  /** Share of the files that may be bad. */
  mostBad: number;
}

/** Progress of a job. */
export interface JobProgress {
  /** Parts done. */
  done: number;
  /** Parts in all; 0 while that is not known. */
  total: number;
  /** Images so far. */
  images: number;
  /** True once there is a result, or an error, to take. */
  ended: boolean;
}

/** A job that was started. Closing it stops it. */
export class DataJob extends NativeObject {
  /** Starts it. */
  static start(options: DataWork): DataJob {
    return new DataJob(callU32("byol_data_job_start", json(options)));
  }

  /**
   * Starts it and waits for its end.
   *
   * @param options.signal stops the job
   * @param options.onProgress is called every 20 ms while the job works
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

  /** Returns the job's report. Waits for its end. */
  result<Result>(): Result {
    return JSON.parse(callText("byol_data_job_result", this.handle));
  }

  /** Reads the job's progress. */
  progress(): JobProgress {
    const [done = 0, total = 0, images = 0, ended = 0] = callNumbers(
      "byol_data_job_progress",
      4,
      this.handle,
    );
    return { done, total, images, ended: ended === 1 };
  }
}
