"""Features that PyTorch lacks: the keyword arguments, whole models, scaled outputs, certificates."""

import copy
import re
import unittest

import torch
from torch import nn

import sigmax.torch
from common import LAYERS, OURS_NEW, OURS_OLD, TORCH_NEW, TestCase, close, largest, rounding


def converge(module, shape, steps=200):
    for _ in range(steps):
        module.parametrizations.weight[0].iterate(module.parametrizations.weight.original)
    return module.eval()


class Options(TestCase):
    def test_target(self):
        layer = converge(OURS_NEW(nn.Linear(20, 10), target=2.5), None)
        self.assertAlmostEqual(largest(layer.weight), 2.5, 4)

    def test_at_most(self):
        small = nn.Linear(20, 10)
        original = small.weight.detach().clone()
        OURS_NEW(small, target=50.0, at_most=True)
        self.assertTrue(torch.equal(small.weight, original))
        small.weight.sum().backward()
        self.assertTrue(torch.equal(small.parametrizations.weight.original.grad, torch.ones(10, 20)))
        large = nn.Linear(20, 10)
        with torch.no_grad():
            large.weight.mul_(90)
        self.assertAlmostEqual(largest(converge(OURS_NEW(large, target=3.0, at_most=True), None).weight), 3, 4)

    def test_vectors(self):
        for options, expected in (({"target": 3.0}, 3.0), ({"target": 0.1, "at_most": True}, 0.1)):
            layer = OURS_NEW(nn.Linear(20, 10), "bias", **options)
            self.assertAlmostEqual(layer.bias.norm().item(), expected, 5)
        layer = nn.Linear(20, 10)
        before = layer.bias.detach().clone()
        self.assertTrue(torch.equal(OURS_NEW(layer, "bias", target=90.0, at_most=True).bias, before))

    def test_learnable_scale(self):
        layer = OURS_NEW(nn.Linear(20, 10), learnable_scale=True)
        self.assertIn("parametrizations.weight.0.scale", dict(layer.named_parameters()))
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        (layer(torch.randn(4, 20)) ** 2).sum().backward()
        optimizer.step()
        self.assertNotEqual(layer.parametrizations.weight[0].scale.item(), 1)
        converge(layer, None)
        self.assertAlmostEqual(largest(layer.weight), abs(layer.parametrizations.weight[0].scale.item()), 4)

    def test_lanczos_is_closer_at_the_same_reads(self):
        layer = nn.Linear(300, 200)
        power = OURS_NEW(copy.deepcopy(layer), n_power_iterations=5).eval()
        torch.manual_seed(1)
        lanczos = OURS_NEW(copy.deepcopy(layer), n_power_iterations=5, solver="lanczos").eval()
        self.assertLess(largest(lanczos.weight) - 1, 0.1 * (largest(power.weight) - 1))

    def test_tolerance(self):
        layer = OURS_NEW(nn.Linear(60, 50), solver="lanczos", n_power_iterations=50, tolerance=1e-6)
        layer(torch.randn(2, 60))
        self.assertLess(abs(largest(layer.eval().weight) - 1), 1e-4)

    def test_blocks(self):
        layer = converge(OURS_NEW(nn.Linear(20, 12), blocks=4), None)
        for block in layer.weight.chunk(4):
            self.assertAlmostEqual(largest(block), 1, 3)
        self.assertEqual(layer.parametrizations.weight[0].sigma(layer.parametrizations.weight.original).shape, (4,))

    def test_once_per_step(self):
        layer = OURS_NEW(nn.Linear(20, 12), once_per_step=True)
        one = layer.parametrizations.weight[0]
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        for _ in range(3):
            layer(torch.randn(2, 20)).sum().backward()
            state = one._u.clone()
            layer.weight
            layer(torch.randn(2, 20)).sum().backward()
            self.assertTrue(torch.equal(one._u, state))
            optimizer.step()
            layer.weight
            self.assertFalse(torch.equal(one._u, state))

    def test_what_is_refused(self):
        for options in ({"target": 0.0}, {"solver": "x"}, {"tolerance": -1.0}, {"blocks": 3}, {"blocks": 0},
                        {"scale_output": True, "blocks": 2}):  # fmt: skip
            with self.subTest(**options), self.assertRaises(ValueError):
                OURS_NEW(nn.Linear(5, 4), **options)
        with self.assertRaises(ValueError):
            OURS_NEW(nn.Embedding(5, 4), scale_output=True)
        layer = OURS_NEW(nn.Linear(5, 4))
        layer.parametrizations.weight[0]._u = torch.randn(3)
        with self.assertRaisesRegex(RuntimeError, "u has 3"):
            layer.weight

    def test_other_layers(self):
        for make, run in (
            (lambda: nn.Embedding(10, 4), lambda m: m(torch.tensor([1, 2]))),
            (lambda: nn.Bilinear(3, 4, 5), lambda m: m(torch.randn(2, 3), torch.randn(2, 4))),
            (lambda: nn.LSTMCell(3, 4), lambda m: m(torch.randn(2, 3))[0]),
        ):
            for ours in (OURS_NEW, sigmax.torch.nn.utils.spectral_norm):
                module = make()
                name = "weight" if hasattr(module, "weight") else "weight_hh"
                with torch.no_grad():
                    getattr(module, name).mul_(30)
                ours(module, name)
                for _ in range(60):
                    run(module)
                module.eval()
                run(module).sum().backward()
                self.assertAlmostEqual(largest(getattr(module, name)), 1, 2)


