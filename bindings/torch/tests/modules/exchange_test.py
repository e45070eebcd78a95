#!/usr/bin/env python3
"""A network normalized by PyTorch continues in C++, and the reverse.

    exchange_test.py PROGRAM      # PROGRAM: torch_exchange_steps

For each kind of module and each of PyTorch's two interfaces: PyTorch normalizes it and writes the state dict; C++ reads
it, trains for a few steps and writes its state dict and outputs; PyTorch trains the same steps from the same state with
its own normalization. States and outputs agree to rounding, and PyTorch loads what C++ wrote.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

PROGRAM = None
STEPS = 5
# In each step the module and its gradient amplify the rounding errors of the step before.
TOLERANCE = 1e-11


def inputs(*sizes):
    count = 1
    for size in sizes:
        count *= size
    return torch.arange(count, dtype=torch.float64).mul(0.7).sin().view(sizes)


# The same modules as in module_cases.cpp.
CASES = {
    "Linear": (lambda: nn.Linear(4, 3), (inputs(2, 4),)),
    "Bilinear": (lambda: nn.Bilinear(4, 3, 2), (inputs(2, 4), inputs(2, 3))),
    "Embedding": (lambda: nn.Embedding(7, 4), (torch.arange(6),)),
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3, groups=2), (inputs(2, 4, 8),)),
    "Conv2d": (lambda: nn.Conv2d(3, 5, 3, padding=1, bias=False), (inputs(2, 3, 6, 5),)),
    "Conv3d": (lambda: nn.Conv3d(2, 3, 2), (inputs(1, 2, 3, 4, 3),)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 4, 3), (inputs(1, 3, 5),)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 5, 2, stride=2), (inputs(2, 3, 4, 4),)),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 3, 2), (inputs(1, 2, 2, 3, 2),)),
    "RNN": (lambda: nn.RNN(4, 3), (inputs(5, 2, 4),)),
    "LSTM": (lambda: nn.LSTM(4, 3, num_layers=2, bidirectional=True, proj_size=2), (inputs(5, 2, 4),)),
    "GRU": (lambda: nn.GRU(4, 3, num_layers=2), (inputs(5, 2, 4),)),
    "RNNCell": (lambda: nn.RNNCell(4, 3), (inputs(2, 4),)),
    "LSTMCell": (lambda: nn.LSTMCell(4, 3), (inputs(2, 4),)),
    "GRUCell": (lambda: nn.GRUCell(4, 3), (inputs(2, 4),)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), (inputs(5, 2, 4),) * 3),
    "MultiheadAttention of other sizes": (lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=3),
                                          (inputs(5, 2, 4), inputs(5, 2, 3), inputs(5, 2, 3))),
}

# The old hook has no effect on these modules, or only on a part of them.
NOT_BY_HOOK = ("RNN", "LSTM", "GRU", "MultiheadAttention", "MultiheadAttention of other sizes")


def weights_of(module):
    names = [name for name, _ in module.named_parameters()]
    return [name for name in names if "bias" not in name]


def normalized(make, interface):
    module = make().double()
    for name in weights_of(module):
        *path, own = name.split(".")
        owner = module.get_submodule(".".join(path))
        if interface == "hook":
            nn.utils.spectral_norm(owner, own)
        else:
            parametrizations.spectral_norm(owner, own)
    return module


def flat(output):
    if isinstance(output, torch.Tensor):
        return output.flatten()
    return torch.cat([flat(part) for part in output])


def recurrent(module, x):
    """forward() with the parametrized weights, which nn.RNN, nn.LSTM and nn.GRU do not read."""
    weights = [getattr(module, name) for name in module._flat_weights_names]
    directions = 2 if module.bidirectional else 1
    layers = module.num_layers * directions
    if isinstance(module, nn.LSTM):
        state = (x.new_zeros(layers, x.shape[1], module.proj_size or module.hidden_size),
                 x.new_zeros(layers, x.shape[1], module.hidden_size))
        output, h, c = torch.lstm(x, state, weights, True, module.num_layers, 0.0, module.training,
                                  module.bidirectional, False)
        return output, h, c
    state = x.new_zeros(layers, x.shape[1], module.hidden_size)
    function = torch.gru if isinstance(module, nn.GRU) else torch.rnn_tanh
    return function(x, state, weights, True, module.num_layers, 0.0, module.training, module.bidirectional, False)


def output_of(module, arguments):
    if isinstance(module, nn.RNNBase):
        return flat(recurrent(module, *arguments))
    with parametrize.cached():  # one step per forward, although attention reads in_proj_weight often
        return flat(module(*arguments))


def train(module, arguments):
    outputs = {}
    for step in range(STEPS):
        module.zero_grad()
        y = output_of(module, arguments)
        (y * torch.arange(1, y.numel() + 1, dtype=torch.float64).cos()).sum().backward()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.sub_(0.01 * parameter.grad)
        outputs[f"output.{step}"] = y.detach()
    module.eval()
    outputs["output.eval"] = output_of(module, arguments).detach()
    return outputs


class Exchange(unittest.TestCase):
    def run_interface(self, interface):
        torch.manual_seed(7)
        cases = {name: case for name, case in CASES.items() if interface != "hook" or name not in NOT_BY_HOOK}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            modules = {name: normalized(make, interface) for name, (make, _) in cases.items()}
            for name, module in modules.items():
                torch.save(module.state_dict(), folder / f"{name}.start.pt")
            subprocess.run([PROGRAM, folder, interface, str(STEPS)], check=True)
            for name, module in modules.items():
                with self.subTest(module=name, interface=interface):
                    self.compare(folder, name, module, *cases[name], interface)

    def compare(self, folder, name, module, make, arguments, interface):
        expected = train(module, arguments)
        self.assert_close(torch.load(folder / f"{name}.outputs.pt"), expected)
        written = torch.load(folder / f"{name}.end.pt")
        self.assert_close(written, dict(module.state_dict()))
        self.assert_close(safetensors.torch.load_file(folder / f"{name}.end.safetensors"), written, tolerance=0)

        fresh = normalized(make, interface)
        fresh.load_state_dict(written)
        fresh.eval()
        self.assert_close({"eval": output_of(fresh, arguments).detach()}, {"eval": expected["output.eval"]})

    def assert_close(self, found, expected, tolerance=TOLERANCE):
        self.assertEqual(set(found), set(expected))
        for key, value in expected.items():
            self.assertEqual(found[key].dtype, value.dtype, key)
            self.assertEqual(found[key].shape, value.shape, key)
            difference = (found[key] - value).abs().max().item()
            self.assertLessEqual(difference, tolerance * max(1.0, value.abs().max().item()), key)

    def test_the_parametrization(self):
        self.run_interface("parametrization")

    def test_the_hook(self):
        self.run_interface("hook")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
