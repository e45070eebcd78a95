"""convolution_norm and convolution_penalty against the dense matrix of the layer, differences and torch.linalg."""

import copy
import itertools
import math
import unittest

import torch
from common import TestCase, close, rounding
from convolution_test import layers, matrix_of, norm_of
from torch import nn

import sigmax.torch as st

# What the solver leaves of sigma is at most its tolerance; the gradient turns by its root over the gap.
SOLVED = 1e-8


def dense_gradient(layer, size):
    """d sigma / dK by torch.linalg on the layer's matrix, which torch's own convolution makes."""
    weight = layer.weight.detach().clone().requires_grad_()
    images = torch.eye(layer.in_channels * math.prod(size), dtype=weight.dtype).view(-1, layer.in_channels, *size)
    made = torch.func.functional_call(layer, {"weight": weight, "bias": None}, (images,))
    torch.linalg.matrix_norm(made.flatten(1), 2).backward()
    return weight.grad


def symbol_norm(kernel, point):
    """|F(t)| of an [out, in, k, k] kernel at one point of the torus, for stride 1."""
    k = torch.arange(kernel.shape[2], dtype=torch.float64)
    phase = torch.exp(1j * (point[0] * k[:, None] + point[1] * k[None, :]))
    return torch.linalg.matrix_norm((kernel * phase).sum((2, 3)), 2).item()


def sampled_supremum(kernel, points=64):
    """The largest value on a grid, and by M. Riesz at most 1 / cos(pi (k - 1) / (2 points))^2 below the supremum."""
    angles = [2 * math.pi * i / points for i in range(points)]
    largest = max(symbol_norm(kernel, point) for point in itertools.product(angles, angles))
    return largest, largest / math.cos(math.pi * (kernel.shape[2] - 1) / (2 * points)) ** 2


