"""Gradient checkpointing of normalized weights."""

import copy
import unittest

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import sigmax.torch
from common import OURS_NEW, TORCH_NEW, TestCase, close
from func_test import CLOSE, apply_to, each_layer


class Checkpointing(TestCase):
    """The forward pass runs again during the backward pass, where a step of the state would be one too many."""

    def gradients(self, normalize, reentrant, **options):
        torch.manual_seed(6)
        model = nn.Sequential(nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 20)).double()
        normalize(model, **options)
        with torch.no_grad():
            for parameter in model.parameters():  # like an optimizer's step, but larger
                parameter.normal_()
        x = torch.randn(6, 20, dtype=torch.float64, requires_grad=True)
        if reentrant is None:
            y = model(x)
        else:
            y = checkpoint(model, x, use_reentrant=reentrant)
        (y**2).sum().backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    def test_checkpointing_is_right_with_once_per_step(self):
        for normalize in (each_layer(OURS_NEW), apply_to):
            plain = self.gradients(normalize, None, once_per_step=True)
            for reentrant in (True, False):
                with self.subTest(reentrant=reentrant):
                    found = self.gradients(normalize, reentrant, once_per_step=True)
                    close(self, found, plain, CLOSE)

    def test_without_it_the_recomputed_weight_is_another_one_as_in_torch(self):
        plain = self.gradients(each_layer(OURS_NEW), None)
        for reentrant in (True, False):
            mine = self.gradients(each_layer(OURS_NEW), reentrant)
            theirs = self.gradients(each_layer(TORCH_NEW), reentrant)
            close(self, mine, theirs, CLOSE)  # the same default
            self.assertGreater(((mine - plain).abs().max() / plain.abs().max()).item(), 0.01)  # and its price

    def test_checkpointed_parts_of_a_model(self):
        torch.manual_seed(7)

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList(nn.Linear(12, 12) for _ in range(3))
                self.checkpointed = True

            def forward(self, x):
                for layer in self.layers:
                    x = checkpoint(layer, x, use_reentrant=False) if self.checkpointed else layer(x)
                    x = torch.tanh(x)
                return x

        model = Model().double()
        sigmax.torch.apply(model)
        other = Model().double()
        sigmax.torch.apply(other)
        for m in (other, model):  # both are written to
            m.load_state_dict(copy.deepcopy(model.state_dict()))
        other.checkpointed = False
        optimizers = [torch.optim.SGD(m.parameters(), lr=0.5) for m in (model, other)]
        x = torch.randn(5, 12, dtype=torch.float64)
        for _ in range(5):
            for m, optimizer in zip((model, other), optimizers):
                optimizer.zero_grad()
                ((m(x) - 1) ** 2).sum().backward()
                optimizer.step()
        for (name, mine), (_, expected) in zip(model.state_dict().items(), other.state_dict().items()):
            close(self, mine, expected, 1e3 * CLOSE, name)


if __name__ == "__main__":
    unittest.main()
