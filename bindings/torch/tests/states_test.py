"""Python's memory of a state belongs to the state's own tensors, not to the tensors of the next call.

A fresh hook has made no step: its first evaluation makes 15 steps and stores the result in the buffers of that call.
"""

import copy
import pickle
import unittest

import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, jvp, stack_module_state, vmap

import sigmax.torch
from common import OURS_OLD, TestCase, close, largest
from known_layer import CLOSE, X, cloned, weighted
from sigmax.torch.nn.utils import remove_spectral_norm

# Tolerance after 15 steps of the power iteration from random vectors, for the spectra of the matrices below.
WARM = 0.1


def hooked(seed=0, training=False):
    return OURS_OLD(weighted(seed)).train(training)


def norm(output):
    return largest(output.detach().T)


class Hook(TestCase):
    def assert_warm(self, output):
        self.assertLess(abs(norm(output) - 1), WARM)

    def test_copies_of_the_buffers_first(self):
        for seed in range(5):
            layer = hooked(seed)
            parameters, buffers = dict(layer.named_parameters()), dict(layer.named_buffers())
            copies, before = cloned(buffers), cloned(buffers)
            self.assert_warm(functional_call(layer, (parameters, copies), (X,)))
            for name, buffer in buffers.items():
                self.assertTrue(torch.equal(buffer, before[name]))
                self.assertFalse(torch.equal(copies[name], before[name]))
            self.assert_warm(layer(X))

    def test_the_modules_own_buffers_first(self):
        for seed in range(5):
            layer = hooked(seed)
            copies = cloned(dict(layer.named_buffers()))
            self.assert_warm(layer(X))
            self.assert_warm(functional_call(layer, (dict(layer.named_parameters()), copies), (X,)))

    def test_a_training_step_of_copies_is_none_of_the_modules_own(self):
        for seed in range(5):
            layer = hooked(seed, training=True)
            copies = cloned(dict(layer.named_buffers()))
            functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            layer.eval()
            self.assert_warm(layer(X))

    def test_copies_of_a_stepped_state_are_taken_as_they_are(self):
        for seed in range(5):
            layer = hooked(seed, training=True)
            layer(X)
            layer.eval()
            copies = cloned(dict(layer.named_buffers()))
            start = cloned(copies)
            output = functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            close(self, output, layer(X), CLOSE)
            for name in copies:
                self.assertTrue(torch.equal(copies[name], start[name]))

    def test_a_stepped_state_is_the_modules_own_whatever_else_was_called(self):
        layer = hooked(3, training=True)
        layer(X)
        with torch.no_grad():
            layer.weight_orig.normal_()  # far from what the state has seen; as in PyTorch, evaluation makes no step
        layer.eval()
        expected = layer(X)
        fresh = hooked(4)
        functional_call(layer, dict(fresh.state_dict()), (X,))
        self.assertTrue(torch.equal(layer(X), expected))

    def test_transforms_on_a_fresh_hook(self):
        for seed in range(4):
            for copies in (False, True):
                layer = hooked(seed)
                parameters = {name: p.detach() for name, p in layer.named_parameters()}
                buffers = dict(layer.named_buffers())
                given = cloned(buffers) if copies else buffers

                def call(parameters):
                    return functional_call(layer, (parameters, given), (X,))

                with self.subTest(seed=seed, copies=copies):
                    self.assert_warm(jvp(call, (parameters,), (parameters,))[0])
                    jacobian = jacrev(call)(parameters)["weight_orig"]
                    # The output is homogeneous of degree 0 in the weight.
                    along = torch.einsum("ijkl,kl->ij", jacobian, parameters["weight_orig"])
                    self.assertLess(along.abs().max().item(), 100 * CLOSE)
                    self.assert_warm(grad(lambda p: (lambda y: (y.sum(), y))(call(p)), has_aux=True)(parameters)[1])
                    self.assert_warm(layer(X))
                    self.assert_warm(functional_call(layer, (parameters, cloned(buffers)), (X,)))

    def test_ensembles_some_fresh_some_loaded_some_stepped(self):
        for base in range(4):
            layers = [hooked(10 * base + k) for k in range(4)]
            layers[1].train()(X)
            layers[1].eval()
            layers[2].load_state_dict(hooked(10 * base + 5).state_dict())
            layers[3].load_state_dict(layers[1].state_dict())
            parameters, buffers = stack_module_state(layers)
            outputs = vmap(lambda p, b: functional_call(layers[0], (p, b), (X,)))(parameters, buffers)
            for k, layer in enumerate(layers):
                with self.subTest(base=base, k=k):
                    close(self, outputs[k], layer(X), CLOSE)
            again = vmap(lambda p, b: functional_call(layers[0], (p, b), (X,)))(parameters, buffers)
            close(self, again, outputs, CLOSE)

    def test_many_weights_on_one_fresh_state(self):
        layer = hooked(1)
        weights = torch.stack([weighted(seed).weight.detach() for seed in range(4)])
        before = cloned(dict(layer.named_buffers()))
        outputs = vmap(lambda w: functional_call(layer, {"weight_orig": w}, (X,)))(weights)
        for output in outputs:
            self.assert_warm(output)
        for name, buffer in layer.named_buffers():
            self.assertTrue(torch.equal(buffer, before[name]))  # no example's state may be stored
        self.assert_warm(layer(X))

    def test_a_transform_leaves_no_weight_of_its_own_behind(self):
        layer = hooked(2)
        expected = layer(X)
        parameters, buffers = stack_module_state([layer])
        vmap(lambda p, b: functional_call(layer, (p, b), (X,)))(parameters, buffers)
        close(self, layer.weight.detach().T, expected.detach(), CLOSE)
        self.assertFalse(layer._forward_hooks)

    def test_copies_of_a_module(self):
        def copied_buffers_first(layer):
            functional_call(layer, (dict(layer.named_parameters()), cloned(dict(layer.named_buffers()))), (X,))
            return copy.deepcopy(layer)

        for seed in range(4):
            for name, make in (
                ("deep copy", copy.deepcopy),
                ("pickle", lambda m: pickle.loads(pickle.dumps(m))),
                ("deep copy of one whose copied buffers were evaluated", copied_buffers_first),
                ("deep copy of one that was evaluated", lambda m: (m(X), copy.deepcopy(m))[1]),
            ):
                with self.subTest(name, seed=seed), torch.no_grad():
                    layer = hooked(seed)
                    copied = make(layer)
                    self.assert_warm(copied(X))
                    self.assert_warm(layer(X))

    def test_loaded_states(self):
        for seed in range(4):
            for assign in (False, True):
                for swap in (False, True):
                    with self.subTest(seed=seed, assign=assign, swap=swap):
                        torch.__future__.set_swap_module_params_on_conversion(swap)
                        self.addCleanup(torch.__future__.set_swap_module_params_on_conversion, False)
                        layer = hooked(seed)
                        with torch.no_grad():
                            layer(X)
                        layer.load_state_dict(hooked(seed + 50).state_dict(), assign=assign)  # a fresh one
                        self.assert_warm(layer(X))

    def test_buffers_that_are_replaced_or_written_to(self):
        def normal(t):
            return torch.nn.functional.normalize(torch.randn_like(t), dim=0)

        def replace(layer):
            layer.weight_u, layer.weight_v = normal(layer.weight_u), normal(layer.weight_v)

        def write(layer):
            layer.weight_u.copy_(normal(layer.weight_u))
            layer.weight_v.copy_(normal(layer.weight_v))

        def swap(layer):
            for buffer in (layer.weight_u, layer.weight_v):
                torch.utils.swap_tensors(buffer, normal(buffer))

        for seed in range(4):
            for change in (replace, write, swap):
                with self.subTest(change.__name__, seed=seed):
                    layer = hooked(seed)
                    layer(X)
                    change(layer)
                    self.assert_warm(layer(X))

    def test_small_weights_of_loaded_states(self):
        # With one row every u is parallel to W v; with two or three it often nearly is.
        for rows, columns in ((1, 6), (2, 6), (3, 4), (6, 1), (5, 2)):
            for seed in range(20):
                torch.manual_seed(seed)
                fresh = OURS_OLD(nn.Linear(columns, rows, bias=False)).double()
                layer = OURS_OLD(nn.Linear(columns, rows, bias=False)).double().eval()
                layer.load_state_dict(fresh.state_dict())
                layer(torch.randn(2, columns, dtype=torch.float64))
                self.assertLess(largest(layer.weight), 1.3, (rows, columns, seed))

    def test_a_zero_weight_teaches_nothing(self):
        for training in (False, True):
            layer = hooked(5, training)
            kept = layer.weight_orig.detach().clone()
            with torch.no_grad():
                layer.weight_orig.zero_()
            layer(X)
            with torch.no_grad():
                layer.weight_orig.copy_(kept)
            self.assert_warm(layer.eval()(X))

    def test_scripted_and_compiled_modules(self):
        for seed in range(3):
            scripted = torch.jit.script(hooked(seed, training=True))
            scripted.eval()
            self.assert_warm(scripted(X))
            scripted.load_state_dict(hooked(seed + 30).state_dict())
            self.assert_warm(scripted(X))
            torch._dynamo.reset()
            layer = hooked(seed)
            compiled = torch.compile(layer, backend="aot_eager")
            copies = cloned(dict(layer.named_buffers()))
            functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            self.assert_warm(compiled(X))
            layer.load_state_dict(hooked(seed + 30).state_dict())
            self.assert_warm(compiled(X))
            self.assert_warm(layer(X))

    def test_removed_and_certified(self):
        for seed in range(3):
            layer = hooked(seed)
            copies = cloned(dict(layer.named_buffers()))
            functional_call(layer, (dict(layer.named_parameters()), copies), (X,))
            self.assertLess(abs(sigmax.torch.certify(layer).upper - 1), WARM)
            with torch.no_grad():
                layer.weight_orig.mul_(5)
            self.assertLess(abs(sigmax.torch.certify(layer).upper - 1), WARM)
            layer = hooked(seed)
            functional_call(layer, (dict(layer.named_parameters()), cloned(copies)), (X,))
            functional_call(layer, (dict(layer.named_parameters()), cloned(dict(layer.named_buffers()))), (X,))
            remove_spectral_norm(layer)
            self.assert_warm(layer(X))


