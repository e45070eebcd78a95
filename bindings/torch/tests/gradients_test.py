"""First and second derivatives against finite differences, for every path through the operators."""

import unittest

import torch
from torch.autograd import gradcheck, gradgradcheck

import sigmax.torch  # noqa: F401  (loads the operators)
from common import TestCase, close, rounding

ops = torch.ops.sigmax
U_FIRST, V_FIRST = 0, 1


def state_of(weight, dim, blocks=1):
    """A state after a few steps: sigma far from 0."""
    rows = weight.shape[dim]
    u, v = torch.randn(rows, dtype=weight.dtype), torch.randn(blocks * weight.numel() // rows, dtype=weight.dtype)
    ops.sigma(weight.detach(), u, v, dim, blocks, 3)
    return u, v


class Gradients(TestCase):
    def normalized(self, steps, dim=0, blocks=1, **options):
        """weight, scale -> normalized weight and sigma, always from the same state."""
        weight = torch.randn(4, 6, 2, dtype=torch.float64, requires_grad=True)
        scale = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
        u, v = state_of(weight, dim, blocks)
        if steps == 0:
            return weight, scale, lambda w, s: ops.normalize(w, u, v, s, dim, blocks, 0, **options)

        # In training the derivative is taken at the state after the step, with u and v as constants. For finite
        # differences the steps are made once, at the unperturbed weight.
        ops.sigma(weight.detach(), u, v, dim, blocks, steps)

        class Training(torch.nn.Module):
            def forward(self, w, s):
                return ops.normalize(w, u.clone(), v.clone(), s, dim, blocks, 0, **options)

        return weight, scale, Training()

    def test_gradcheck_and_gradgradcheck(self):
        for steps in (0, 2):
            for dim, blocks in ((0, 1), (1, 1), (2, 1), (0, 2), (1, 3)):
                for options in ({}, {"target": 0.5}, {"target": 0.5, "at_most": True}, {"target": 50.0, "at_most": True}):
                    with self.subTest(steps=steps, dim=dim, blocks=blocks, **options):
                        weight, scale, function = self.normalized(steps, dim, blocks, **options)
                        self.assertTrue(gradcheck(function, (weight, scale)))
                        self.assertTrue(gradgradcheck(function, (weight, scale)))

    def test_training_has_the_gradient_of_the_state_that_the_step_ends_in(self):
        for iteration in (0, 1, 2):
            weight = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
            u, v = state_of(weight, 0)
            normalized, sigma = ops.normalize(weight, u, v, None, 0, 1, 2, 1e-12, iteration)
            direction = torch.randn(5, 7, dtype=torch.float64)
            expected_sigma = torch.dot(u, weight @ v)
            close(self, sigma, expected_sigma, rounding(7, dtype=torch.float64))
            expected = torch.autograd.grad((weight / expected_sigma * direction).sum(), weight)[0]
            for create_graph in (False, True):
                found = torch.autograd.grad(
                    (normalized * direction).sum(), weight, retain_graph=True, create_graph=create_graph
                )[0]
                close(self, found, expected, rounding(35, dtype=torch.float64))

    def test_only_sigma_is_used(self):
        weight = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
        u, v = state_of(weight, 0)
        self.assertTrue(gradcheck(lambda w: ops.normalize(w, u, v, None, 0, 1, 0)[1], (weight,)))
        self.assertTrue(gradcheck(lambda w: ops.sigma(w, u, v, 0, 1, 0), (weight,)))
        self.assertTrue(gradgradcheck(lambda w: ops.sigma(w, u, v, 0, 1, 0) ** 2, (weight,)))

    def test_normalize_all(self):
        weights = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((4, 3), (2, 3, 2), (5, 2))]
        states = [state_of(w, 0) for w in weights]

        def function(*w):
            normalized, sigma = ops.normalize_all(
                list(w), [s[0] for s in states], [s[1] for s in states], [], [0, 0, 0], [1, 1, 1], 0
            )
            return (*normalized, *sigma)

        self.assertTrue(gradcheck(function, tuple(weights)))
        self.assertTrue(gradgradcheck(function, tuple(weights)))

    def test_normalize_all_equals_one_by_one(self):
        weights = [torch.randn(s) for s in ((4, 3), (600, 300), (5, 2, 3))]
        states = [state_of(w, 0) for w in weights]
        copies = [(u.clone(), v.clone()) for u, v in states]
        together = ops.normalize_all(
            weights, [s[0] for s in states], [s[1] for s in states], [], [0, 0, 0], [1, 1, 1], 1
        )
        for weight, (u, v), normalized, sigma in zip(weights, copies, *together):
            alone = ops.normalize(weight, u, v)
            self.assertTrue(torch.equal(alone[0], normalized) and torch.equal(alone[1], sigma))

    def test_scaled_linear(self):
        weight = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
        bias = torch.randn(5, dtype=torch.float64, requires_grad=True)
        scale = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
        u, v = state_of(weight, 0)
        for shape in ((3, 7), (7,), (2, 3, 7)):
            x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
            for options in ({}, {"target": 0.5, "at_most": True}):

                def function(x, w, b, s):
                    return ops.scaled_linear(x, w, b, u, v, s, 0, 0, **options)

                self.assertTrue(gradcheck(function, (x, weight, bias, scale)))
                self.assertTrue(gradgradcheck(function, (x, weight, bias, scale)))
        plain = x.detach()
        self.assertTrue(gradcheck(lambda w: ops.scaled_linear(plain, w, None, u, v, None, 0, 0), (weight,)))

    def test_scaled_convolution(self):
        for transposed, shape in ((False, (4, 2, 3, 3)), (True, (4, 2, 3, 3))):
            weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
            dim = 1 if transposed else 0
            u, v = state_of(weight, dim)
            channels = 4 if transposed else 2
            out = 2 if transposed else 4
            x = torch.randn(2, channels, 5, 5, dtype=torch.float64, requires_grad=True)
            bias = torch.randn(out, dtype=torch.float64, requires_grad=True)

            def function(x, w, b):
                return ops.scaled_convolution(
                    x, w, b, u, v, [2, 1], [1, 1], [1, 1], transposed, [0, 0], 1, None, dim, 0
                )

            self.assertTrue(gradcheck(function, (x, weight, bias)))
            self.assertTrue(gradgradcheck(function, (x, weight, bias)))

    def test_zero_weight(self):
        weight = torch.zeros(4, 3, requires_grad=True)
        u, v = torch.nn.functional.normalize(torch.randn(4), dim=0), torch.nn.functional.normalize(torch.randn(3), dim=0)
        for steps in (0, 1):
            normalized, _ = ops.normalize(weight, u, v, None, 0, 1, steps)
            (gradient,) = torch.autograd.grad(normalized.sum(), weight)
            self.assertTrue(torch.equal(gradient, torch.ones(4, 3)))

    def test_native_and_aten_agree(self):
        """A weight that is not row-major goes through ATen and gives the values of the row-major one."""
        for iteration in (0, 1, 2):
            for blocks in (1, 2):
                weight = torch.randn(6, 8, dtype=torch.float64)
                u, v = state_of(weight, 0, blocks)
                other_u, other_v = u.clone(), v.clone()
                strided = weight.t().contiguous().t()
                self.assertFalse(strided.is_contiguous())
                first = ops.normalize(weight, u, v, None, 0, blocks, 3, 1e-12, iteration)
                second = ops.normalize(strided, other_u, other_v, None, 0, blocks, 3, 1e-12, iteration)
                tolerance = rounding(8, dtype=torch.float64, factor=1000)
                for a, b in zip((*first, u.outer(v), ) if blocks == 1 else first,
                                (*second, other_u.outer(other_v)) if blocks == 1 else second):  # fmt: skip
                    close(self, a, b, tolerance, f"iteration {iteration}, blocks {blocks}")


if __name__ == "__main__":
    unittest.main()
