/** The ONNX file of an encoder, decoded by the field numbers of onnx.proto: the format that older runtimes read. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { onnxEncoder } from "../../../src/export/onnx_resnet.ts";
import type { SavedTensor } from "../../../src/export/torch_file.ts";

/** IR version 8 and operator set 17: ONNX Runtime 1.12 of 2022 and all after it. */
const FORMAT = { irVersion: 8, opset: 17 };
/** Operators of the graph with the operator set that last changed each, up to 17. */
const OPERATORS = {
  Add: 14,
  BatchNormalization: 15,
  Conv: 11,
  Flatten: 13,
  GlobalAveragePool: 1,
  MaxPool: 12,
  Pad: 13,
  Relu: 14,
};
/** Field numbers of onnx.proto. */
const MODEL = { irVersion: 1, graph: 7, opset: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1 };
const NODE = { operator: 4, domain: 7 };

/** Returns the fields of a protobuf message by number: whole numbers, and bytes as they are. */
function fieldsOf(bytes: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (number | Uint8Array)[]>();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const known = type === WireType.Varint || type === WireType.LengthDelimited;
    ok(known, `field ${field} of wire type ${type}`);
    const value = type === WireType.Varint ? Number(reader.int64()) : reader.bytes();
    fields.set(field, [...fields.get(field) ?? [], value]);
  }
  return fields;
}

function messagesOf(bytes: Uint8Array, field: number): Map<number, (number | Uint8Array)[]>[] {
  return (fieldsOf(bytes).get(field) ?? []).map((value) => fieldsOf(value as Uint8Array));
}

/** Returns tensors of a network with one basic block of stride 1, and one whose shortcut has no weights. */
function tinyEncoder(): Map<string, SavedTensor> {
  const encoder = new Map<string, SavedTensor>();
  const add = (name: string, shape: number[]): void => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);
    encoder.set(name, { shape, values });
  };
  const convolved = (conv: string, bn: string, [outputs, inputs]: [number, number]): void => {
    add(`${conv}.weight`, [outputs, inputs, 3, 3]);
    for (const part of ["weight", "bias", "running_mean", "running_var"]) {
      add(`${bn}.${part}`, [outputs]);
    }
  };
  convolved("conv1", "bn1", [4, 3]);
  for (const [block, inputs, outputs] of [["layer1.0", 4, 4], ["layer2.0", 4, 8]] as const) {
    convolved(`${block}.conv1`, `${block}.bn1`, [outputs, inputs]);
    convolved(`${block}.conv2`, `${block}.bn2`, [outputs, outputs]);
  }
  return encoder;
}

for (const stem of ["cifar", "imagenet"] as const) {
  Deno.test(`encoder.onnx asks for IR version 8 and operator set 17 alone, ${stem} stem`, () => {
    const file = onnxEncoder({
      ...{ path: "tiny.safetensors", resnetType: "resnet20", stem, features: 8, sha256: "ab" },
      ...{ step: 1, epoch: 0, config: {}, encoder: tinyEncoder(), state: new Map() },
    });
    const model = fieldsOf(file);
    deepEqual(model.get(MODEL.irVersion), [FORMAT.irVersion]);
    const opsets = messagesOf(file, MODEL.opset);
    deepEqual(opsets.map((opset) => opset.get(OPSET.version)), [[FORMAT.opset]]);
    equal(opsets[0]?.get(OPSET.domain), undefined, "the default domain alone");
    const [graph] = model.get(MODEL.graph) as Uint8Array[];
    const nodes = messagesOf(graph!, GRAPH.node);
    ok(nodes.every((node) => !node.has(NODE.domain)));
    const decoder = new TextDecoder();
    const used = nodes.map((node) => decoder.decode(node.get(NODE.operator)?.[0] as Uint8Array));
    deepEqual([...new Set(used)].sort(), Object.keys(OPERATORS));
    ok(Object.values(OPERATORS).every((version) => version <= FORMAT.opset));
  });
}
