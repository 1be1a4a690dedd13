#!/usr/bin/env python
"""Writes TorchFilesTests/Fixtures: small files of torch.save as they are found, good ones, and ones that call something or
hold no tensors."""

import builtins
import collections
import pathlib

import torch

OUT = pathlib.Path(__file__).parents[1] / "TorchFilesTests/Fixtures"


class Calls:
    """Pickles as a call, the way a hostile file would."""

    def __reduce__(self):
        return builtins.print, ("the pickle was executed",)


def tensors():
    torch.manual_seed(1)
    return collections.OrderedDict(
        [("a.weight", torch.randn(3, 4)), ("a.bias", torch.randn(3).half()), ("b.weight", torch.randn(2, 3, 2).bfloat16()),
         ("c", torch.arange(5)), ("d", torch.zeros(0, 4))])


def main():
    OUT.mkdir(exist_ok=True)
    plain = tensors()
    module = tensors()
    module._metadata = collections.OrderedDict(a=dict(version=1))
    big = torch.arange(40, dtype=torch.float32)
    shared = {"t": big[4:16].view(3, 4).t(), "u": big[20:26].view(2, 3)}
    files = {
        "plain": dict(plain), "module": module, "nested": {"epoch": 3, "lr": 1e-4, "done": True, "state_dict": plain},
        "parameters": {k: torch.nn.Parameter(v, requires_grad=v.is_floating_point()) for k, v in plain.items()},
        "strided": shared, "fp8": {"w": torch.randn(4, 4).to(torch.float8_e4m3fn)},
        "call": dict(plain, z=Calls()), "list": list(plain.values()), "expanded": {"e": torch.ones(1).expand(1000, 1000)},
    }
    for name, value in files.items():
        torch.save(value, OUT / f"{name}.pth")
    torch.save(dict(plain), OUT / "legacy.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
