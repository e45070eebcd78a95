"""The silent traps of PyTorch's spectral_norm: each one is closed, and has a test named after it."""

import copy
import unittest

import torch
from torch import nn

import sigmax.torch
from common import OURS_NEW, OURS_OLD, TORCH_NEW, TORCH_OLD, TestCase, close, largest, rounding
from sigmax.torch.nn.utils import remove_spectral_norm

LSTM_WEIGHTS = ("weight_ih_l0", "weight_hh_l0")


class Traps(TestCase):
    def test_new_on_lstm_has_no_effect(self):
        for kind in (nn.LSTM, nn.GRU, nn.RNN):
            with self.subTest(kind=kind.__name__):
                module = kind(6, 5)
                with torch.no_grad():
                    for name in LSTM_WEIGHTS:
                        getattr(module, name).mul_(5)
                plain = copy.deepcopy(module)
                for name in LSTM_WEIGHTS:
                    OURS_NEW(module, name)
                module.eval()
                x = torch.randn(4, 2, 6)
                with torch.no_grad():
                    for name in LSTM_WEIGHTS:
                        weight = getattr(plain, name)
                        weight.copy_(weight / largest(weight))
                close(self, module(x)[0], plain(x)[0], 1e-3)  # to the accuracy of the state's convergence
                module.train()
                module(x)[0].sum().backward()
                for name in LSTM_WEIGHTS:
                    self.assertGreater(module.parametrizations[name].original.grad.abs().max().item(), 0)

    def test_lstm_moves_copies_and_loses_the_norm_again(self):
        module = nn.LSTM(6, 5, num_layers=2, bidirectional=True)
        for name in [n for n, p in module.named_parameters() if p.ndim == 2]:
            OURS_NEW(module, name, blocks=4)
        module.eval()
        x = torch.randn(4, 2, 6)
        expected = module(x)[0]
        self.assertTrue(torch.equal(copy.deepcopy(module)(x)[0], expected))
        close(self, module.double()(x.double())[0], expected.double(), rounding(30, factor=64))
        module.float()
        for name in list(module.parametrizations):
            torch.nn.utils.parametrize.remove_parametrizations(module, name)
        self.assertIs(type(module), nn.LSTM)
        module.flatten_parameters()
        close(self, module(x)[0], expected, rounding(30, factor=64))
        module.zero_grad()
        module(x)[0].sum().backward()
        self.assertIsNotNone(module.weight_hh_l0.grad)

    def test_old_on_lstm(self):
        module = OURS_OLD(nn.LSTM(6, 5), "weight_hh_l0")
        module(torch.randn(4, 2, 6))
        self.assertAlmostEqual(
            torch.dot(module.weight_hh_l0_u, torch.mv(module._flat_weights[1], module.weight_hh_l0_v)).item(), 1, 5
        )

    def test_old_on_out_proj_never_runs(self):
        module = nn.MultiheadAttention(8, 2)
        with torch.no_grad():
            module.out_proj.weight.mul_(9)
        OURS_OLD(module.out_proj)
        x = torch.randn(5, 3, 8)
        for _ in range(60):
            module(x, x, x)
        module.eval()
        self.assertAlmostEqual(largest(module.out_proj.weight), 1, 3)
        plain = copy.deepcopy(module)
        remove_spectral_norm(plain.out_proj)
        self.assertIs(type(plain.out_proj), nn.modules.linear.NonDynamicallyQuantizableLinear)
        close(self, module(x, x, x)[0], plain(x, x, x)[0], rounding(8, factor=64))
        module.train()
        module(x, x, x)[0].sum().backward()
        self.assertIsNotNone(module.out_proj.weight_orig.grad)

    def test_new_on_out_proj(self):
        module = nn.MultiheadAttention(8, 2)
        OURS_NEW(module.out_proj)
        x = torch.randn(5, 3, 8)
        module(x, x, x)[0].sum().backward()
        self.assertIsNotNone(module.out_proj.parametrizations.weight.original.grad)

    def test_old_inside_the_fast_path_uses_a_stale_weight(self):
        for ours in (OURS_OLD, OURS_NEW):
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
            for linear in (layer.linear1, layer.linear2, layer.self_attn.out_proj):
                ours(linear)
            x = torch.randn(2, 5, 8)
            layer(x)
            with torch.no_grad():
                for parameter in layer.parameters():
                    parameter.mul_(7)  # the normalization cancels this factor
            layer.eval()
            with torch.no_grad():
                fast = layer(x)
            slow = layer(x)  # with a gradient there is no fast path
            close(self, fast, slow, rounding(16, factor=256), ours.__module__)

    def test_in_proj_weight_iterates_three_times_a_forward(self):
        module = nn.MultiheadAttention(8, 2)
        OURS_NEW(module, "in_proj_weight", once_per_step=True)
        one = module.parametrizations.in_proj_weight[0]
        with torch.no_grad():
            module.parametrizations.in_proj_weight.original.normal_()
        expected = copy.deepcopy(one)
        expected.iterate(module.parametrizations.in_proj_weight.original, 1)
        x = torch.randn(5, 3, 8)
        module(x, x, x)
        module(x, x, x)
        self.assertTrue(torch.equal(one._u, expected._u))

    def test_sigma_after_registration_is_too_small(self):
        torch.manual_seed(3)
        weight = nn.Linear(512, 512).weight
        truth = largest(weight)

        def norm_of(**options):
            layer = nn.Linear(512, 512)
            layer.weight = nn.Parameter(weight.detach().clone())
            return largest(OURS_NEW(layer, **options).eval().weight)

        self.assertGreater(norm_of(), 1.003)  # the same values as PyTorch
        self.assertLess(norm_of(solver="lanczos"), 1.003)
        self.assertLess(norm_of(solver="lanczos", n_power_iterations=60, tolerance=1e-6), 1 + 1e-4)
        enclosure = sigmax.torch.certify(weight)
        self.assertTrue(enclosure.lower <= truth * (1 + 1e-12) and truth <= enclosure.upper * (1 + 1e-12))

    def test_a_later_step_drives_the_norm_up(self):
        torch.manual_seed(1)

        def worst(**options):
            layer = OURS_NEW(nn.Linear(32, 32, bias=False), **options)
            optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
            x, y = torch.randn(64, 32), torch.randn(64, 32)
            norms = []
            for _ in range(20):
                optimizer.zero_grad()
                ((layer(x) - y) ** 2).sum(1).mean().backward()
                optimizer.step()
                layer(x)
                norms.append(largest(layer.eval().weight))
                layer.train()
            return max(norms)

        self.assertLess(worst(solver="lanczos", n_power_iterations=20, tolerance=1e-5), 1.0 + 1e-3)

    def test_moving_average_of_the_state_doubles_the_norm(self):
        for ours, theirs, u, v in (
            (OURS_NEW, TORCH_NEW, "parametrizations.weight.0._u", "parametrizations.weight.0._v"),
            (OURS_OLD, TORCH_OLD, "weight_u", "weight_v"),
        ):
            mine = ours(nn.Linear(20, 10))
            x = torch.randn(3, 20)
            for _ in range(50):
                mine(x)
            expected = copy.deepcopy(mine.state_dict())
            averaged = copy.deepcopy(expected)
            averaged[u] *= 0.7
            averaged[v] *= 0.7
            mine.load_state_dict(averaged)
            mine.eval()
            mine(x)
            self.assertAlmostEqual(largest(mine.weight), 1, 4)
            self.assertTrue(torch.equal(mine.state_dict()[u], averaged[u]))  # evaluation writes nothing
            reference = theirs(nn.Linear(20, 10))
            reference.load_state_dict(averaged)
            reference.eval()
            reference(x)
            self.assertGreater(largest(reference.weight), 2)

    def test_a_sign_flipped_state(self):
        mine = OURS_NEW(nn.Linear(20, 10))
        expected = mine.eval().weight.detach()
        mine.parametrizations.weight[0]._u.neg_()
        close(self, mine.weight, expected, rounding(20))

    def test_zero_weight_gives_nan(self):
        for ours in (OURS_NEW, OURS_OLD):
            layer = nn.Linear(6, 5, bias=False)
            nn.init.zeros_(layer.weight)
            layer = ours(layer)
            x = torch.randn(2, 6)
            for mode in (True, False):
                layer.train(mode)
                self.assertTrue(torch.equal(layer(x), torch.zeros(2, 5)))
            layer.train()
            layer(x).sum().backward()
            (original,) = layer.parameters()
            self.assertTrue(torch.isfinite(original.grad).all())
            with torch.no_grad():
                original.normal_()
            for _ in range(100):
                layer(x)
            layer.eval()
            layer(x)
            self.assertAlmostEqual(largest(layer.weight), 1, 3)  # the state has not been lost

    def test_first_forward_in_eval_is_garbage(self):
        for seed in range(5):
            torch.manual_seed(seed)
            layer = nn.Linear(64, 48)
            mine = OURS_OLD(copy.deepcopy(layer)).eval()
            mine(torch.randn(2, 64))
            self.assertLess(largest(mine.weight), 1.1)
            self.assertGreater(largest(mine.weight), 0.99)
        # a checkpoint of a state that has made no step
        fresh = copy.deepcopy(TORCH_OLD(nn.Linear(64, 48)).state_dict())
        mine = OURS_OLD(nn.Linear(64, 48))
        mine.load_state_dict(fresh)
        mine.eval()(torch.randn(2, 64))
        self.assertLess(largest(mine.weight), 1.1)

    def test_eval_then_train_then_backward_raises_the_in_place_error(self):
        for ours in (OURS_NEW, OURS_OLD):
            mine = ours(nn.Linear(6, 5))
            x = torch.randn(2, 6)
            mine(x)
            mine.eval()
            first = mine(x)
            mine.train()
            second = mine(x)
            (first + second).sum().backward()

    def test_half_on_cpu(self):
        for dtype in (torch.half, torch.bfloat16):
            for ours in (OURS_NEW, OURS_OLD):
                mine = ours(nn.Linear(40, 30).to(dtype))
                x = torch.randn(3, 40).to(dtype)
                for _ in range(3):
                    mine(x).float().sum().backward()
                weight = mine.weight
                self.assertEqual(weight.dtype, dtype)
                self.assertTrue(torch.isfinite(weight).all())

    def test_script_fails_for_both(self):
        x = torch.randn(3, 6)
        for ours in (OURS_NEW, OURS_OLD):
            eager = nn.Sequential(ours(nn.Linear(6, 5)), nn.ReLU(), ours(nn.Linear(5, 4)))
            twin = nn.Sequential(ours(nn.Linear(6, 5)), nn.ReLU(), ours(nn.Linear(5, 4)))
            twin.load_state_dict(eager.state_dict())
            scripted = torch.jit.script(twin)
            self.assertEqual(list(scripted.state_dict()), list(eager.state_dict()))
            for _ in range(3):
                outputs = [eager(x), scripted(x)]
                close(self, outputs[1], outputs[0], rounding(6, factor=64))
            grads = [torch.autograd.grad(outputs[0].sum(), list(eager.parameters())),
                     torch.autograd.grad(outputs[1].sum(), list(scripted.parameters()))]  # fmt: skip
            for p, q in zip(*grads):
                close(self, q, p, rounding(6, factor=64))
            eager.eval()
            scripted.eval()
            close(self, scripted(x), eager(x), rounding(6, factor=64))

    def test_trace_fails_in_training(self):
        x = torch.randn(3, 6)
        for ours in (OURS_NEW, OURS_OLD):
            module = nn.Sequential(ours(nn.Linear(6, 5)), nn.ReLU())
            traced = torch.jit.trace(module, (x,), check_trace=False)
            before = [b.clone() for b in module.buffers()]
            outputs = [traced(x), traced(x)]
            changed = [not torch.equal(a, b) for a, b in zip(before, module.buffers())]
            self.assertTrue(all(changed))
            weight = dict(module.named_parameters())
            (gradient,) = torch.autograd.grad(outputs[1].sum(), [p for n, p in weight.items() if "bias" not in n])
            self.assertGreater(gradient.abs().max().item(), 0)

    def test_old_checkpoints_do_not_load(self):
        old = OURS_OLD(nn.Linear(9, 8))
        x = torch.randn(2, 9)
        for _ in range(3):
            old(x)
        expected = old.eval()(x)
        mine = OURS_NEW(nn.Linear(9, 8)).eval()
        mine.load_state_dict(sigmax.torch.hook_to_parametrization(old.state_dict()))
        close(self, mine(x), expected, rounding(9, factor=32))
        back = sigmax.torch.parametrization_to_hook(mine.state_dict())
        self.assertEqual(set(back), set(old.state_dict()))
        self.assertEqual(back._metadata[""]["spectral_norm"], {"weight.version": 1})
        again = OURS_OLD(nn.Linear(9, 8))
        again.load_state_dict(back)
        self.assertTrue(torch.equal(again.weight_u, old.weight_u))


if __name__ == "__main__":
    unittest.main()
