"""once_per_step: a step is made for new values of the weight, and for no others."""

import copy
import unittest

import torch
from torch import nn
from torch.func import functional_call, vmap

import sigmax.torch
from common import OURS_NEW, TestCase, close
from known_layer import CLOSE, COLUMNS, ROWS, X, cloned, weighted


class OncePerStep(TestCase):
    """A step is made if the state in use has not been stepped for the weight's present values."""

    def make(self, seed=0, **options):
        return OURS_NEW(weighted(seed), once_per_step=True, **options)

    def u(self, layer):
        return layer.parametrizations.weight[0]._u

    def new_weight(self, layer, seed=9):
        with torch.no_grad():
            layer.parametrizations.weight.original.copy_(weighted(seed).weight)

    def test_copies_of_the_buffers_first(self):
        for options in ({}, {"scale_output": True}):
            layer = self.make(**options)
            self.new_weight(layer)
            copies, before = cloned(dict(layer.named_buffers())), self.u(layer).clone()
            parameters = dict(layer.named_parameters())
            expected = functional_call(layer, (parameters, copies), (X,))
            self.assertTrue(torch.equal(self.u(layer), before))
            output = layer(X)
            self.assertFalse(torch.equal(self.u(layer), before))
            close(self, output, expected, CLOSE)
            once = cloned({"u": self.u(layer)})["u"]
            layer(X)
            self.assertTrue(torch.equal(self.u(layer), once))

    def test_the_modules_own_buffers_first(self):
        for options in ({}, {"scale_output": True}):
            layer = self.make(**options)
            self.new_weight(layer)
            copies = cloned(dict(layer.named_buffers()))
            expected = layer(X)
            output = functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            close(self, output, expected, CLOSE)
            again = cloned(copies)
            functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            for name in copies:
                self.assertTrue(torch.equal(copies[name], again[name]))
            state = self.u(layer).clone()
            layer(X)  # has seen the weight, whatever was called in between
            self.assertTrue(torch.equal(self.u(layer), state))

    def test_whole_models(self):
        model = nn.Sequential(weighted(1), nn.Linear(ROWS, 5).double())
        sigmax.torch.apply(model)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
        copies = cloned(dict(model.named_buffers()))
        expected = functional_call(model, (dict(model.named_parameters()), copies), (X,))
        close(self, model(X), expected, CLOSE)
        close(self, model(X), expected, CLOSE)

    def test_a_state_that_is_set_back_makes_its_step_again(self):
        layer = self.make()
        self.new_weight(layer)
        start = cloned(layer.state_dict())
        expected = layer(X)
        with torch.no_grad():
            for name, buffer in layer.named_buffers():
                buffer.copy_(start[name])
        close(self, layer(X), expected, CLOSE)

    def test_deep_copies_and_assigned_state_dicts(self):
        layer = self.make()
        self.new_weight(layer)
        other = copy.deepcopy(layer)
        expected = layer(X)
        close(self, other(X), expected, CLOSE)
        third = self.make(4)
        third(X)
        fresh = copy.deepcopy(third)
        start = self.make(5)
        self.new_weight(start)
        for assign in (False, True):
            state = copy.deepcopy(start.state_dict())
            third.load_state_dict(state, assign=assign)
            fresh.load_state_dict(copy.deepcopy(state))
            close(self, third(X), fresh(X), CLOSE)

    def test_data_that_is_replaced_is_another_weight(self):
        layer = self.make()
        layer(X)
        other = copy.deepcopy(layer)
        new = weighted(7).weight.detach()
        layer.parametrizations.weight.original.data = new.clone()
        with torch.no_grad():
            other.parametrizations.weight.original.copy_(new)
        close(self, layer(X), other(X), CLOSE)

    def test_swapped_tensors(self):
        torch.__future__.set_swap_module_params_on_conversion(True)
        self.addCleanup(torch.__future__.set_swap_module_params_on_conversion, False)
        layer = self.make()
        with torch.no_grad():
            layer(X)
        layer.load_state_dict(copy.deepcopy(self.make(3).state_dict()))
        layer.float().double()
        state = self.u(layer).clone()
        layer(X)
        self.assertFalse(torch.equal(self.u(layer), state))

    def test_a_call_that_fails_has_seen_nothing(self):
        layer = self.make()
        self.new_weight(layer)
        weight = layer.parametrizations.weight.original
        scales = torch.tensor([1.0, 2.0], dtype=torch.float64)
        name = "parametrizations.weight.original"
        with self.assertRaises(RuntimeError):
            vmap(lambda s: functional_call(layer, {name: weight.detach() * s}, (X,)))(scales)
        one, u = layer.parametrizations.weight[0], self.u(layer)
        one._u = torch.randn(3, dtype=torch.float64)
        with self.assertRaises(RuntimeError):
            layer(X)
        one._u = u
        state = u.clone()
        layer(X)
        self.assertFalse(torch.equal(u, state))

    def test_memory_of_weights_is_not_kept(self):
        layer = self.make()
        one = layer.parametrizations.weight[0]
        name = "parametrizations.weight.original"
        for _ in range(20):
            weight = torch.randn(ROWS, COLUMNS, dtype=torch.float64)
            functional_call(layer, ({name: weight}, cloned(dict(layer.named_buffers()))), (X,))
        self.assertLess(len(one._seen._entries), 5)


if __name__ == "__main__":
    unittest.main()
