"""PyTorch's contract, row by row, against PyTorch itself in the same process."""

import copy
import pickle
import unittest

import torch
from torch import nn
from torch.nn.utils import parametrize

from common import LAYERS, OURS_NEW, OURS_OLD, TORCH_NEW, TORCH_OLD, TestCase, close, rounding, twins
from sigmax.torch.nn.utils import remove_spectral_norm


def raised(function, *arguments, **named):
    """The type and the message of the exception that a call raises, or None."""
    try:
        function(*arguments, **named)
    except Exception as error:
        return type(error), str(error).strip()
    return None


class Common(TestCase):
    """The table 'common to both interfaces'."""

    def both(self):
        return (("new", OURS_NEW, TORCH_NEW), ("old", OURS_OLD, TORCH_OLD))

    def test_training_and_evaluation_give_the_same_numbers(self):
        for kind, ours, theirs in self.both():
            for name, (make, shape) in LAYERS.items():
                with self.subTest(kind=kind, layer=name):
                    mine, reference = twins(make, ours, theirs)
                    tolerance = rounding(sum(p.numel() for p in mine.parameters()) ** 0.5, factor=32)
                    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (mine, reference)]
                    for step in range(4):
                        if step == 3:
                            mine.eval()
                            reference.eval()
                        x = torch.randn(shape)
                        outputs = [mine(x), reference(x)]
                        close(self, outputs[0], outputs[1], tolerance, "output")
                        for optimizer, output in zip(optimizers, outputs):
                            optimizer.zero_grad()
                            (output**2).sum().backward()
                        for (key, p), (other, q) in zip(mine.named_parameters(), reference.named_parameters()):
                            self.assertEqual(key, other)
                            close(self, p.grad, q.grad, 4 * tolerance, f"gradient of {key}")
                        for optimizer in optimizers:
                            optimizer.step()
                        for (key, p), (other, q) in zip(mine.state_dict().items(), reference.state_dict().items()):
                            self.assertEqual(key, other)
                            close(self, p, q, 4 * tolerance, key)

    def test_more_iterations_and_dims(self):
        for kind, ours, theirs in self.both():
            for options in ({"n_power_iterations": 3}, {"dim": 1}, {"eps": 1e-3}, {"dim": 1, "n_power_iterations": 2}):
                with self.subTest(kind=kind, **options):
                    mine, reference = twins(lambda: nn.Conv2d(5, 6, 3), ours, theirs, **options)
                    x = torch.randn(2, 5, 6, 6)
                    close(self, mine(x), reference(x), rounding(54, factor=32))

    def test_float64_agrees_to_its_own_rounding(self):
        for kind, ours, theirs in self.both():
            mine, reference = twins(lambda: nn.Linear(40, 30).double(), ours, theirs)
            x = torch.randn(3, 40, dtype=torch.float64)
            close(self, mine(x), reference(x), rounding(40, dtype=torch.float64, factor=32), kind)

    def test_a_transposed_convolution_has_its_outputs_in_dimension_1(self):
        mine = OURS_OLD(nn.ConvTranspose2d(3, 5, 2))
        self.assertEqual((mine.weight_u.shape, mine.weight_v.shape), ((5,), (12,)))

    def test_returns_the_module(self):
        for _, ours, _ in self.both():
            module = nn.Linear(3, 4)
            self.assertIs(ours(module), module)

    def test_iterations_must_be_positive(self):
        for _, ours, theirs in self.both():
            for n in (0, -1):
                self.assertEqual(
                    raised(ours, nn.Linear(3, 4), n_power_iterations=n),
                    raised(theirs, nn.Linear(3, 4), n_power_iterations=n),
                )

    def test_state_is_updated_in_place(self):
        for kind, ours, _ in self.both():
            module = ours(nn.Linear(6, 5))
            buffers = dict(module.named_buffers())
            before = {key: (value.data_ptr(), value.clone()) for key, value in buffers.items()}
            module(torch.randn(2, 6))
            for key, value in module.named_buffers():
                self.assertEqual(value.data_ptr(), before[key][0])
                self.assertFalse(torch.equal(value, before[key][1]), f"{kind} {key}")

    def test_difference_of_two_forward_passes_can_be_differentiated(self):
        for _, ours, theirs in self.both():
            mine, reference = twins(lambda: nn.Linear(6, 5), ours, theirs)
            real, fake = torch.randn(4, 6), torch.randn(4, 6)
            for module in (mine, reference):
                (module(real).tanh().mean() - module(fake).tanh().mean()).backward()
            for p, q in zip(mine.parameters(), reference.parameters()):
                close(self, p.grad, q.grad, rounding(30, factor=32))