class ScaledOutput(TestCase):
    def test_gives_what_the_scaled_weight_gives(self):
        for name, (make, shape) in LAYERS.items():
            for padding_mode in ("zeros", "circular") if "Conv2d" in name else ("zeros",):
                with self.subTest(name, padding_mode=padding_mode):
                    plain = make()
                    if padding_mode != "zeros":
                        plain = nn.Conv2d(4, 6, 3, padding=1, padding_mode=padding_mode)
                    torch.manual_seed(2)
                    weighted = OURS_NEW(copy.deepcopy(plain))
                    torch.manual_seed(2)
                    scaled = OURS_NEW(copy.deepcopy(plain), scale_output=True)
                    tolerance = rounding(plain.weight.numel() ** 0.5, factor=64)
                    for mode in (True, False):
                        weighted.train(mode)
                        scaled.train(mode)
                        x = torch.randn(shape)
                        inputs = [x.clone().requires_grad_(), x.clone().requires_grad_()]
                        outputs = [weighted(inputs[0]), scaled(inputs[1])]
                        close(self, outputs[1], outputs[0], tolerance, "output")
                        for output in outputs:
                            (output**2).sum().backward()
                        close(self, inputs[1].grad, inputs[0].grad, tolerance, "input")
                        for (key, p), (_, q) in zip(weighted.named_parameters(), scaled.named_parameters()):
                            close(self, q.grad, p.grad, 4 * tolerance, key)

    def test_the_weight_is_still_there(self):
        layer = OURS_NEW(nn.Linear(5, 4), scale_output=True).eval()
        x = torch.randn(2, 5)
        close(self, layer(x), nn.functional.linear(x, layer.weight, layer.bias), rounding(5))
        expected = layer(x)
        torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        self.assertIs(type(layer), nn.Linear)
        close(self, layer(x), expected, rounding(5))

    def test_output_size_of_a_transposed_convolution(self):
        layer = OURS_NEW(nn.ConvTranspose2d(3, 4, 3, stride=2), scale_output=True).eval()
        x = torch.randn(1, 3, 4, 4)
        self.assertEqual(layer(x, output_size=(10, 10)).shape, (1, 4, 10, 10))
        self.assertEqual(layer(x[0]).shape, (4, 9, 9))

    def test_inplace_activation_after_it(self):
        layer = nn.Sequential(OURS_NEW(nn.Conv2d(3, 4, 3), scale_output=True), nn.ReLU(inplace=True))
        layer(torch.randn(1, 3, 5, 5)).sum().backward()

    def test_autocast(self):
        for scaled in (True, False):
            layer = OURS_NEW(nn.Linear(64, 48), scale_output=scaled)
            x = torch.randn(5, 64)
            expected = layer.eval()(x)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                found = layer(x)
                self.assertEqual(found.dtype, torch.bfloat16)
                self.assertEqual(layer.weight.dtype, torch.float32)
                layer.train()
                layer(x).float().sum().backward()
            close(self, found.float(), expected, rounding(64, dtype=torch.bfloat16, factor=1))
            self.assertEqual(layer.parametrizations.weight.original.grad.dtype, torch.float32)


