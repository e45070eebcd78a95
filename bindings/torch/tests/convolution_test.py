"""spectral_norm(operator=True): the convolution's own norm, against the dense matrix of the layer."""

import copy
import io
import itertools
import math
import random
import unittest

import torch
from common import TestCase, close, rounding
from torch import nn

import sigmax.torch as st

# The state is stepped until sigma agrees with LAPACK to the square of what is left of the second vector.
CONVERGED = 1e-9


def layers(seed=1):
    """(layer, input size): each option that torch's convolutions have, alone and together."""
    g = random.Random(seed)
    cases = [
        (nn.Conv1d(3, 5, 3, padding=1), (20,)),
        (nn.Conv1d(4, 4, 4, stride=3, padding=2, groups=2), (13,)),
        (nn.Conv2d(3, 5, 3, padding=1), (8, 7)),
        (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (9, 8)),
        (nn.Conv2d(2, 3, 4, padding="same"), (8, 7)),
        (nn.Conv2d(2, 3, 3, padding="valid", dilation=2), (8, 7)),
        (nn.Conv3d(2, 3, (3, 1, 2), padding=(1, 0, 1)), (4, 5, 3)),
        (nn.ConvTranspose1d(4, 6, 4, stride=3, padding=1, groups=2), (11,)),
        (nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1, output_padding=1), (5, 6)),
        (nn.ConvTranspose2d(3, 4, 3, dilation=2, output_padding=1), (5, 6)),
        (nn.ConvTranspose3d(2, 3, 2, stride=2), (2, 3, 2)),
    ]
    for mode in ("circular", "reflect", "replicate"):
        cases.append((nn.Conv1d(2, 3, 4, padding=g.randrange(1, 4), padding_mode=mode), (9,)))
        cases.append((nn.Conv2d(3, 4, 3, padding=(2, 1), dilation=g.randrange(1, 3), padding_mode=mode), (6, 7)))
        cases.append((nn.Conv2d(2, 2, 3, stride=2, padding="valid" if mode == "reflect" else 1, padding_mode=mode), (7, 7)))
        cases.append((nn.Conv3d(2, 2, 3, padding=1, padding_mode=mode), (3, 4, 3)))
    for kernel, stride, dilation in itertools.product((1, 2, 3), (1, 2), (1, 2)):
        padding = g.randrange(0, kernel)
        cases.append((nn.Conv2d(2, 3, kernel, stride, padding, dilation), (g.randrange(5, 9), g.randrange(5, 9))))
    return cases


@torch.no_grad()
def matrix_of(layer, size):
    """The layer without bias as a matrix, one column per basis image."""
    weight = layer.weight
    basis = torch.eye(layer.in_channels * math.prod(size), dtype=weight.dtype)
    images = layer(basis.view(-1, layer.in_channels, *size))
    if layer.bias is not None:
        images = images - layer.bias.view(-1, *[1] * len(size))
    return images.flatten(1).T


def norm_of(layer, size):
    return torch.linalg.matrix_norm(matrix_of(layer, size).double(), 2).item()


@torch.no_grad()
def converged(layer):
    """Steps the state until its value stops growing."""
    normalizer, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original
    before = 0.0
    for _ in range(300):
        now = normalizer.iterate(weight, 40).item()
        if abs(now - before) <= 1e-13 * now:
            break
        before = now
    return layer