class Old(TestCase):
    """The table of torch.nn.utils.spectral_norm."""

    def test_state_dict_and_metadata(self):
        mine, reference = twins(lambda: nn.Linear(4, 3), OURS_OLD, TORCH_OLD)
        self.assertEqual(list(mine.state_dict()), list(reference.state_dict()))
        self.assertEqual(mine.state_dict()._metadata, reference.state_dict()._metadata)
        self.assertEqual([n for n, _ in mine.named_parameters()], [n for n, _ in reference.named_parameters()])

    def test_weight_is_a_plain_attribute_that_shares_storage(self):
        module = OURS_OLD(nn.Linear(4, 3))
        self.assertEqual(module.weight.data_ptr(), module.weight_orig.data_ptr())
        self.assertNotIn("weight", module._parameters)
        self.assertNotIn("weight", module._buffers)

    def test_state_dicts_both_ways(self):
        mine, reference = twins(lambda: nn.Linear(7, 6), OURS_OLD, TORCH_OLD)
        x = torch.randn(3, 7)
        for _ in range(3):
            mine(x)
        reference.load_state_dict(mine.state_dict())
        reference.eval()
        mine.eval()
        close(self, mine(x), reference(x), rounding(42))
        reference.train()
        reference(x)
        mine.load_state_dict(reference.state_dict())
        close(self, mine.eval()(x), reference.eval()(x), rounding(42))

    def test_state_dict_of_version_none(self):
        mine, reference = twins(lambda: nn.Linear(7, 6), OURS_OLD, TORCH_OLD)
        x = torch.randn(3, 7)
        for _ in range(3):
            reference(x)
        old = copy.deepcopy(reference.state_dict())
        del old._metadata[""]["spectral_norm"]
        del old["weight_v"]
        old["weight"] = reference.weight.detach().clone()
        expected = reference.eval()(x)
        for strict in (True, False):
            mine.load_state_dict(copy.deepcopy(old), strict=strict)
            # v comes from a pseudo-inverse, whose condition number is cond(W)^2.
            close(self, mine.eval()(x), expected, 1e-3)
        del old["weight"]
        self.assertEqual(
            raised(mine.load_state_dict, copy.deepcopy(old)), raised(reference.load_state_dict, copy.deepcopy(old))
        )

    def test_a_crafted_state_dict_counts_as_the_latest(self):
        mine = OURS_OLD(nn.Linear(7, 6))
        mine(torch.randn(3, 7))
        state = copy.deepcopy(mine.state_dict())
        del state._metadata[""]["spectral_norm"]
        other = OURS_OLD(nn.Linear(7, 6))
        other.load_state_dict(state)
        self.assertTrue(torch.equal(other.weight_v, mine.weight_v))

    def test_remove_bakes_in_the_current_weight(self):
        mine, reference = twins(lambda: nn.Linear(7, 6), OURS_OLD, TORCH_OLD)
        x = torch.randn(3, 7)
        for _ in range(2):
            before = mine(x)
            reference(x)
        u = mine.weight_u.clone()
        remove_spectral_norm(mine)
        torch.nn.utils.remove_spectral_norm(reference)
        self.assertTrue(torch.equal(u, u))
        close(self, mine(x), before, rounding(42))
        close(self, mine.weight, reference.weight, rounding(42))
        self.assertIsInstance(mine._parameters["weight"], nn.Parameter)
        self.assertFalse(mine._forward_pre_hooks or mine._state_dict_hooks or mine._load_state_dict_pre_hooks)

    def test_errors(self):
        def twice(function):
            return lambda: function(function(nn.Linear(3, 4)))

        cases = {
            "twice": (twice(OURS_OLD), twice(TORCH_OLD)),
            "missing": tuple((lambda f: lambda: f(nn.Linear(3, 4), "x"))(f) for f in (OURS_OLD, TORCH_OLD)),
            "none": tuple((lambda f: lambda: f(nn.Linear(3, 4, bias=False), "bias"))(f) for f in (OURS_OLD, TORCH_OLD)),
            "lazy": tuple((lambda f: lambda: f(nn.LazyLinear(4)))(f) for f in (OURS_OLD, TORCH_OLD)),
            "not there": (
                lambda: remove_spectral_norm(nn.Linear(3, 4)),
                lambda: torch.nn.utils.remove_spectral_norm(nn.Linear(3, 4)),
            ),
        }
        for what, (ours, theirs) in cases.items():
            with self.subTest(what):
                self.assertIsNotNone(raised(theirs))
                self.assertEqual(raised(ours), raised(theirs))

    def test_ours_and_theirs_do_not_pile_up(self):
        with self.assertRaisesRegex(RuntimeError, "Cannot register two spectral_norm hooks"):
            OURS_OLD(TORCH_OLD(nn.Linear(3, 4)))

    def test_negative_dim_fails(self):
        self.assertIsNotNone(raised(TORCH_OLD, nn.Conv2d(3, 4, 2), dim=-5))
        self.assertIsNotNone(raised(OURS_OLD, nn.Conv2d(3, 4, 2), dim=-5))

    def test_one_dimension_is_a_column(self):
        mine, reference = twins(lambda: nn.Linear(3, 4), OURS_OLD, TORCH_OLD, name="bias")
        self.assertEqual(mine.bias_v.shape, reference.bias_v.shape)
        x = torch.randn(2, 3)
        close(self, mine(x), reference(x), rounding(4))

    def test_pickle_before_a_forward_pass(self):
        module = pickle.loads(pickle.dumps(OURS_OLD(nn.Linear(5, 7))))
        self.assertIsInstance(module, nn.Linear)
        module(torch.randn(2, 5))
        self.assertAlmostEqual(torch.dot(module.weight_u, torch.mv(module.weight, module.weight_v)).item(), 1, 5)

    def test_deepcopy_before_a_forward_pass(self):
        module = OURS_OLD(nn.Linear(5, 7))
        copied = copy.deepcopy(module)
        x = torch.randn(2, 5)
        self.assertTrue(torch.equal(module(x), copied(x)))
        self.assertNotEqual(module.weight_u.data_ptr(), copied.weight_u.data_ptr())


