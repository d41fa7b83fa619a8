"""What NumPy and PyArrow read in files of embeddings, as one JSON object.

  python features_read.py FEATURES.npy FEATURES.parquet
"""

import json
import sys

import numpy
import pyarrow.parquet

npy, parquet = sys.argv[1:]
base = npy.removesuffix(".npy")
features = numpy.load(npy, allow_pickle=False)
labels = numpy.load(f"{base}.labels.npy", allow_pickle=False)
table = pyarrow.parquet.read_table(parquet)
embedding = table.column("embedding")
json.dump(
    {
        "npy": {
            "dtypes": [str(features.dtype), str(labels.dtype)],
            "features": features.tolist(),
            "labels": labels.tolist(),
            "names": open(f"{base}.names.txt").read().splitlines(),
        },
        "parquet": {
            "types": {field.name: str(field.type) for field in table.schema},
            "features": embedding.to_pylist(),
            "labels": table.column("label").to_pylist(),
            "names": table.column("name").to_pylist(),
            "classes": table.column("class").to_pylist(),
        },
    },
    sys.stdout,
)
