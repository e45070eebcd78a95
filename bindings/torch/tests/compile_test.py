"""torch.compile, torch.export, ONNX and torch.jit on models that contain the operators."""

import copy
import shutil
import unittest

import torch
from torch import nn

import sigmax.torch
from common import OURS_NEW, OURS_OLD, TestCase, close, rounding


def model(**options):
    return nn.Sequential(OURS_NEW(nn.Conv2d(3, 8, 3), **options), nn.ReLU(), nn.Flatten(),
                         OURS_NEW(nn.Linear(8 * 36, 5), **options))  # fmt: skip


class Compile(TestCase):
    def setUp(self):
        super().setUp()
        torch._dynamo.reset()

    def same_as_eager(self, backend, make=model, make_twin=None):
        eager = make()
        twin = (make_twin or make)()
        twin.load_state_dict(eager.state_dict())
        compiled = torch.compile(twin, backend=backend, fullgraph=True)
        tolerance = rounding(288, factor=64)
        optimizers = [torch.optim.SGD(m.parameters(), lr=0.05) for m in (eager, twin)]
        for step in range(4):
            if step == 3:
                eager.eval()
                twin.eval()
            x = torch.randn(2, 3, 8, 8)
            outputs = [eager(x), compiled(x)]
            close(self, outputs[1], outputs[0], tolerance, f"step {step}")
            for optimizer, output in zip(optimizers, outputs):
                optimizer.zero_grad()
                (output**2).sum().backward()
                optimizer.step()
        for (key, p), q in zip(eager.state_dict().items(), twin.state_dict().values()):
            close(self, q, p, 4 * tolerance, key)

    def test_no_graph_break_in_the_layer(self):
        for options in ({}, {"learnable_scale": True, "target": 2.0, "at_most": True}):
            with self.subTest(**options):
                self.same_as_eager("aot_eager", lambda: model(**options))

    def test_once_per_step_iterates_at_each_read_of_a_compiled_layer(self):
        self.same_as_eager("aot_eager", make_twin=lambda: model(once_per_step=True))

    def test_scaled_output(self):
        self.same_as_eager("aot_eager", lambda: model(scale_output=True))

    def test_inductor(self):
        if shutil.which("g++") is None:
            self.skipTest("inductor needs a compiler")
        self.same_as_eager("inductor")

    def test_a_whole_model(self):
        module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        sigmax.torch.apply(module)
        compiled = torch.compile(module, backend="aot_eager")
        twin = copy.deepcopy(module)
        x = torch.randn(3, 6)
        close(self, compiled(x), twin(x), rounding(6, factor=64))

    def test_old_hook(self):
        module = OURS_OLD(nn.Linear(6, 5))
        twin = copy.deepcopy(module)
        compiled = torch.compile(module, backend="aot_eager")
        x = torch.randn(3, 6)
        for _ in range(2):
            close(self, compiled(x), twin(x), rounding(6, factor=64))
        close(self, module.weight_u, twin.weight_u, rounding(6, factor=64))

    def test_operators_keep_the_contract_of_custom_operators(self):
        # Weights have fixed sizes: tracing them with symbolic ones is not supported.
        checks = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_static")
        weight = torch.randn(5, 7, requires_grad=True)
        u, v = torch.randn(5), torch.randn(7)
        for arguments in ((weight, u, v), (weight, u, v, torch.tensor(1.5, requires_grad=True), 0, 1, 0)):
            torch.library.opcheck(torch.ops.sigmax.normalize.default, arguments, test_utils=checks)
        torch.library.opcheck(torch.ops.sigmax.sigma.default, (weight, u, v), test_utils=checks)
        x = torch.randn(3, 7, requires_grad=True)
        for bias in (None, torch.randn(5, requires_grad=True)):
            torch.library.opcheck(torch.ops.sigmax.scaled_linear.default, (x, weight, bias, u, v), test_utils=checks)
        kernel = torch.randn(4, 3, 3, 3, requires_grad=True)
        image = torch.randn(1, 3, 5, 5, requires_grad=True)
        geometry = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
        torch.library.opcheck(
            torch.ops.sigmax.scaled_convolution.default,
            (image, kernel, None, torch.randn(4), torch.randn(27), *geometry), test_utils=checks,
        )

    def test_meta(self):
        with torch.device("meta"):
            layer = nn.Linear(6, 5)
            OURS_NEW(layer)
            self.assertEqual(layer.weight.shape, (5, 6))
            self.assertTrue(layer.weight.is_meta)


class Export(TestCase):
    def folded(self):
        module = model().eval()
        x = torch.randn(2, 3, 8, 8)
        expected = module(x)
        for layer in (module[0], module[3]):
            torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        return module, x, expected

    def test_export_with_the_norm_folded_in(self):
        module, x, expected = self.folded()
        program = torch.export.export(module, (x,))
        self.assertFalse([n for n in program.graph.nodes if "sigmax" in str(n.target)])
        close(self, program.module()(x), expected, rounding(288))

    def test_export_with_the_operator_inside(self):
        module = model().eval()
        x = torch.randn(2, 3, 8, 8)
        program = torch.export.export(module, (x,))
        close(self, program.module()(x), module(x), rounding(288, factor=32))

    def test_traced_with_the_norm_folded_in(self):
        module, x, expected = self.folded()
        close(self, torch.jit.trace(module, (x,))(x), expected, rounding(288))


if __name__ == "__main__":
    unittest.main()