class New(TestCase):
    """The table of torch.nn.utils.parametrizations.spectral_norm."""

    def test_state_dict(self):
        for options in ({}, {"name": "bias"}):
            mine, reference = twins(lambda: nn.Linear(4, 3), OURS_NEW, TORCH_NEW, **options)
            self.assertEqual(list(mine.state_dict()), list(reference.state_dict()))
            self.assertEqual(mine.state_dict()._metadata, reference.state_dict()._metadata)

    def test_registration_makes_sixteen_iterations(self):
        mine, reference = twins(lambda: nn.Linear(30, 20), OURS_NEW, TORCH_NEW)
        for mine_value, value in zip(mine.state_dict().values(), reference.state_dict().values()):
            close(self, mine_value, value, rounding(30, factor=32))

    def test_each_read_in_training_iterates(self):
        mine, reference = twins(lambda: nn.Linear(9, 8), OURS_NEW, TORCH_NEW)
        for module in (mine, reference):
            for _ in range(3):
                module.weight
        close(self, mine.parametrizations.weight[0]._u, reference.parametrizations.weight[0]._u, rounding(9, factor=32))

    def test_cached_returns_one_object(self):
        mine = OURS_NEW(nn.Linear(9, 8))
        before = mine.parametrizations.weight[0]._u.clone()
        with parametrize.cached():
            self.assertIs(mine.weight, mine.weight)
        self.assertIsNot(mine.weight, mine.weight)
        self.assertFalse(torch.equal(before, mine.parametrizations.weight[0]._u))

    def test_the_training_flag_is_its_own(self):
        mine = OURS_NEW(nn.Linear(9, 8))
        mine.training = False  # does not change the parametrization's flag
        before = mine.parametrizations.weight[0]._u.clone()
        mine.weight
        self.assertFalse(torch.equal(before, mine.parametrizations.weight[0]._u))
        evaluated = OURS_NEW(nn.Linear(9, 8).eval())
        self.assertFalse(evaluated.parametrizations.weight[0].training)

    def test_assignment_goes_to_the_original(self):
        mine = OURS_NEW(nn.Linear(9, 8))
        value = torch.randn(8, 9)
        mine.weight = value
        self.assertTrue(torch.equal(mine.parametrizations.weight.original, value))

    def test_one_dimension(self):
        mine, reference = twins(lambda: nn.Linear(9, 8), OURS_NEW, TORCH_NEW, name="bias")
        self.assertTrue(torch.equal(mine.bias, reference.bias))
        self.assertEqual(dict(mine.named_buffers()), {})

    def test_negative_dim(self):
        mine, reference = twins(lambda: nn.Conv2d(3, 4, 2), OURS_NEW, TORCH_NEW, dim=-3)
        close(self, mine.weight, reference.weight, rounding(16, factor=32))

    def test_errors(self):
        calls = {
            "dim": lambda f: f(nn.Linear(3, 4), dim=2),
            "negative dim": lambda f: f(nn.Linear(3, 4), dim=-3),
            "missing": lambda f: f(nn.Linear(3, 4), "x"),
            "none": lambda f: f(nn.Linear(3, 4, bias=False), "bias"),
            "lazy": lambda f: f(nn.LazyLinear(4)),
        }
        for what, call in calls.items():
            with self.subTest(what):
                self.assertIsNotNone(raised(call, TORCH_NEW))
                self.assertEqual(raised(call, OURS_NEW), raised(call, TORCH_NEW))

    def test_deepcopy(self):
        mine = OURS_NEW(nn.Linear(9, 8))
        x = torch.randn(2, 9)
        mine(x)
        copied = copy.deepcopy(mine)
        self.assertTrue(torch.equal(mine(x), copied(x)))
        self.assertNotEqual(mine.parametrizations.weight[0]._u.data_ptr(), copied.parametrizations.weight[0]._u.data_ptr())

    def test_pickle_raises(self):
        self.assertEqual(
            raised(pickle.dumps, OURS_NEW(nn.Linear(3, 4))), raised(pickle.dumps, TORCH_NEW(nn.Linear(3, 4)))
        )

    def test_complex(self):
        mine, reference = twins(lambda: nn.Linear(9, 8, dtype=torch.complex64), OURS_NEW, TORCH_NEW)
        x = torch.randn(2, 9, dtype=torch.complex64)
        for module in (mine, reference):
            (module(x).abs() ** 2).sum().backward()
        close(self, mine.weight, reference.weight, rounding(9, factor=32))
        close(
            self,
            mine.parametrizations.weight.original.grad,
            reference.parametrizations.weight.original.grad,
            rounding(72, factor=64),
        )

    def test_state_dicts_both_ways(self):
        mine, reference = twins(lambda: nn.Conv2d(3, 6, 3), OURS_NEW, TORCH_NEW)
        x = torch.randn(1, 3, 5, 5)
        mine(x)
        reference.load_state_dict(mine.state_dict())
        close(self, mine.eval()(x), reference.eval()(x), rounding(27))
        reference.train()(x)
        mine.load_state_dict(reference.state_dict())
        close(self, mine(x), reference.eval()(x), rounding(27))

    def test_channels_last_keeps_its_strides(self):
        mine, reference = twins(
            lambda: nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last), OURS_NEW, TORCH_NEW
        )
        self.assertEqual(mine.weight.stride(), reference.weight.stride())
        close(self, mine.weight, reference.weight, rounding(36, factor=32))

    def test_remove_keeps_the_parameter(self):
        module = nn.Linear(9, 8)
        parameter = module.weight
        OURS_NEW(module).eval()
        expected = module.weight.detach().clone()
        parametrize.remove_parametrizations(module, "weight")
        self.assertIs(module.weight, parameter)
        self.assertTrue(torch.equal(module.weight, expected))
        self.assertIs(type(module), nn.Linear)

    def test_twice_on_one_weight(self):
        mine, reference = twins(
            lambda: nn.Linear(9, 8), lambda m: OURS_NEW(OURS_NEW(m)), lambda m: TORCH_NEW(TORCH_NEW(m))
        )
        close(self, mine.weight, reference.weight, rounding(9, factor=64))


if __name__ == "__main__":
    unittest.main()