class NormTest(TestCase):
    def test_it_is_the_norm_of_the_layers_matrix(self):
        for layer, size in layers():
            with self.subTest(str(layer), size=size):
                layer = layer.double()
                exact = norm_of(layer, size)
                found = st.convolution_norm(layer, size)
                self.assertEqual(found.shape, ())
                self.assertLessEqual(abs(found.item() - exact), SOLVED * exact)

    def test_the_supremum_lies_above_all_sizes_and_close_to_large_ones(self):
        for padding in (0, 1, 2):
            layer = nn.Conv2d(3, 4, 3, padding=padding).double()
            low, high = sampled_supremum(layer.weight.detach())
            found = st.convolution_norm(layer, relative_width=1e-6).item()
            self.assertGreaterEqual(found, low * (1 - SOLVED))
            self.assertLessEqual(found, high)
            self.assertGreaterEqual(found, st.convolution_norm(layer, (9, 9)).item() * (1 - SOLVED))
        # All ones: 3 on each axis.
        layer = nn.Conv2d(1, 1, 3).double()
        with torch.no_grad():
            layer.weight.fill_(1)
        self.assertLessEqual(abs(st.convolution_norm(layer).item() - 9), 9 * SOLVED)

    def test_the_gradient_is_that_of_the_dense_matrix(self):
        for layer, size in layers():
            with self.subTest(str(layer), size=size):
                layer = layer.double()
                values = torch.linalg.svdvals(matrix_of(layer, size))
                if len(values) > 1 and (values[0] - values[1]) / values[0] < 1e-4:
                    continue  # the gradient turns too fast, or is not unique
                st.convolution_norm(layer, size, tolerance=1e-13).backward()
                close(self, layer.weight.grad, dense_gradient(layer, size), 1e-5)

    def test_gradcheck_at_a_size_and_at_every_size(self):
        for make in (
            lambda: nn.Conv1d(2, 3, 3, padding=1),
            lambda: nn.Conv2d(2, 3, 3, padding=1),
            lambda: nn.Conv2d(4, 2, (3, 2), stride=2, groups=2),
            lambda: nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1),
            lambda: nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        ):
            for size in (6, None):
                layer = make().double()
                with self.subTest(str(layer), size=size):

                    def norm(weight):
                        one = copy.copy(layer)
                        one._parameters = {"weight": weight, "bias": None}
                        return st.convolution_norm(one, size, tolerance=1e-13)

                    self.assertTrue(torch.autograd.gradcheck(norm, (layer.weight,), eps=1e-5, atol=1e-5))

    def test_norms_are_homogeneous(self):
        # <gradient, K> = N for every norm N.
        for layer, size in layers():
            for at in (size, None):
                layer.zero_grad()
                layer = layer.double()
                norm = st.convolution_norm(layer, at)
                norm.backward()
                along = (layer.weight.grad * layer.weight).sum().item()
                self.assertLessEqual(abs(along - norm.item()), SOLVED * norm.item(), f"{layer} {at}")

    def test_each_type_is_computed_in_double_and_rounded_once(self):
        layer = nn.Conv2d(3, 5, 3, padding=1)
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            for size in ((7, 6), None):
                one = copy.deepcopy(layer).to(dtype)
                exact = st.convolution_norm(copy.deepcopy(one).double(), size)
                norm = st.convolution_norm(one, size)
                self.assertEqual(norm.dtype, torch.float64 if dtype == torch.float64 else torch.float32)
                self.assertLessEqual(abs(norm.item() - exact.item()), torch.finfo(norm.dtype).eps * exact.item())
                norm.backward()
                self.assertEqual(one.weight.grad.dtype, dtype)

    def test_the_same_weight_gives_the_same_bits(self):
        layer = nn.Conv2d(3, 5, 3, padding=1)
        for size in ((7, 6), None):
            found = []
            for threads in (1, 2, 1):
                torch.set_num_threads(threads)
                one = copy.deepcopy(layer)
                norm = st.convolution_norm(one, size)
                norm.backward()
                found.append((norm.detach(), one.weight.grad))
            for norm, grad in found[1:]:
                self.assertTrue(torch.equal(norm, found[0][0]) and torch.equal(grad, found[0][1]))

    def test_a_zero_kernel_has_norm_and_gradient_zero(self):
        layer = nn.Conv2d(2, 3, 3)
        with torch.no_grad():
            layer.weight.zero_()
        for size in (5, None):
            norm = st.convolution_norm(layer, size)
            norm.backward()
            self.assertEqual(norm.item(), 0)
            self.assertEqual(layer.weight.grad.abs().max().item(), 0)

    def test_the_range_of_doubles_is_safe(self):
        layer = nn.Conv2d(2, 3, 3, padding=1).double()
        weight = layer.weight.detach().clone()
        for size in (5, None):
            expected = st.convolution_norm(layer, size).item()
            for scale in (2.0**-900, 2.0**900):
                one = copy.deepcopy(layer)
                with torch.no_grad():
                    one.weight.copy_(weight * scale)
                found = st.convolution_norm(one, size)
                self.assertLessEqual(abs(found.item() / scale - expected), SOLVED * expected)
                found.backward()
                self.assertTrue(torch.isfinite(one.weight.grad).all())

    def test_a_parametrized_weight_counts_as_it_is(self):
        layer = st.spectral_norm(nn.Conv2d(3, 4, 3, padding=1).double(), operator=True, input_size=6, solver="lanczos")
        for _ in range(40):
            with torch.no_grad():
                layer.parametrizations.weight[0].iterate(layer.parametrizations.weight.original, 20)
        layer.eval()
        norm = st.convolution_norm(layer, 6)
        self.assertLessEqual(abs(norm.item() - 1), 1e-6)
        norm.backward()  # the norm of a normalized weight does not change
        self.assertLessEqual(layer.parametrizations.weight.original.grad.norm().item(), 1e-4)

    def test_second_derivatives_are_refused(self):
        layer = nn.Conv2d(2, 3, 3).double()
        for size in (5, None):
            (grad,) = torch.autograd.grad(st.convolution_norm(layer, size), layer.weight, create_graph=True)
            with self.assertRaisesRegex(NotImplementedError, "differentiated once"):
                grad.square().sum().backward()

    def test_functional_transforms(self):
        layer = nn.Conv2d(2, 3, 3, padding=1).double()

        def norm(weight):
            one = copy.copy(layer)
            one._parameters = {"weight": weight, "bias": None}
            return st.convolution_norm(one, 5)

        weights = torch.randn(3, 3, 2, 3, 3, dtype=torch.float64)
        each = torch.func.vmap(norm)(weights)
        gradients = torch.func.vmap(torch.func.grad(norm))(weights)
        for i in range(3):
            one = weights[i].clone().requires_grad_()
            expected = norm(one)
            expected.backward()
            self.assertEqual(each[i].item(), expected.item())
            self.assertTrue(torch.equal(gradients[i], one.grad))
        with self.assertRaisesRegex(NotImplementedError, "no forward-mode derivative"):
            torch.func.jvp(norm, (weights[0],), (weights[1],))
        with self.assertRaises(NotImplementedError):
            torch.func.hessian(norm)(weights[0])
        with self.assertRaisesRegex(NotImplementedError, "differentiated once"):
            torch.func.grad(lambda w: torch.func.grad(norm)(w).square().sum())(weights[0])

    def test_compiles(self):
        layer = nn.Conv2d(2, 3, 3, padding=1)
        loss = lambda: st.convolution_norm(layer, 5) * 2
        torch.compile(loss, backend="aot_eager", fullgraph=True)().backward()
        compiled = layer.weight.grad.clone()
        layer.zero_grad()
        loss().backward()
        close(self, compiled, layer.weight.grad, rounding(1))

    def test_autocast_does_not_change_it(self):
        layer = nn.Conv2d(2, 3, 3, padding=1)
        expected = st.convolution_norm(layer, 5)
        with torch.autocast("cpu", torch.bfloat16):
            self.assertTrue(torch.equal(st.convolution_norm(layer, 5), expected))

    def test_channels_last_weights_and_inference(self):
        layer = nn.Conv2d(3, 4, 3, padding=1)
        expected = st.convolution_norm(layer, 5).item()
        layer = layer.to(memory_format=torch.channels_last)
        norm = st.convolution_norm(layer, 5)
        norm.backward()
        self.assertEqual(norm.item(), expected)
        with torch.inference_mode():
            self.assertEqual(st.convolution_norm(layer, 5).item(), expected)

    def test_what_is_refused(self):
        conv = nn.Conv2d(4, 6, 3)
        nan = nn.Conv2d(4, 6, 3)
        with torch.no_grad():
            nan.weight[0, 0, 0, 0] = math.nan
        for layer, options, error, message in [
            (nn.Linear(3, 4), {}, ValueError, "convolution_norm.. needs the weight of a convolution"),
            (conv, {"input_size": (8,)}, ValueError, "to have 2 entries"),
            (conv, {"input_size": ()}, ValueError, "to have 2 entries"),
            (conv, {"input_size": (2, 8)}, ValueError, "output"),
            (conv, {"input_size": 0}, ValueError, "positive"),
            (nn.Conv2d(4, 6, 3, padding=4, padding_mode="reflect"), {"input_size": 4}, ValueError, "reflect"),
            (conv, {"relative_width": -1.0}, ValueError, "relative_width must be"),
            (conv, {"relative_width": 1.0}, ValueError, "relative_width must be"),
            (conv, {"input_size": 8, "tolerance": 0.0}, ValueError, "tolerance must be positive"),
            (nan, {"input_size": 8}, RuntimeError, "NaN|finite"),
            (nan, {}, RuntimeError, "NaN|finite"),
            (nn.Conv2d(4, 6, 3, dtype=torch.complex64), {}, ValueError, "not supported"),
        ]:
            with self.subTest(message, **options), self.assertRaisesRegex(error, message):
                st.convolution_norm(layer, **options)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.rest = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2, padding=1))
        self.last = nn.Linear(6 * 4 * 4, 10)

    def forward(self, x):
        return self.last(self.rest(self.first(x)).flatten(1))