class ConvolutionTest(TestCase):
    def test_the_norm_of_the_layer_becomes_the_target(self):
        for layer, size in layers():
            with self.subTest(str(layer), size=size):
                layer = layer.double()
                before = norm_of(layer, size)
                st.spectral_norm(layer, operator=True, input_size=size, solver="lanczos", target=2.5)
                converged(layer).eval()
                one = layer.parametrizations.weight[0]
                sigma = one.sigma(layer.parametrizations.weight.original).item()
                self.assertLessEqual(abs(sigma - before), CONVERGED * before)
                self.assertLessEqual(abs(norm_of(layer, size) - 2.5), CONVERGED * 2.5)

    def test_the_reshaped_matrix_gives_another_norm(self):
        layer, size = nn.Conv2d(1, 1, 3, padding=1, bias=False).double(), (64, 64)
        with torch.no_grad():
            layer.weight.fill_(1.0)
        matrix_norm = 3.0
        st.spectral_norm(layer, operator=True, input_size=size)
        # The all-ones kernel is separable: (1 + 2 cos(pi / (n + 1)))^2.
        exact = (1 + 2 * math.cos(math.pi / 65)) ** 2
        sigma = converged(layer).parametrizations.weight[0].sigma(layer.parametrizations.weight.original).item()
        self.assertLessEqual(abs(sigma - exact), 1e-7 * exact)
        self.assertGreater(sigma, 2.9 * matrix_norm)

    def test_gradients_agree_with_finite_differences(self):
        for layer, size in layers():
            with self.subTest(str(layer), size=size):
                layer = layer.double()
                st.spectral_norm(layer, operator=True, input_size=size, learnable_scale=True)
                layer.eval()
                normalizer, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original
                self.assertTrue(torch.autograd.gradcheck(normalizer, (weight,)))
                if len(size) < 3:
                    self.assertTrue(torch.autograd.gradgradcheck(normalizer, (weight,)))
                (layer.weight.sum()).backward()
                self.assertIsNotNone(normalizer.scale.grad)

    def test_the_gradient_of_sigma_is_zero_along_the_normalized_weight(self):
        # d/dW of a function of W / sigma(W) is orthogonal to W, because the function has the same value at c W.
        layer = st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1).double(), operator=True, input_size=(6, 5))
        converged(layer).eval()
        layer(torch.randn(2, 3, 6, 5, dtype=torch.float64)).square().sum().backward()
        weight = layer.parametrizations.weight.original
        along = (weight.grad * weight).sum().abs() / (weight.grad.norm() * weight.norm())
        self.assertLessEqual(along.item(), rounding(6 * 5 * 27, dtype=torch.float64))

    def test_each_precision_steps_toward_the_norm(self):
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            layer, size = nn.Conv2d(3, 6, 3, padding=1).to(dtype), (8, 8)
            exact = norm_of(copy.deepcopy(layer).double(), size)
            st.spectral_norm(layer, operator=True, input_size=size, n_power_iterations=20)
            for _ in range(10):
                layer.weight
            self.assertEqual(layer.weight.dtype, dtype)
            layer.eval()
            found = norm_of(copy.deepcopy(layer).double().eval(), size)
            # Every entry of the normalized weight is rounded, and every entry of u and v.
            self.assertLessEqual(abs(found - 1), 64 * torch.finfo(dtype).eps, f"{dtype}, norm before {exact}")

    def test_the_norm_becomes_one_at_every_scale(self):
        # Where sigma is far below eps, u and v are not unit vectors, as in PyTorch, and only finite weights are promised.
        exponents = {
            torch.float32: (-140, -130, -126, -60, -30, 30, 60, 100, 130),
            torch.float64: (-1065, -1030, -1000, -400, -30, 120, 500, 1000, 1026),
        }
        for dtype, powers in exponents.items():
            torch.manual_seed(5)
            layer, size = nn.Conv2d(3, 4, 3, padding=1, dtype=dtype), (8, 8)
            for power, solver in itertools.product(powers, ("power", "lanczos")):
                with self.subTest(dtype=dtype, power=power, solver=solver):
                    scaled = copy.deepcopy(layer)
                    with torch.no_grad():
                        scaled.weight.mul_(2.0 ** (power // 2)).mul_(2.0 ** (power - power // 2))
                    st.spectral_norm(scaled, operator=True, input_size=size, n_power_iterations=20, solver=solver)
                    for _ in range(40):
                        scaled.weight
                    scaled.eval()
                    self.assertTrue(torch.isfinite(scaled.weight).all())
                    found = norm_of(copy.deepcopy(scaled).double(), size)
                    if power >= -30:
                        self.assertLessEqual(abs(found - 1), 1e-2)  # the second value is close: steps converge slowly
                        scaled.weight.sum().backward()
                        self.assertTrue(torch.isfinite(scaled.parametrizations.weight.original.grad).all())

    def test_a_weight_that_is_small_enough_or_zero_stays_as_it_is_at_every_scale(self):
        for scale in (0.0, 1e-300, 1e-200, 1.0):
            layer = nn.Conv2d(3, 4, 3, padding=1, dtype=torch.float64)
            with torch.no_grad():
                layer.weight.mul_(scale)
            weight = layer.weight.detach().clone()
            st.spectral_norm(layer, operator=True, input_size=(6, 5), at_most=True, target=100.0)
            self.assertTrue(torch.equal(layer.weight, weight))
            layer.weight.sum().backward()
            self.assertTrue(torch.equal(layer.parametrizations.weight.original.grad, torch.ones_like(weight)))

    def test_input_sizes_are_whole_numbers(self):
        for size in ((8.5, 8), 8.0, ("8", 8)):
            with self.assertRaisesRegex(TypeError, "input_size must be"):
                st.spectral_norm(nn.Conv2d(3, 4, 3), operator=True, input_size=size)

    def test_training_steps_and_evaluation_does_not(self):
        layer = st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1), operator=True, input_size=(8, 8))
        one = layer.parametrizations.weight[0]
        with torch.no_grad():
            layer.parametrizations.weight.original.copy_(torch.randn(4, 3, 3, 3))
        before = one._v.clone()
        layer.eval()
        layer(torch.zeros(1, 3, 8, 8))
        self.assertTrue(torch.equal(before, one._v))
        layer.train()
        layer(torch.zeros(1, 3, 8, 8))
        self.assertFalse(torch.equal(before, one._v))

    def test_once_per_step_iterates_when_the_weight_has_changed(self):
        layer = st.spectral_norm(nn.Conv2d(3, 4, 3), operator=True, input_size=(8, 8), once_per_step=True)
        one, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original
        layer.weight
        known = one._v.clone()
        layer.weight
        self.assertTrue(torch.equal(known, one._v))
        with torch.no_grad():
            weight.add_(torch.randn_like(weight))
        layer.weight
        self.assertFalse(torch.equal(known, one._v))

    def test_a_zero_kernel_stays_zero_and_recovers(self):
        layer = nn.Conv2d(2, 3, 3, padding=1).double()
        with torch.no_grad():
            layer.weight.zero_()
        st.spectral_norm(layer, operator=True, input_size=(5, 5))
        self.assertEqual(layer.weight.abs().max().item(), 0)
        with torch.no_grad():
            layer.parametrizations.weight.original.copy_(torch.randn(3, 2, 3, 3))
        converged(layer).eval()
        self.assertLessEqual(abs(norm_of(layer, (5, 5)) - 1), CONVERGED)

    def test_at_most_leaves_a_small_kernel_unchanged(self):
        layer = nn.Conv2d(2, 3, 3, padding=1).double()
        before = layer.weight.detach().clone()
        st.spectral_norm(layer, operator=True, input_size=(5, 5), at_most=True, target=1e3)
        self.assertTrue(torch.equal(layer.weight, before))

    def test_the_norm_at_a_size_bounds_the_norm_at_smaller_sizes(self):
        for layer in (nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, stride=2, padding=1)):
            layer = st.spectral_norm(layer.double(), operator=True, input_size=(12, 12), solver="lanczos")
            converged(layer).eval()
            for size in ((11, 12), (8, 5), (3, 3)):
                self.assertLessEqual(norm_of(layer, size), 1 + CONVERGED)

    def test_certify_encloses_the_operator_norm(self):
        for layer, size in layers():
            with self.subTest(str(layer), size=size):
                layer = layer.double()
                st.spectral_norm(layer, operator=True, input_size=size, solver="lanczos", target=3.0)
                layer.eval()
                exact = norm_of(layer, size)
                found = st.certify(layer)
                self.assertEqual(found.certainty, "proven")
                self.assertLessEqual(found.lower, exact * (1 + rounding(exact, dtype=torch.float64)))
                self.assertGreaterEqual(found.upper, exact * (1 - rounding(exact, dtype=torch.float64)))

    def test_certify_encloses_as_closely_as_it_is_asked(self):
        layer = nn.Conv2d(3, 4, 3, padding=1).double()
        st.spectral_norm(layer, operator=True, input_size=(6, 7), solver="lanczos")
        layer.eval()
        width = lambda found: (found.upper - found.lower) / found.upper
        wide, narrow = st.certify(layer), st.certify(layer, relative_width=1e-6)
        self.assertEqual((wide.certainty, narrow.certainty), ("proven", "proven"))
        self.assertLessEqual(width(wide), 0.02)
        self.assertLessEqual(width(narrow), 1e-6)
        self.assertLessEqual(max(wide.lower, narrow.lower), min(wide.upper, narrow.upper))
        group = st.apply(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 6 * 7, 2)).double(),
                         operator=True, example_inputs=torch.zeros(1, 3, 6, 7, dtype=torch.float64))
        for name, found in group.certify(relative_width=1e-6).items():
            self.assertLessEqual(width(found), 1e-6, name)
        for wrong in (0, -1e-3, 1, float("nan")):
            with self.assertRaisesRegex(ValueError, "relative_width"):
                st.certify(layer, relative_width=wrong)
            with self.assertRaisesRegex(ValueError, "relative_width"):
                st.certify(torch.randn(3, 3), relative_width=wrong)
        geometry = layer.parametrizations.weight[0].geometry
        with self.assertRaisesRegex(ValueError, "relative_width"):
            torch.ops.sigmax.certify_convolution(layer.weight, *geometry, 1.0)

    def test_state_dicts_say_so(self):
        make = lambda size: st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1), operator=True, input_size=size)
        first, second = make((8, 8)), make((8, 8))
        state = first.state_dict()
        self.assertEqual(state["parametrizations.weight.0._input_size"].tolist(), [8, 8])
        second.load_state_dict(state)
        self.assertTrue(torch.equal(first.eval().weight, second.eval().weight))
        with self.assertRaisesRegex(RuntimeError, r"_input_size is \(8, 8\).*inputs of \(4, 16\)"):
            make((4, 16)).load_state_dict(state)
        with self.assertRaisesRegex(RuntimeError, "saved without operator=True"):
            make((8, 8)).load_state_dict(st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1)).state_dict())
        with self.assertRaisesRegex(RuntimeError, "_input_size"):
            st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1)).load_state_dict(state)

    def test_copies_pickles_and_removal(self):
        layer = st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1), operator=True, input_size=(8, 8)).eval()
        weight = layer.weight.detach().clone()
        self.assertTrue(torch.equal(copy.deepcopy(layer).weight, weight))
        buffer = io.BytesIO()
        torch.save(layer.state_dict(), buffer)
        buffer.seek(0)
        other = st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1), operator=True, input_size=8).eval()
        other.load_state_dict(torch.load(buffer, weights_only=True))
        self.assertTrue(torch.equal(other.weight, weight))
        nn.utils.parametrize.remove_parametrizations(layer, "weight")
        self.assertTrue(torch.equal(layer.weight, weight))

    def test_functional_transforms(self):
        layer = st.spectral_norm(nn.Conv2d(2, 3, 3, padding=1).double(), operator=True, input_size=(5, 5)).eval()
        parameters = {name: p.detach() for name, p in layer.named_parameters()}
        buffers = dict(layer.named_buffers())
        x = torch.randn(4, 2, 5, 5, dtype=torch.float64)

        def loss(parameters, x):
            return torch.func.functional_call(layer, (parameters, buffers), (x[None],)).square().sum()

        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x)
        for i in range(4):
            layer.zero_grad()
            layer(x[i : i + 1]).square().sum().backward()
            for name, p in layer.named_parameters():
                close(self, each[name][i], p.grad, rounding(2 * 9 * 25, dtype=torch.float64, factor=64), name)

    def test_compiles(self):
        layer = st.spectral_norm(nn.Conv2d(2, 3, 3, padding=1), operator=True, input_size=(5, 5)).eval()
        x = torch.randn(2, 2, 5, 5)
        compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
        close(self, compiled(x), layer(x), rounding(18 * 25))
        layer.train()
        before = layer.parametrizations.weight[0]._v.clone()
        with torch.no_grad():
            layer.parametrizations.weight.original.normal_()
        compiled(x).sum().backward()
        self.assertFalse(torch.equal(before, layer.parametrizations.weight[0]._v))

    def test_a_scripted_layer_is_refused_and_a_traced_one_works(self):
        layer = st.spectral_norm(nn.Conv2d(2, 3, 3, padding=1), operator=True, input_size=(5, 5)).eval()
        with self.assertRaisesRegex(RuntimeError, "trace the module"):
            torch.jit.script(layer)
        x = torch.randn(2, 2, 5, 5)
        traced = torch.jit.trace(layer, x)
        close(self, traced(x), layer(x), rounding(18 * 25))

    def test_apply_learns_the_sizes_of_a_model(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Conv2d(3, 4, 3, padding=1)
                self.norm = nn.BatchNorm2d(4)
                self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)
                self.last = nn.Linear(6 * 4 * 4, 10)

            def forward(self, x):
                x = torch.relu(self.norm(self.first(x)))
                return self.last(torch.relu(self.second(x)).flatten(1))

        model = Net().double()
        x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
        mean = model.norm.running_mean.clone()
        normalized = st.apply(model, operator=True, example_inputs=x, solver="lanczos", n_power_iterations=30)
        self.assertTrue(torch.equal(mean, model.norm.running_mean))
        self.assertTrue(model.training and model.norm.training)
        for layer in (model.first, model.second):
            self.assertEqual(layer.parametrizations.weight[0].input_size, (8, 8))
        for _ in range(20):
            with torch.no_grad():
                for layer in (model.first, model.second, model.last):
                    layer.parametrizations.weight.original.mul_(1.0)  # a change, so that the next pass makes a step
            model(x)
        model.eval()
        self.assertLessEqual(abs(norm_of(model.first, (8, 8)) - 1), 1e-6)
        self.assertLessEqual(abs(norm_of(model.second, (8, 8)) - 1), 1e-6)
        for name, found in normalized.certify().items():
            self.assertEqual(found.certainty, "proven", name)
            self.assertLessEqual(found.lower, 1 + 1e-6)
            self.assertGreaterEqual(found.upper, 1 - 1e-6)
        output = model(x)
        normalized.remove()
        self.assertTrue(torch.equal(output, model(x)))
        with self.assertRaisesRegex(ValueError, "needs example_inputs"):
            st.apply(Net(), operator=True)

        class Unused(Net):
            def forward(self, x):
                return self.first(x)

        with self.assertRaisesRegex(ValueError, "does not call 'second'"):
            st.apply(Unused().double(), operator=True, example_inputs=x)

    def test_what_is_refused(self):
        conv = lambda **o: nn.Conv2d(4, 6, 3, **o)
        for layer, options, message in [
            (conv(), {}, "needs input_size"),
            (conv(), {"input_size": (8, 8), "dim": 0}, "leave dim off"),
            (conv(), {"input_size": (8, 8), "blocks": 2}, "leave blocks off"),
            (conv(), {"input_size": (8, 8), "scale_output": True}, "leave scale_output off"),
            (conv(), {"input_size": (8,)}, "to have 2 entries"),
            (conv(), {"input_size": (2, 8)}, "too small for a kernel"),
            (conv(), {"input_size": (0, 8)}, "must be positive"),
            (conv(padding=4, padding_mode="reflect"), {"input_size": (4, 4)}, "reflects beyond"),
            (conv(padding=5, padding_mode="circular"), {"input_size": (4, 4)}, "wraps around"),
            (nn.Linear(3, 4), {"input_size": (8, 8)}, "needs the weight of a convolution"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                st.spectral_norm(layer, operator=True, **options)
        with self.assertRaisesRegex(ValueError, "only with operator=True"):
            st.spectral_norm(conv(), input_size=(8, 8))


if __name__ == "__main__":
    unittest.main()
