import { callText, json } from "./call.ts";

/** Description of a checkpoint's contents. */
export interface CheckpointDescription {
  /** This program's metadata; null for a file of another program. */
  metadata: Record<string, unknown> | null;
  /** True where the file holds a SHA-256 of its tensors, and the tensors match it. */
  whole: boolean;
  /** Number of tensors. */
  tensors: number;
  /** SHA-256 over all tensors sorted by name (name, dtype, shape, bytes), in hex. */
  sha256: string;
  /** Shape of each tensor. */
  shapes: Record<string, number[]>;
  /** Description of the encoder; null for a file without one. */
  encoder: EncoderDescription | null;
}

/** Description of an encoder in a file. */
export interface EncoderDescription {
  /** Text on the tensors that are used. */
  words: string;
  /** Prefix of the encoder's tensors, before torchvision's names. */
  prefix: string;
  /** The network, as recognised by its blocks; null for an unknown one. */
  resnetType: string | null;
  /** The stem of the network; null for an unknown network. */
  stem: "cifar" | "imagenet" | null;
  /** Tensors that belong to no encoder, by the first part of their names. */
  leftOut: string[];
}

/** Returns a description of a checkpoint. @throws NativeError when the file is missing or damaged */
export function describeCheckpoint(path: string): CheckpointDescription {
  return JSON.parse(callText("byol_checkpoint_describe", json(path)));
}
