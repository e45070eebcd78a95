"""torch.func and forward-mode differentiation with normalized weights.

Values are compared with torch's own parametrization and hook from the same converged state, with finite differences,
and with one model after another.
"""

import copy
import unittest

import torch
import torch.autograd.forward_ad as forward_ad
from torch import nn
from torch.func import (
    functional_call, functionalize, grad, hessian, jacfwd, jacrev, jvp, linearize, stack_module_state, vjp, vmap,
)  # fmt: skip

import sigmax.torch
from common import OURS_NEW, OURS_OLD, TORCH_NEW, TORCH_OLD, TestCase, close, rounding

# The state has converged to rounding; sums of some hundred products and divisions by sigma follow.
CLOSE = rounding(12, 12, dtype=torch.float64, factor=512)


def apply_to(model, **options):
    sigmax.torch.apply(model, **options)


def each_layer(normalize):
    def to(model, **options):
        for layer in model:
            if hasattr(layer, "weight"):
                normalize(layer, **options)

    return to


# Kind: how to normalize, the options, and torch's counterpart for comparison.
KINDS = {
    "parametrization": (each_layer(OURS_NEW), {}, each_layer(TORCH_NEW)),
    "hook": (each_layer(OURS_OLD), {}, each_layer(TORCH_OLD)),
    "apply": (apply_to, {}, each_layer(TORCH_NEW)),
    "apply, each read": (apply_to, {"once_per_step": False}, each_layer(TORCH_NEW)),
    "scaled output": (each_layer(OURS_NEW), {"scale_output": True}, each_layer(TORCH_NEW)),
    "once a step": (each_layer(OURS_NEW), {"once_per_step": True}, each_layer(TORCH_NEW)),
}


def linears():
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def convolutions():
    return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.ConvTranspose2d(4, 2, 2), nn.Flatten(), nn.Linear(50, 3))


NETWORKS = {"linears": (linears, (6, 5)), "convolutions": (convolutions, (6, 2, 4, 4))}


def converge(model):
    """Moves every state to the singular vectors, to rounding: a further step changes nothing that a test can detect."""
    with torch.no_grad():
        for module in model.modules():
            for hook in module._forward_pre_hooks.values():
                if hasattr(hook, "reshape_weight_to_matrix"):
                    weight = hook.reshape_weight_to_matrix(module.weight_orig)
                    u, _, v = torch.linalg.svd(weight)
                    module.weight_u.copy_(u[:, 0])
                    module.weight_v.copy_(v[0])
            for name, listed in getattr(module, "parametrizations", {}).items():
                one = listed[0]
                u, _, v = torch.linalg.svd(listed.original.movedim(one.dim, 0).flatten(1))
                one._u.copy_(u[:, 0])
                one._v.copy_(v[0])
    return model


def network(make, normalize, seed=3, training=True, **options):
    torch.manual_seed(seed)
    model = make().double()
    normalize(model, **options)
    return converge(model).train(training)