class PenaltyTest(TestCase):
    def setUp(self):
        super().setUp()
        self.model = Net().double()
        self.x = torch.randn(2, 3, 8, 8, dtype=torch.float64)

    def norms(self, sizes):
        return [st.convolution_norm(self.model.first, sizes), st.convolution_norm(self.model.rest[1], sizes)]

    def test_it_is_the_sum_over_the_convolutions(self):
        sizes = st.convolution_input_sizes(self.model, self.x)
        self.assertEqual(sizes, {"first": (8, 8), "rest.1": (8, 8)})
        for given, at in ((sizes, (8, 8)), (None, None)):
            norms = self.norms(at)
            self.assertEqual(st.convolution_penalty(self.model, input_sizes=given).item(), sum(norms).item())
            target = min(norms).item()
            excess = (max(norms) - target).square().item()
            penalty = st.convolution_penalty(self.model, target, input_sizes=given)
            self.assertEqual(penalty.item(), excess)
            self.model.zero_grad()
            penalty.backward()
            small, large = (self.model.first, self.model.rest[1])[:: 1 if norms[0] < norms[1] else -1]
            self.assertEqual(small.weight.grad.abs().max().item(), 0)
            self.assertGreater(large.weight.grad.abs().max().item(), 0)

    def test_names_choose_the_layers(self):
        first, second = (norm.item() for norm in self.norms(None))
        self.assertEqual(st.convolution_penalty(self.model, include="^rest").item(), second)
        self.assertEqual(st.convolution_penalty(self.model, exclude="rest").item(), first)
        self.assertEqual(st.convolution_penalty(self.model.first).item(), first)
        sizes = {"first": 8, "rest.1": (8, 8)}
        self.assertEqual(
            st.convolution_penalty(self.model, exclude="rest", input_sizes=sizes).item(), self.norms(8)[0].item()
        )

    def test_training_with_it_brings_the_norms_down(self):
        # Polyak's step for f = the excess itself, which is convex: the distance to the target set shrinks each time.
        target = 0.5
        start = [norm.item() for norm in self.norms(None)]
        self.assertGreater(min(start), target)
        for _ in range(60):
            self.model.zero_grad()
            st.convolution_penalty(self.model, target).backward()
            with torch.no_grad():
                for layer in (self.model.first, self.model.rest[1]):
                    excess = max(st.convolution_norm(layer).item() - target, 0)
                    square = layer.weight.grad.square().sum().item()
                    if square > 0:
                        layer.weight -= 2 * excess**2 / square * layer.weight.grad
        for before, after in zip(start, self.norms(None)):
            self.assertLess(after.item() - target, 0.05 * (before - target))

    def test_what_is_refused(self):
        sizes = {"first": 8, "rest.1": 8}
        for arguments, message in [
            ({"target": -1.0}, "at least 0"),
            ({"target": math.inf}, "at least 0"),
            ({"target": math.nan}, "at least 0"),
            ({"include": "nothing"}, "no convolution matches"),
            ({"input_sizes": {"first": 8}}, "no entry for 'rest.1'"),
            ({"input_sizes": {**sizes, "last": 8}}, "names 'last', which is not a convolution"),
        ]:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                st.convolution_penalty(self.model, **arguments)
        with self.assertRaisesRegex(ValueError, "no convolution"):
            st.convolution_penalty(self.model.last)


if __name__ == "__main__":
    unittest.main()
