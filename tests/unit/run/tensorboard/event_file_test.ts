import { deepEqual, equal } from "node:assert/strict";
import { crc32c, recordOf } from "../../../../src/run/tensorboard/event_file.ts";

Deno.test("CRC-32C gives the check values of RFC 3720", () => {
  equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
});

Deno.test("a record has its length first, and numbers that no float holds are infinite", () => {
  const record = recordOf({
    time: 1,
    step: 3,
    content: { kind: "scalars", values: { "train/loss": 1e300 } },
  });
  const view = new DataView(record.buffer);
  equal(Number(view.getBigUint64(0, true)), record.length - 16);
  // Of the value's bytes, the last before the checksum.
  equal(view.getFloat32(record.length - 8, true), Infinity);
  // As TensorFlow writes it: time as field 1, step as field 2.
  deepEqual([...record.subarray(12, 23)], [9, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 16, 3]);
});
