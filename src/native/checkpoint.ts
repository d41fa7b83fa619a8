import { callText, json } from "./call.ts";

/** Contents of a checkpoint. */
export interface CheckpointDescription {
  /** Our JSON of the file, or null. */
  metadata: Record<string, unknown> | null;
  /** True where the file holds its own SHA-256, and the digest is right. */
  whole: boolean;
  /** Number of tensors. */
  tensors: number;
  /** SHA-256 over all tensors sorted by name: name, dtype, shape, bytes. */
  sha256: string;
  /** Shape of each tensor. */
  shapes: Record<string, number[]>;
  /** The encoder that it holds, or null where it holds none. */
  encoder: EncoderDescription | null;
}

/** Which encoder a file holds. */
export interface EncoderDescription {
  /** Description of the tensors that are taken. */
  words: string;
  /** Prefix of torchvision's names. */
  prefix: string;
  /** The network by its blocks; null for none that can be built here. */
  resnetType: string | null;
  /** Its stem; null where the network is unknown. */
  stem: "cifar" | "imagenet" | null;
  /** Tensors that belong to no encoder, by the first part of their names. */
  leftOut: string[];
}

/** Reads what a checkpoint holds. @throws NativeError when it is missing or damaged */
export function describeCheckpoint(path: string): CheckpointDescription {
  return JSON.parse(callText("byol_checkpoint_describe", json(path)));
}