class WholeModel(TestCase):
    def model(self):
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 16), nn.BatchNorm1d(16),
                             nn.Linear(16, 5))  # fmt: skip

    def test_which_weights(self):
        self.assertEqual(sigmax.torch.apply(self.model()).names, ["0.weight", "3.weight", "5.weight"])
        self.assertEqual(sigmax.torch.apply(self.model(), exclude=r"^5\.").names, ["0.weight", "3.weight"])
        self.assertEqual(sigmax.torch.apply(self.model(), include=r"^[05]\.weight").names, ["0.weight", "5.weight"])
        with self.assertRaisesRegex(ValueError, re.escape("no weight of two or more dimensions")):
            sigmax.torch.apply(self.model(), include="nothing")
        transformer = nn.TransformerEncoderLayer(8, 2, 16)
        self.assertEqual(
            sigmax.torch.apply(transformer).names,
            ["self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight"],
        )
        self.assertEqual(sigmax.torch.apply(nn.LSTM(3, 4), blocks=4).names, ["weight_ih_l0", "weight_hh_l0"])

    def test_gives_what_the_layers_give_one_by_one(self):
        together, alone = self.model(), self.model()
        alone.load_state_dict(together.state_dict())
        torch.manual_seed(4)
        sigmax.torch.apply(together)
        torch.manual_seed(4)
        for index in (0, 3, 5):
            OURS_NEW(alone[index], once_per_step=True)
        optimizers = [torch.optim.Adam(m.parameters(), lr=0.01) for m in (together, alone)]
        for _ in range(4):
            x = torch.randn(4, 3, 8, 8)
            outputs = [together(x), alone(x)]
            self.assertTrue(torch.equal(*outputs))
            for optimizer, output in zip(optimizers, outputs):
                optimizer.zero_grad()
                (output**2).sum().backward()
                optimizer.step()
        for p, q in zip(together.state_dict().values(), alone.state_dict().values()):
            self.assertTrue(torch.equal(p, q))

    def test_one_step_for_two_forward_passes(self):
        model = self.model()
        group = sigmax.torch.apply(model)
        model(torch.randn(4, 3, 8, 8))
        before = [b.clone() for n, b in model.named_buffers() if n.endswith("_u")]
        (model(torch.randn(4, 3, 8, 8)).mean() - model(torch.randn(4, 3, 8, 8)).mean()).backward()
        for a, b in zip(before, [b for n, b in model.named_buffers() if n.endswith("_u")]):
            self.assertTrue(torch.equal(a, b))
        self.assertEqual(len(group), 3)

    def test_weights_read_outside_a_pass_are_fresh(self):
        model = self.model()
        sigmax.torch.apply(model)
        model(torch.randn(4, 3, 8, 8))
        with torch.no_grad():
            model[3].parametrizations.weight.original.mul_(3)
        model.eval()
        self.assertAlmostEqual(largest(model[3].weight), 1, 1)

    def test_a_pass_that_throws_leaves_nothing_behind(self):
        model = self.model()
        sigmax.torch.apply(model)
        with self.assertRaises(RuntimeError):
            model(torch.randn(4, 3, 9, 9))
        self.assertNotIn("ready", model[0].parametrizations.weight[0].__dict__)

    def test_deepcopy_is_independent(self):
        model = self.model()
        sigmax.torch.apply(model)
        x = torch.randn(4, 3, 8, 8)
        model(x)
        copied = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in copied.parameters():
                parameter.add_(0.5)
        u = model[3].parametrizations.weight[0]._u.clone()
        copied(x)
        self.assertTrue(torch.equal(u, model[3].parametrizations.weight[0]._u))
        self.assertFalse(torch.equal(u, copied[3].parametrizations.weight[0]._u))

    def test_certify_sigma_and_remove(self):
        model = self.model()
        group = sigmax.torch.apply(model, solver="lanczos", n_power_iterations=40, tolerance=1e-7)
        x = torch.randn(4, 3, 8, 8)
        model(x)
        model.eval()
        for name, enclosure in group.certify().items():
            self.assertEqual(enclosure.certainty, "proven")
            self.assertLess(enclosure.upper - 1, 1e-4, name)
            self.assertGreater(enclosure.lower, 1 - 1e-4, name)
        self.assertEqual(list(group.sigma()), group.names)
        expected = model(x)
        group.remove()
        self.assertFalse(any(hasattr(m, "parametrizations") for m in model.modules()))
        self.assertFalse(model._forward_pre_hooks or model._forward_hooks)
        close(self, model(x), expected, rounding(288))


