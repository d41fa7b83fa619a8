"""What every oracle script needs: safetensors files with one JSON metadata entry, and a report of differences.

Not run by itself. The scripts run with PYTHONPATH pointing at a folder that holds torch 2.11, torchvision 0.26, numpy,
pillow and safetensors. Each prints one JSON object on stdout and ends with 0 (agreed), 1 (something is out of
tolerance, named in "failures") or 2 (the input could not be read, one line on stderr).
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

# One thread: the order of sums, and so the last bits of PyTorch's float32, must not depend on the machine's core count.
torch.set_num_threads(1)
# On a GPU, too: cuDNN would round the inputs of float32 convolutions to 10 bits by itself.
torch.backends.cudnn.allow_tf32 = False

DTYPES = {"float32": torch.float32, "float64": torch.float64}
WORST_SHOWN = 8
FAILURES_SHOWN = 20


class BadInput(Exception):
    """The files cannot be compared at all: a tensor is missing, has another shape, or metadata is incomplete."""


def load(path):
    """Returns (tensors by name, the object in the metadata entry "byol", {} when there is none)."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        return tensors, json.loads((file.metadata() or {}).get("byol", "{}"))


def save(path, tensors, metadata):
    # clone(): safetensors refuses tensors that share memory, which views of one batch do.
    save_file({n: t.detach().clone().contiguous() for n, t in tensors.items()}, path, {"byol": json.dumps(metadata)})


def need(mapping, key, where):
    if key not in mapping:
        raise BadInput(f"Cannot find {key} in {where}: it has {', '.join(sorted(mapping)[:12])} …")
    return mapping[key]


def below(tensors, prefix):
    """The tensors whose name starts with prefix, without it."""
    return {n[len(prefix):]: t for n, t in tensors.items() if n.startswith(prefix)}


def distance(a, b):
    """Euclidean distance in float64; infinite when shapes differ, so that broadcasting can never hide an error."""
    if a.shape != b.shape:
        return float("inf")
    return (a.double() - b.double()).norm().item()


class Report:
    """Collects (name, difference, allowed); prints the worst ones; a NaN counts as out of tolerance."""

    def __init__(self, what):
        self.rows, self.failures, self.extra = [], [], {"what": what}

    def check(self, name, difference, allowed, note=""):
        ok = difference <= allowed
        self.rows.append((difference / allowed if allowed > 0 else (0.0 if ok else float("inf")), name, difference, allowed))
        if not ok:
            self.failures.append(f"{name}: difference {difference:.3g}, allowed {allowed:.3g}{note}")
        return ok

    def require(self, condition, message):
        """A yes-or-no check, such as bitwise equality or a missing tensor."""
        if not condition:
            self.failures.append(message)

    def same_names(self, ours, truth, where):
        for name in sorted(set(truth) - set(ours)):
            self.failures.append(f"{where}: {name} is missing")
        for name in sorted(set(ours) - set(truth)):
            self.failures.append(f"{where}: {name} is not known to PyTorch's model")

    def finish(self):
        self.rows.sort(key=lambda row: -row[0] if row[0] == row[0] else float("-inf"))
        print(json.dumps({
            **self.extra,
            "ok": not self.failures,
            "compared": len(self.rows),
            "worst": [{"name": n, "difference": d, "allowed": a} for _, n, d, a in self.rows[:WORST_SHOWN]],
            "failureCount": len(self.failures),
            "failures": self.failures[:FAILURES_SHOWN],
        }).replace("Infinity", '"inf"').replace("NaN", '"nan"'), flush=True)
        return 1 if self.failures else 0


def run(main):
    try:
        sys.exit(main())
    except (BadInput, OSError, KeyError, ValueError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