def functions_of(model, x, target):
    """Name: a result of torch.func for the model, a nest of tensors."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())
    ones = {name: torch.ones_like(p) for name, p in parameters.items()}

    def call(parameters, x=x):
        return functional_call(model, (parameters, buffers), (x,))

    def loss(parameters, x=x, target=target):
        return ((call(parameters, x) - target) ** 2).sum()

    def of_one(parameters, x, target):
        return loss(parameters, x[None], target[None])

    return {
        "grad": lambda: grad(loss)(parameters),
        "vjp": lambda: vjp(call, parameters)[1](target)[0],
        "jvp": lambda: jvp(call, (parameters,), (ones,)),
        "jacrev": lambda: jacrev(call)(parameters),
        "jacfwd": lambda: jacfwd(call)(parameters),
        "hessian": lambda: hessian(loss)(parameters),
        "linearize": lambda: linearize(call, parameters)[1](ones),
        "gradients of single examples": lambda: vmap(grad(of_one), in_dims=(None, 0, 0))(parameters, x, target),
        "jacobians by the input": lambda: vmap(jacrev(lambda x: call(parameters, x[None])))(x),
        "functionalize": lambda: functionalize(lambda p, b: functional_call(model, (p, b), (x,)))(parameters, buffers),
    }


# torch's own version refuses these in training mode ("Trying to use forward AD with div_out"). They are compared with
# evaluation mode, which gives the same values for a converged state.
NOT_IN_TRAINING = {"jvp", "jacfwd", "hessian", "linearize"}


def flat(nest):
    if isinstance(nest, dict):
        return torch.cat([flat(nest[key]) for key in sorted(nest)])
    if isinstance(nest, (tuple, list)):
        return torch.cat([flat(part) for part in nest])
    return nest.detach().flatten()


class Transforms(TestCase):
    def test_every_transform_gives_what_torchs_own_gives(self):
        for place, (make, shape) in NETWORKS.items():
            torch.manual_seed(4)
            x, target = torch.randn(shape, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
            for kind, (ours, options, theirs) in KINDS.items():
                for training in (True, False):
                    mine = functions_of(network(make, ours, training=training, **options), x, target)
                    reference = functions_of(network(make, theirs, training=training), x, target)
                    evaluated = functions_of(network(make, theirs, training=False), x, target)
                    for name, function in mine.items():
                        if place == "convolutions" and name == "hessian":
                            continue  # 20000 second derivatives
                        with self.subTest(place, kind=kind, training=training, name=name):
                            expected = (evaluated if name in NOT_IN_TRAINING else reference)[name]()
                            close(self, flat(function()), flat(expected), CLOSE)

    def test_gradients_agree_with_finite_differences(self):
        model = network(linears, each_layer(OURS_NEW), training=False)
        x, target = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
        # The state is moved off the singular vectors; it counts as a constant.
        for listed in (model[0].parametrizations.weight, model[2].parametrizations.weight):
            listed[0]._u.add_(0.3 * torch.randn_like(listed[0]._u))
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        buffers = dict(model.named_buffers())

        def loss(parameters):
            return ((functional_call(model, (parameters, buffers), (x,)) - target) ** 2).sum()

        direction = {name: torch.randn_like(p) for name, p in parameters.items()}
        step = 1e-5

        def along(function, t):
            return function({name: p + t * direction[name] for name, p in parameters.items()})

        difference = (along(loss, step) - along(loss, -step)) / (2 * step)
        by_grad = sum((g * direction[name]).sum() for name, g in grad(loss)(parameters).items())
        by_jvp = jvp(loss, (parameters,), (direction,))[1]
        # The error has second order in the step, plus rounding divided by the step.
        tolerance = 1e3 * step**2 + 1e3 * torch.finfo(torch.float64).eps / step
        close(self, by_grad, difference, tolerance)
        close(self, by_jvp, difference, tolerance)
        slope = jvp(grad(loss), (parameters,), (direction,))[1]
        second = flat(along(grad(loss), step)) - flat(along(grad(loss), -step))
        close(self, flat(slope), second / (2 * step), tolerance)

    def test_a_training_step_under_a_transform_steps_the_state(self):
        for kind, (ours, options, _) in KINDS.items():
            with self.subTest(kind):
                torch.manual_seed(5)
                model = linears().double()
                ours(model, **options)
                with torch.no_grad():
                    for p in model.parameters():
                        p.normal_()
                eager = copy.deepcopy(model) if kind != "hook" else None
                if eager is None:
                    eager = linears().double()
                    ours(eager, **options)
                    eager.load_state_dict(model.state_dict())
                x, target = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
                before = {name: b.clone() for name, b in model.named_buffers()}
                functions_of(model, x, target)["grad"]()
                eager(x)
                for name, buffer in model.named_buffers():
                    self.assertFalse(torch.equal(buffer, before[name]), name)
                    close(self, buffer, eager.get_buffer(name), CLOSE, name)

    def test_ensembles_by_vmap(self):
        x, target = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
        for kind, (ours, options, _) in KINDS.items():
            for training in (True, False):
                models = []
                for seed in range(4):
                    torch.manual_seed(seed)
                    models.append(linears().double())
                    ours(models[-1], **options)
                    models[-1](x)  # a hook's first step would differ in evaluation
                    with torch.no_grad():
                        for parameter in models[-1].parameters():
                            parameter.normal_()
                    models[-1].train(training)
                parameters, buffers = stack_module_state(models)
                parameters = {name: p.detach() for name, p in parameters.items()}

                def loss(parameters, buffers):
                    return ((functional_call(models[0], (parameters, buffers), (x,)) - target) ** 2).sum()

                for name, gradient in (
                    ("vmap of grad", lambda: vmap(grad(loss))(parameters, buffers)),
                    ("grad of vmap", lambda: grad(lambda p: vmap(loss)(p, buffers).sum())(parameters)),
                ):
                    with self.subTest(kind, training=training, name=name):
                        start = {key: b.clone() for key, b in buffers.items()}
                        found = gradient()
                        for k, model in enumerate(models):
                            single = {key: p[k].clone() for key, p in parameters.items()}
                            own = {key: b[k].clone() for key, b in start.items()}
                            if training and "once" not in kind and kind != "apply" or not training:
                                expected = grad(loss)(single, own)
                                for key in found:
                                    close(self, found[key][k], expected[key], CLOSE, key)
                                for key in own:
                                    close(self, buffers[key][k], own[key], CLOSE, key)

    def test_one_state_for_many_weights_is_refused_in_training_only(self):
        for kind, (ours, options, theirs) in KINDS.items():
            with self.subTest(kind):
                x = torch.randn(6, 5, dtype=torch.float64)
                scales = torch.tensor([1.0, 2.0, -3.0], dtype=torch.float64)

                def outputs(model):
                    parameters = {name: p.detach() for name, p in model.named_parameters()}
                    buffers = dict(model.named_buffers())

                    def call(s):
                        return functional_call(model, ({n: s * p for n, p in parameters.items()}, buffers), (x,))

                    return vmap(call)(scales)

                with self.assertRaisesRegex(RuntimeError, "one state.*map over the buffers.*eval"):
                    outputs(network(linears, ours, training=True, **options))
                mine = outputs(network(linears, ours, training=False, **options))
                # With a negative scale torch's version divides by a negative sigma; ours does not.
                reference = network(linears, theirs, training=False)
                close(self, mine[:2], outputs(reference)[:2], CLOSE)

    def test_options(self):
        for options in (
            {"solver": "lanczos", "n_power_iterations": 3},
            {"learnable_scale": True, "target": 2.0},
            {"at_most": True, "target": 0.5},
            {"n_power_iterations": 50, "tolerance": 1e-3},
        ):
            with self.subTest(str(options)):
                models = []
                for seed in range(3):
                    torch.manual_seed(seed)
                    models.append(nn.Sequential(OURS_NEW(nn.Linear(6, 8), **options)).double())
                    with torch.no_grad():
                        models[-1][0].parametrizations.weight.original.normal_()
                x = torch.randn(4, 6, dtype=torch.float64)
                parameters, buffers = stack_module_state(models)
                found = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(parameters, buffers)
                for k, model in enumerate(models):
                    # With Lanczos, only half the digits: the eigenvector of its small matrix is no more accurate.
                    close(self, found[k], model(x), CLOSE if "solver" not in options else CLOSE**0.5)
                    close(self, buffers["0.parametrizations.weight.0._u"][k].abs(),
                          model[0].parametrizations.weight[0]._u.abs(), CLOSE**0.5)  # fmt: skip

    def test_new_tensors_at_each_step_are_new_weights(self):
        # With torch.func each step of the optimizer creates new tensors, all of version 0.
        model = nn.Sequential(nn.Linear(8, 8))
        sigmax.torch.apply(model)
        original = "0.parametrizations.weight.original"
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        buffers = dict(model.named_buffers())
        x = torch.randn(4, 8)
        for _ in range(40):
            target = 3 * torch.randn(8, 8)
            parameters = {**parameters, original: 0.5 * parameters[original] + 0.5 * target}
            before = buffers["0.parametrizations.weight.0._u"].clone()
            functional_call(model, (parameters, buffers), (x,))
            self.assertFalse(torch.equal(before, buffers["0.parametrizations.weight.0._u"]))
            before = buffers["0.parametrizations.weight.0._u"].clone()
            functional_call(model, (parameters, buffers), (x,))
            self.assertTrue(torch.equal(before, buffers["0.parametrizations.weight.0._u"]))

    def test_a_loaded_hook_makes_its_first_steps_in_vmap_where_it_must(self):
        models = [nn.Sequential(OURS_OLD(nn.Linear(6, 5).double())) for _ in range(3)]
        x = torch.randn(4, 6, dtype=torch.float64)
        models[1](x)  # has made a step; the others have not
        for model in models:
            model.load_state_dict(model.state_dict())
            model.eval()
        parameters, buffers = stack_module_state(models)
        found = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(parameters, buffers)
        for k, model in enumerate(models):
            close(self, found[k], model(x), CLOSE)


class ForwardMode(TestCase):
    def test_dual_tensors_without_torch_func(self):
        x = torch.randn(6, 5, dtype=torch.float64)
        for kind, (ours, options, theirs) in KINDS.items():
            for training in (True, False):
                with self.subTest(kind, training=training):
                    tangents = []
                    for normalize, own, mode in ((ours, options, training), (theirs, {}, False)):
                        model = network(linears, normalize, training=mode, **own)
                        buffers = dict(model.named_buffers())
                        with forward_ad.dual_level():
                            duals = {
                                name: forward_ad.make_dual(p.detach(), torch.ones_like(p))
                                for name, p in model.named_parameters()
                            }
                            y = functional_call(model, (duals, buffers), (x,))
                            tangents.append(forward_ad.unpack_dual(y).tangent.clone())
                    close(self, *tangents, CLOSE)

    def test_many_gradients_at_once(self):
        x = torch.randn(4, 5, dtype=torch.float64)
        for kind, (ours, options, theirs) in KINDS.items():
            with self.subTest(kind):
                found = []
                for normalize, own in ((ours, options), (theirs, {})):
                    model = network(linears, normalize, **own)
                    y = model(x).flatten()
                    parameters = list(model.parameters())
                    found.append(torch.autograd.grad(y, parameters, torch.eye(y.numel(), dtype=y.dtype), is_grads_batched=True))
                close(self, *map(flat, found), CLOSE)


if __name__ == "__main__":
    unittest.main()