class Certificates(TestCase):
    def test_contains_the_truth(self):
        for shape, dim in (((30, 20), 0), ((20, 30), 0), ((4, 5, 3, 3), 0), ((4, 5, 3, 3), 1)):
            for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.half):
                weight = torch.randn(shape, dtype=torch.float64).to(dtype)
                enclosure = sigmax.torch.certify(weight, dim=dim)
                truth = largest(weight, dim)
                slack = rounding(90, dtype=torch.float64)  # in the reference value itself
                self.assertLessEqual(enclosure.lower, truth * (1 + slack))
                self.assertGreaterEqual(enclosure.upper, truth * (1 - slack))
                self.assertLess(enclosure.upper / enclosure.lower - 1, 1e-6)
                self.assertEqual(enclosure.certainty, "proven")

    def test_of_a_module_it_is_the_normalized_weight_and_changes_nothing(self):
        layer = OURS_NEW(nn.Linear(20, 10))
        before = copy.deepcopy(layer.state_dict())
        enclosure = sigmax.torch.certify(layer)
        for key, value in layer.state_dict().items():
            self.assertTrue(torch.equal(value, before[key]))
        truth = largest(layer.eval().weight)
        self.assertAlmostEqual(enclosure.upper, truth, 6)
        self.assertTrue(OURS_NEW(nn.Linear(4, 3)).parametrizations.weight[0].training)

    def test_what_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "complex"):
            sigmax.torch.certify(torch.randn(3, 3, dtype=torch.complex64))
        with self.assertRaises(IndexError):
            sigmax.torch.certify(torch.randn(3, 3), dim=2)


def linears():
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


class AppliedTwice(TestCase):
    def test_the_error_says_that_the_weights_are_taken(self):
        model = linears()
        group = sigmax.torch.apply(model)
        with self.assertRaisesRegex(ValueError, r"parametrized already: '0\.weight', '2\.weight'.*remove"):
            sigmax.torch.apply(model)
        group.remove()
        sigmax.torch.apply(model)
        hooked = linears()
        for layer in (hooked[0], hooked[2]):
            OURS_OLD(layer)
        with self.assertRaisesRegex(ValueError, "parametrized already: '0.weight'"):
            sigmax.torch.apply(hooked)
        many = nn.Sequential(*(TORCH_NEW(nn.Linear(3, 3)) for _ in range(5)))
        with self.assertRaisesRegex(ValueError, "'2.weight' and 2 more"):
            sigmax.torch.apply(many)

    def test_a_pattern_that_matches_nothing_is_still_that(self):
        model = linears()
        sigmax.torch.apply(model)
        with self.assertRaisesRegex(ValueError, "no weight of two or more dimensions matches"):
            sigmax.torch.apply(model, include="encoder")
        with self.assertRaisesRegex(ValueError, "no weight of two or more dimensions matches"):
            sigmax.torch.apply(model, exclude="weight")

    def test_what_is_left_is_normalized(self):
        model = linears()
        sigmax.torch.apply(model, include=r"^0\.weight")
        self.assertEqual(sigmax.torch.apply(model).names, ["2.weight"])
        self.assertLess(largest(model[2].weight), 1.5)


if __name__ == "__main__":
    unittest.main()
