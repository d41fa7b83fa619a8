"""Files of torch.save, for our reader.

  python torch_files.py forms FOLDER
      Writes a file in each form that weights are saved in, and prints {file: {tensor's name: shape}} as torch.load finds
      them, names within a dictionary joined by dots.
  python torch_files.py hostile FOLDER
      Writes files that do something when they are loaded the old way (they make the file FOLDER/ran), and files that are
      no weights; prints {file: what an error has to name}.
"""

import collections
import json
import os
import sys

import torch


def shapes(value):
    found = {}
    for key, item in value.items():
        if isinstance(item, torch.Tensor):
            found[key] = list(item.shape)
        elif isinstance(item, dict):
            found.update({f"{key}.{name}": list(t.shape) for name, t in item.items() if isinstance(t, torch.Tensor)})
    return found


def write_forms(folder):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    last = network.state_dict()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    kinds = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
    forms = {
        "state.pt": last,
        "renamed.safetensors": last,
        "last.pt": torch.nn.Conv2d(8, 4, 3).to(memory_format=torch.channels_last).state_dict(),
        "kinds.pt": {str(kind): torch.ones(2, 3).to(kind) for kind in [*kinds, torch.bool]},
        "parameters.pt": dict(network.named_parameters()),
        "training.pt": {"last_epoch": 7, "log_dir": "runs/a", "model": last, "momentum_model": dict(last),
                        "optimizer_repr": optimizer.state_dict(), "lr": 1e-3, "seeds": [1, 2**40, -3, None, True]},
        "views.pt": {"tied": last["0.weight"], "again": last["0.weight"], "row": last["0.weight"][1], "none": torch.zeros(0, 3)},
    }
    for name, value in forms.items():
        torch.save(value, os.path.join(folder, name))
    torch.save(last, os.path.join(folder, "protocol4.pt"), pickle_protocol=4)
    forms["protocol4.pt"] = last
    # The file is ours: torch.load itself does not read frames with weights_only.
    return {name: shapes(torch.load(os.path.join(folder, name), weights_only=name != "protocol4.pt")) for name in forms}


class Command:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


def write_hostile(folder):
    ran = os.path.join(folder, "ran")
    weight = torch.ones(4, 3)
    cases = {
        "system.pt": ({"conv1.weight": weight, "x": Command((os.system, (f"touch {ran}",)))}, "'posix.system'"),
        "open.pt": ({"conv1.weight": weight, "x": Command((open, (ran, "w")))}, ".open'"),
        "eval.pt": (Command((eval, (f"open({ran!r}, 'w')",))), ".eval'"),
        "set.pt": ({"x": {1, 2}}, ".set'"),
        "module.pt": (torch.nn.Linear(2, 3), "'torch.nn.modules.linear.Linear'"),
        "array.pt": ({"x": weight.numpy()}, ".multiarray._reconstruct'"),
        "tensor.pt": (weight, "does not hold a dictionary"),
        "expanded.pt": ({"w": torch.ones(4, 1).expand(4, 9)}, "let elements overlap"),
        "sliced.pt": ({"w": weight[:, :2]}, "leave holes"),
        "sparse.pt": ({"w": weight.to_sparse()}, "'torch._utils._rebuild_sparse_tensor'"),
        "quantized.pt": ({"w": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8)}, "'torch._utils._rebuild_qtensor'"),
        "unsigned.pt": ({"w": weight.to(torch.uint16)}, "'torch._utils._rebuild_tensor_v3'"),
        "complex.pt": ({"w": weight.to(torch.complex64)}, "'torch.ComplexFloatStorage'"),
    }
    for name, (value, _) in cases.items():
        torch.save(value, os.path.join(folder, name))
    expected = {name: words for name, (_, words) in cases.items()}
    torch.save({"w": weight}, os.path.join(folder, "legacy.pt"), _use_new_zipfile_serialization=False)
    expected["legacy.pt"] = "before PyTorch 1.6"
    scripted = torch.jit.script(torch.nn.Linear(2, 3))
    torch.jit.save(scripted, os.path.join(folder, "script.pt"))
    expected["script.pt"] = "is compressed"
    return expected


if __name__ == "__main__":
    what, target = sys.argv[1:]
    print(json.dumps({"forms": write_forms, "hostile": write_hostile}[what](target)))
