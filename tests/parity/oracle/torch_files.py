"""Files of torch.save, for our reader.

  python torch_files.py forms FOLDER
      Writes a file in each form that weights are saved in, and prints {file: {tensor's name: shape}} as torch.load finds
      them, names within a dictionary joined by dots.
  python torch_files.py encoders FOLDER
      Writes random weights of ResNet-18 and ResNet-50 (7x7 stem) as torchvision and the reference program keep them, and
      expected.safetensors: `input`, and for each file `features.<file>`, what torchvision's encoder makes of it in eval
      mode; prints {file: network}.
  python torch_files.py wrap ENCODER FOLDER
      Writes an encoder file of ours as the reference program's checkpoint (model.pt), and as torchvision's with a classifier
      (flat.pt); stem.pt is it with a first convolution of 7x7.
  python torch_files.py hostile FOLDER
      Writes files that do something when they are loaded the old way (they make the file FOLDER/ran), and files that are
      no weights; prints {file: what an error has to name}.
"""

import collections
import json
import os
import sys

import torch
import torchvision
from safetensors.torch import save_file

from models import encoder, head, randomise


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


def features(network, state, images):
    own = encoder(network, "imagenet")
    own.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()})
    with torch.no_grad():
        return own.eval()(images).contiguous()


def original(state, other):
    """What the reference program saves: the online network, the target network, and texts about the rest."""
    heads = {f"{name}.{key}": tensor for name in ("proj_head_inv", "predictor_inv") for key, tensor in head(8, 4, 2).state_dict().items()}
    online = collections.OrderedDict({f"resnet.{key}": tensor for key, tensor in state.items()} | heads)
    target = collections.OrderedDict({f"m_resnet.{key}": tensor for key, tensor in other.items()}
                                     | {f"m_{key}": tensor for key, tensor in heads.items() if key.startswith("proj")})
    return {"last_epoch": 799, "log_dir": "runs/byol", "model": online, "momentum_model": target, "optimizer_repr": "LARS(...)",
            "warm_up_scheduler_repr": {"last_epoch": 970}, "cosine_scheduler_repr": {"last_epoch": 77600, "base_lrs": [2.0]}}


def behind(prefix, state):
    return {f"{prefix}{key}": tensor for key, tensor in state.items()}


def by_number(state):
    """The names of Sequential(*resnet.children()), as lightly's examples have them."""
    numbers = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    return {f"{numbers[key.split('.')[0]]}.{key.split('.', 1)[1]}": tensor for key, tensor in state.items()}


def other_programs(state, other):
    """A ResNet as other programs' checkpoints keep it, with what stands beside it; `other` is a momentum encoder."""
    head = {"0.weight": torch.ones(4, 512), "2.bias": torch.ones(4)}
    classifier = {"fc.weight": torch.ones(10, 512), "fc.bias": torch.ones(10)}
    lightning = {"epoch": 9, "global_step": 70, "pytorch-lightning_version": "2.4.0", "optimizer_states": [], "lr_schedulers": []}
    return {
        "ddp.pt": {"epoch": 90, "arch": "resnet18", "state_dict": behind("module.", state | classifier), "best_acc1": torch.tensor(69.8)},
        "solo.pt": lightning | {"state_dict": behind("backbone.", state) | behind("momentum_backbone.", other)
                                | behind("projector.", head) | {"classifier.weight": torch.ones(10, 512)}},
        "lightly.pt": lightning | {"state_dict": behind("backbone.", by_number(state)) | behind("backbone_momentum.", by_number(other))
                                   | behind("projection_head.layers.", head)},
        "mmpretrain.pt": {"meta": {"epoch": 200, "dataset_meta": None}, "message_hub": {},
                          "state_dict": behind("backbone.", state) | behind("target_net.0.", other) | behind("neck.", head)},
        "moco.pt": {"epoch": 200, "state_dict": behind("module.encoder_q.", state) | behind("module.encoder_k.", other)
                    | behind("module.encoder_q.fc.", head) | {"module.queue": torch.ones(128, 4)}},
        "model.pt": {"model": behind("encoder.", state) | behind("head.", head), "epoch": 3},
        "net.pt": behind("net.", state),
    }


def write_encoders(folder):
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(3, 3, 64, 64)
    expected, networks = {"input": images}, {}

    def write(name, network, value, state):
        torch.save(value, os.path.join(folder, name))
        networks[name], expected[f"features.{name}"] = network, features(network, state, images)

    for network in ("resnet18", "resnet50"):
        whole = getattr(torchvision.models, network)()
        randomise(whole, generator)
        flat = whole.state_dict()
        state = {key: tensor for key, tensor in flat.items() if not key.startswith("fc.")}
        another = getattr(torchvision.models, network)()
        randomise(another, generator)
        other = {key: tensor for key, tensor in another.state_dict().items() if not key.startswith("fc.")}
        write(f"torchvision.{network}.pt", network, flat, state)
        write(f"original.{network}.pt", network, original(state, other), state)
        save_file(state, os.path.join(folder, f"plain.{network}.safetensors"))
        networks[f"plain.{network}.safetensors"] = network
        expected[f"features.plain.{network}.safetensors"] = features(network, state, images)
    fourth = torchvision.models.resnet18()
    randomise(fourth, generator)
    state = {key: tensor for key, tensor in fourth.state_dict().items() if not key.startswith("fc.")}
    last = {key: tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor for key, tensor in state.items()}
    write("last.pt", "resnet18", last, state)
    for name, kind in (("half", torch.float16), ("bfloat16", torch.bfloat16)):
        small = {key: tensor.to(kind) if tensor.is_floating_point() else tensor for key, tensor in state.items()}
        write(f"{name}.pt", "resnet18", small, small)
    uncounted = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    torch.save(uncounted, os.path.join(folder, "uncounted.pt"))
    networks["uncounted.pt"], expected["features.uncounted.pt"] = "resnet18", expected["features.last.pt"].clone()
    parallel = {f"module.{key}": tensor for key, tensor in original(state, other)["model"].items()}
    write("parallel.pt", "resnet18", {"model": parallel}, state)
    write("online.pt", "resnet18", original(state, other)["model"], state)
    for name, value in other_programs(state, other).items():
        write(name, "resnet18", value, state)
    torch.save(behind("backbone.", state) | behind("encoder.", other), os.path.join(folder, "two.pt"))
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    torch.save({key: tensor.double() if tensor.is_floating_point() else tensor for key, tensor in state.items()},
               os.path.join(folder, "double.pt"))
    torch.save({"a.weight": torch.ones(2)}, os.path.join(folder, "none.pt"))
    torch.save(state | {"layer9.0.extra": torch.ones(2)}, os.path.join(folder, "extra.pt"))
    del state["layer2.0.bn1.bias"]
    torch.save(state, os.path.join(folder, "missing.pt"))
    return networks


def wrap(file, folder):
    from safetensors.torch import load_file
    state = load_file(file)
    torch.save(original(state, {key: torch.zeros_like(tensor) for key, tensor in state.items()}), os.path.join(folder, "model.pt"))
    torch.save(state | {"fc.weight": torch.ones(10, 64), "fc.bias": torch.ones(10)}, os.path.join(folder, "flat.pt"))
    first = torch.ones(len(state["conv1.weight"]), 3, 7, 7)
    torch.save(state | {"conv1.weight": first}, os.path.join(folder, "stem.pt"))
    return {}


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


def main():
    what, *targets = sys.argv[1:]
    actions = {"forms": write_forms, "encoders": write_encoders, "wrap": wrap, "hostile": write_hostile}
    print(json.dumps(actions[what](*targets)))


if __name__ == "__main__":
    main()
