/** Manifests of packed shards, told from other programs' files of the same name. */

import { exists } from "../base/files.ts";

/** Bytes at the beginning of a manifest that hold its kind, which is the first field. */
const HEAD_BYTES = 4096;
const KIND = /^\s*\{\s*"__kind__"\s*:\s*"wids-shard-index-v1"/;

/**
 * Returns true for the manifest of packed shards (deno task pack), such as train.json, and for a damaged file beside
 * shards of its name. Annotations of COCO's kind are none.
 */
export function isShardIndex(path: string): boolean {
  if (!Deno.statSync(path).isFile) return false;
  using file = Deno.openSync(path);
  const head = new Uint8Array(HEAD_BYTES);
  const read = file.readSync(head) ?? 0;
  return KIND.test(new TextDecoder().decode(head.subarray(0, read))) ||
    exists(path.replace(/\.json$/, "-000000.tar"));
}