class Ready(TestCase):
    """apply() computes the weights before a pass; within it a part may be called with other tensors."""

    def model(self, body):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = weighted(0)

            def forward(self, x):
                return body(self.layer, x)

        model = Model()
        sigmax.torch.apply(model)
        return model

    def test_a_part_that_is_called_with_other_tensors(self):
        name = "parametrizations.weight.original"
        other = weighted(6).weight.detach()
        model = self.model(lambda layer, x: functional_call(layer, {name: other}, (x,))).eval()
        alone = copy.deepcopy(model.layer)
        with torch.no_grad():
            alone.parametrizations.weight.original.copy_(other)
        close(self, model(X), alone(X), CLOSE)

    def test_a_weight_that_is_changed_within_the_pass(self):
        def body(layer, x):
            with torch.no_grad():
                layer.parametrizations.weight.original.mul_(2)
                layer.parametrizations.weight.original[0].zero_()
            return layer(x)

        model = self.model(body).eval()
        output = model(X)
        close(self, output, model.layer(X), CLOSE)

    def test_gradients_in_a_pass_without(self):
        def body(layer, x):
            with torch.enable_grad():
                return layer(x)

        model = self.model(body)
        with torch.no_grad():
            output = model(X)
        output.sum().backward()
        self.assertIsNotNone(model.layer.parametrizations.weight.original.grad)


if __name__ == "__main__":
    unittest.main()
