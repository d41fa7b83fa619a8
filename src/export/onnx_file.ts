/**
 * Encoder of ONNX files: a graph of operators with its weights, as protobuf. Field numbers are those of onnx.proto.
 *
 * @module
 */

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** An attribute of an operator: several whole numbers, one whole number, or one float. */
export type Attribute = readonly number[] | number | { float: number };

/** One operator, applied to named values. */
export interface OnnxNode {
  operator: string;
  inputs: readonly string[];
  output: string;
  attributes?: Readonly<Record<string, Attribute>>;
}

/** A named constant: float32 weights or 64-bit whole numbers. */
export interface OnnxConstant {
  shape: readonly number[];
  values: Float32Array | BigInt64Array;
}

/** A model with one input and one output. */
export interface OnnxModel {
  name: string;
  nodes: readonly OnnxNode[];
  constants: ReadonlyMap<string, OnnxConstant>;
  /** Name and shape of the input; a dimension of variable size has a name in place of a number. */
  input: { name: string; shape: readonly (number | string)[] };
  output: { name: string; shape: readonly (number | string)[] };
  metadata: Readonly<Record<string, string>>;
}

/** Operator set of ONNX 1.12: ONNX Runtime 1.12 of 2022 and all after it read it. No operator here needs a newer one. */
const OPSET = 17;
const IR_VERSION = 8;
const FLOAT = 1;
const INT64 = 7;

const FIELD = {
  model: { irVersion: 1, producer: 2, graph: 7, opset: 8, metadata: 14 },
  opset: { version: 2 },
  entry: { key: 1, value: 2 },
  graph: { node: 1, name: 2, constant: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, operator: 4, attribute: 5 },
  attribute: { name: 1, float: 2, int: 3, ints: 8, type: 20 },
  tensor: { dims: 1, type: 2, name: 8, bytes: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { element: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { size: 1, name: 2 },
} as const;
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** Returns the bytes of a model's file. The result holds all weights, and takes as much memory as they do. */
export function onnxFile(model: OnnxModel): Uint8Array {
  const out = new BinaryWriter();
  int(out, FIELD.model.irVersion, IR_VERSION);
  text(out, FIELD.model.producer, "byol");
  message(out, FIELD.model.graph, () => writeGraph(out, model));
  message(out, FIELD.model.opset, () => int(out, FIELD.opset.version, OPSET));
  for (const [key, value] of Object.entries(model.metadata)) {
    message(out, FIELD.model.metadata, () => {
      text(out, FIELD.entry.key, key);
      text(out, FIELD.entry.value, value);
    });
  }
  return out.finish();
}

function writeGraph(out: BinaryWriter, model: OnnxModel): void {
  for (const node of model.nodes) message(out, FIELD.graph.node, () => writeNode(out, node));
  text(out, FIELD.graph.name, model.name);
  for (const [name, { shape, values }] of model.constants) {
    message(out, FIELD.graph.constant, () => {
      for (const size of shape) int(out, FIELD.tensor.dims, size);
      int(out, FIELD.tensor.type, values instanceof Float32Array ? FLOAT : INT64);
      text(out, FIELD.tensor.name, name);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      out.tag(FIELD.tensor.bytes, WireType.LengthDelimited).bytes(bytes);
    });
  }
  for (const [field, value] of [["input", model.input], ["output", model.output]] as const) {
    message(out, FIELD.graph[field], () => writeValue(out, value));
  }
}

function writeNode(out: BinaryWriter, { operator, inputs, output, attributes }: OnnxNode): void {
  for (const input of inputs) text(out, FIELD.node.input, input);
  text(out, FIELD.node.output, output);
  text(out, FIELD.node.name, output);
  text(out, FIELD.node.operator, operator);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    message(out, FIELD.node.attribute, () => {
      text(out, FIELD.attribute.name, name);
      const isInt = typeof value === "number";
      if (isInt) int(out, FIELD.attribute.int, value);
      else if ("float" in value) {
        out.tag(FIELD.attribute.float, WireType.Bit32).float(Math.fround(value.float));
      } else for (const one of value) int(out, FIELD.attribute.ints, one);
      const type = isInt ? "int" : "float" in value ? "float" : "ints";
      int(out, FIELD.attribute.type, ATTRIBUTE_TYPE[type]);
    });
  }
}

function writeValue(out: BinaryWriter, { name, shape }: OnnxModel["input"]): void {
  text(out, FIELD.value.name, name);
  message(out, FIELD.value.type, () =>
    message(out, FIELD.type.tensor, () => {
      int(out, FIELD.tensorType.element, FLOAT);
      message(out, FIELD.tensorType.shape, () => {
        for (const size of shape) {
          message(out, FIELD.shape.dimension, () => {
            if (typeof size === "number") int(out, FIELD.dimension.size, size);
            else text(out, FIELD.dimension.name, size);
          });
        }
      });
    }));
}

function int(out: BinaryWriter, field: number, value: number): void {
  out.tag(field, WireType.Varint).int64(value);
}

function text(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, WireType.LengthDelimited).string(value);
}

function message(out: BinaryWriter, field: number, write: () => void): void {
  out.tag(field, WireType.LengthDelimited).fork();
  write();
  out.join();
}
