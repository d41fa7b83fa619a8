"""Reads a run with pandas and PyTorch: its options, curves, accuracies, encoder, and embeddings of images.

    deno task embed --checkpoint=RUN_DIR --out=test.parquet --split=test
    python examples/read_run.py RUN_DIR test.parquet
"""

import json
import sys

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

run, embeddings = sys.argv[1:]

with open(f"{run}/config.json") as file:
    config = json.load(file)["config"]
print(f"{config['resnet_type']}, seed {config['seed']}, {config['nb_epochs']} epochs")

rows = pd.read_json(f"{run}/metrics.jsonl", lines=True)
steps = rows[rows.kind == "train"].dropna(axis=1, how="all").set_index("step")
print(steps[["epoch", "loss", "embedding_std", "learning_rate"]].iloc[:: max(1, len(steps) // 5)])
evaluations = rows[rows.kind == "eval"].dropna(axis=1, how="all")
print(evaluations[["epoch", "knn_top1", "top1", "top5", "tested"]])

encoder = load_file(f"{run}/encoder.safetensors")  # torchvision's names; export's card loads it
print(f"encoder: {sum(tensor.numel() for tensor in encoder.values()):,} numbers")

table = pd.read_parquet(embeddings)
features = torch.tensor(np.stack(table.embedding), dtype=torch.float32)
features = torch.nn.functional.normalize(features)
similarity = features @ features.T
similarity.fill_diagonal_(-1)
nearest = torch.tensor(table.label)[similarity.argmax(1)]
print(f"same class as the nearest image: {100 * (nearest == torch.tensor(table.label)).float().mean():.2f} %")
