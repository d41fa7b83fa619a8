"""Runs an exported encoder in whichever ONNX Runtime PYTHONPATH holds; imports nothing but that and NumPy.

  python onnx_older.py FOLDER

FOLDER holds encoder.onnx, and outputs.safetensors: what the Deno program made of `input`. Prints, as JSON, the versions, and
the largest difference of a batch of one image and of all, relative to the largest number of `output.eval`.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime


def float32_tensors(path):
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = (start + offset for offset in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors


def main():
    folder = pathlib.Path(sys.argv[1])
    outputs = float32_tensors(folder / "outputs.safetensors")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
    )
    differences = {}
    for count in (1, len(outputs["input"])):
        embedding, = session.run(None, {"images": outputs["input"][:count]})
        truth = outputs["output.eval"][:count]
        differences[count] = float(abs(embedding - truth).max() / abs(truth).max())
    print(json.dumps({"onnxruntime": onnxruntime.__version__, "numpy": numpy.__version__, "differences": differences}))


if __name__ == "__main__":
    main()
