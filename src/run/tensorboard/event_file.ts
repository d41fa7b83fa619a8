/**
 * Encoder of TensorBoard's event files. A record is a length, the length's masked CRC-32C, a protobuf Event, and the
 * Event's masked CRC-32C. Field numbers are those of TensorFlow's event.proto, summary.proto and tensor.proto.
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Content of one event, beside step and time. */
export type EventContent =
  /** The first event of every file. */
  | { kind: "version" }
  /** The start of an invocation. TensorBoard discards older events of the same step and of later steps. */
  | { kind: "start" }
  | { kind: "scalars"; values: Readonly<Record<string, number>> }
  /** A PNG picture. */
  | { kind: "image"; tag: string; png: Uint8Array }
  /** Markdown. */
  | { kind: "text"; tag: string; text: string };

/** One event. */
export interface Event {
  /** Seconds since 1970. */
  time: number;
  step: number;
  content: EventContent;
}

const FIELD = {
  event: { time: 1, step: 2, version: 3, summary: 5, sessionLog: 7 },
  sessionLog: { status: 1 },
  summary: { value: 1 },
  value: { tag: 1, scalar: 2, image: 4, tensor: 8, metadata: 9 },
  image: { height: 1, width: 2, colorspace: 3, bytes: 4 },
  metadata: { plugin: 1 },
  plugin: { name: 1 },
  tensor: { type: 1, shape: 2, strings: 8 },
} as const;
const VERSION = "brain.Event:2";
const STATUS_START = 1;
const TYPE_STRING = 7;
const COLORSPACE_RGB = 3;

/** Returns the bytes of an event's record. */
export function recordOf(event: Event): Uint8Array {
  const data = encoded(event);
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

function encoded({ time, step, content }: Event): Uint8Array {
  const out = new BinaryWriter();
  out.tag(FIELD.event.time, WireType.Bit64).double(time);
  out.tag(FIELD.event.step, WireType.Varint).int64(step);
  switch (content.kind) {
    case "version":
      return out.tag(FIELD.event.version, WireType.LengthDelimited).string(VERSION).finish();
    case "start":
      out.tag(FIELD.event.sessionLog, WireType.LengthDelimited).fork();
      out.tag(FIELD.sessionLog.status, WireType.Varint).int32(STATUS_START);
      return out.join().finish();
    default:
      out.tag(FIELD.event.summary, WireType.LengthDelimited).fork();
      writeSummary(out, content);
      return out.join().finish();
  }
}

type SummaryContent = Exclude<EventContent, { kind: "version" | "start" }>;

function writeSummary(out: BinaryWriter, content: SummaryContent): void {
  const value = (tag: string, write: () => void): void => {
    out.tag(FIELD.summary.value, WireType.LengthDelimited).fork();
    out.tag(FIELD.value.tag, WireType.LengthDelimited).string(tag);
    write();
    out.join();
  };
  if (content.kind === "scalars") {
    for (const [tag, number] of Object.entries(content.values)) {
      value(tag, () => out.tag(FIELD.value.scalar, WireType.Bit32).float(float32(number)));
    }
  } else if (content.kind === "image") {
    value(content.tag, () => writeImage(out, content.png));
  } else {
    value(content.tag, () => writeText(out, content.text));
  }
}

/** Rounds to float32. Numbers beyond its range become infinity, which TensorBoard draws and protobuf accepts. */
function float32(number: number): number {
  return Math.fround(number);
}

function writeImage(out: BinaryWriter, png: Uint8Array): void {
  // Signature, length and name of the first chunk, then width and height.
  const header = new DataView(png.buffer, png.byteOffset + 16, 8);
  out.tag(FIELD.value.image, WireType.LengthDelimited).fork();
  out.tag(FIELD.image.height, WireType.Varint).int32(header.getInt32(4));
  out.tag(FIELD.image.width, WireType.Varint).int32(header.getInt32(0));
  out.tag(FIELD.image.colorspace, WireType.Varint).int32(COLORSPACE_RGB);
  out.tag(FIELD.image.bytes, WireType.LengthDelimited).bytes(png);
  out.join();
}

function writeText(out: BinaryWriter, text: string): void {
  out.tag(FIELD.value.tensor, WireType.LengthDelimited).fork();
  out.tag(FIELD.tensor.type, WireType.Varint).int32(TYPE_STRING);
  out.tag(FIELD.tensor.shape, WireType.LengthDelimited).fork().join();
  out.tag(FIELD.tensor.strings, WireType.LengthDelimited).string(text);
  out.join();
  out.tag(FIELD.value.metadata, WireType.LengthDelimited).fork();
  out.tag(FIELD.metadata.plugin, WireType.LengthDelimited).fork();
  out.tag(FIELD.plugin.name, WireType.LengthDelimited).string("text");
  out.join().join();
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

/** Returns the CRC-32C (Castagnoli) of some bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Returns the masked CRC-32C of some bytes, by the formula of TensorFlow's crc32c.h. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
