"""Random sequences of calls with a model's own tensors, with copies of them, and within transforms.

They are compared with a model of the expected behavior, in plain linear algebra: an output depends only on the tensors
given to the call, whatever came before.

SIGMAX_HUNT is the number of sequences per kind, SIGMAX_HUNT_SEED the first seed.
"""

import copy
import os
import unittest

import torch
from torch import nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

import sigmax.torch
from common import OURS_NEW, OURS_OLD, TestCase, rounding

SEQUENCES = int(os.environ.get("SIGMAX_HUNT", "25"))
SEED = int(os.environ.get("SIGMAX_HUNT_SEED", "0"))
CALLS = 12
FIRST_STEPS = 15
# If a state was never seen before, the tensors decide, and by chance they may look as if stepped. This is the largest
# norm that a weight may have in that case.
LUCK = 2.0
CLOSE = rounding(8, dtype=torch.float64, factor=4096)

KINDS = {
    "hook": lambda layer: OURS_OLD(layer),
    "parametrization": lambda layer: OURS_NEW(layer),
    "once a step": lambda layer: OURS_NEW(layer, once_per_step=True),
    "scaled output, once a step": lambda layer: OURS_NEW(layer, once_per_step=True, scale_output=True),
    "apply": lambda layer: sigmax.torch.apply(layer),
}


def unit(x):
    return x / torch.linalg.vector_norm(x)


class Weight:
    """Distinguishes weights: `values` by their contents, the object itself by their location."""

    def __init__(self, values=None):
        self.values = object() if values is None else values


class Tracked:
    """The history of a state, recorded by the sequence, independently of the tensors."""

    def __init__(self, kind, weight):
        self.kind = kind
        self.stepped = kind != "hook"  # the state has made a step: registration makes it
        self.known = True  # to the module, for exactly these tensors
        self.values = weight.values  # of the weight that the last step was for
        self.seen = weight if self.stepped else None  # these tensors have been stepped for it

    def copied(self):
        result = copy.copy(self)
        result.known, result.seen = False, None
        return result

    def expected(self, tensors, weight, training):
        """[(normalized weight, u, v)]: the results that a call may have. Also updates the history."""
        w, u, v = tensors
        if training:
            if self.seen is not weight or self.kind in ("hook", "parametrization"):
                u, v = self.step(w, u, v)
                self.stepped, self.known, self.values, self.seen = True, True, weight.values, weight
            return [self.result(w, u, v)]
        if self.kind != "hook" or self.stepped and (self.known or self.values is weight.values):
            self.known = True
            return [self.result(w, u, v)]
        warm = u, v
        for _ in range(FIRST_STEPS):
            warm = self.step(w, *warm)
        allowed = [self.result(w, *warm)]
        if not self.known and torch.linalg.matrix_norm(self.result(w, u, v)[0], 2) < LUCK:
            allowed.append(self.result(w, u, v))
        self.stepped, self.known, self.values = True, True, weight.values
        return allowed

    def step(self, weight, u, v):
        if self.kind == "hook":
            v = unit(weight.T @ u)
            return unit(weight @ v), v
        u = unit(weight @ v)
        return u, unit(weight.T @ u)

    @staticmethod
    def result(weight, u, v):
        return weight / abs(u @ weight @ v), u, v


class Sequence:
    def __init__(self, test, kind, seed):
        self.test, self.kind = test, kind
        torch.manual_seed(seed)
        self.rows, self.columns = (int(n) for n in torch.randint(3, 8, (2,)))
        self.x = torch.eye(self.columns, dtype=torch.float64)
        self.models = [self.make() for _ in range(3)]
        self.log = []
        self.lucky = 0

    def make(self):
        model = nn.Sequential(nn.Linear(self.columns, self.rows, bias=False)).double()
        with torch.no_grad():
            model[0].weight.normal_()
        KINDS[self.kind](model if self.kind == "apply" else model[0])
        model.weight = Weight()
        model.tracked = Tracked(self.kind, model.weight)
        return model

    def names(self):
        if self.kind == "hook":
            return "0.weight_orig", "0.weight_u", "0.weight_v"
        base = "0.parametrizations.weight."
        return base + "original", base + "0._u", base + "0._v"

    def tensors(self, model):
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        return parameters, dict(model.named_buffers())

    def check(self, tracked, weight, before, after, output, training):
        values = tracked.values
        allowed = tracked.expected(before, weight, training)
        found = (output.T, *after[1:])
        errors = [max((a - b).abs().max() / b.abs().max() for a, b in zip(found, one)).item() for one in allowed]
        best = min(range(len(allowed)), key=errors.__getitem__)
        self.lucky += best == 1
        if not errors[best] < CLOSE:
            norm = torch.linalg.matrix_norm(output, 2).item()
            self.test.fail(f"{self.kind}, norm {norm:.4g}, off by {errors}\n" + "\n".join(self.log))
        if best == 1:
            tracked.values = values

    def values(self, parameters, buffers, k=None):
        weight, u, v = (({**parameters, **buffers})[name].detach() for name in self.names())
        return tuple(t.clone() if k is None else t[k].clone() for t in (weight, u, v))

    def call(self, model, how, copies, other):
        """One forward pass by `how`, with copies of the buffers or with the model's own, and possibly with another
        model's weight."""
        tracked, weight = model.tracked, other.weight
        parameters, buffers = self.tensors(other)[0], self.tensors(model)[1]
        if copies == "buffers" or copies == "both":
            buffers = {name: b.clone() for name, b in buffers.items()}
        if copies == "both":
            parameters = {name: p.clone() for name, p in parameters.items()}
            weight = Weight(weight.values)
        if copies != "none":
            tracked = tracked.copied()
        before = self.values(parameters, buffers)
        if how == "plain":
            own = copies == "none" and other is model
            output = model(self.x) if own else functional_call(model, (parameters, buffers), (self.x,))
        elif how == "grad":

            def total(p):
                y = functional_call(model, (p, buffers), (self.x,))
                return y.sum(), y.detach()

            _, output = grad(total, has_aux=True)(parameters)
        else:
            output, _ = jvp(lambda p: functional_call(model, (p, buffers), (self.x,)), (parameters,), (parameters,))
        if how != "plain" and self.kind == "hook":
            known = tracked.known and tracked.stepped and not model.training
        self.check(tracked, weight, before, self.values(parameters, buffers), output.detach(), model.training)
        if how != "plain" and self.kind == "hook" and copies == "none":
            tracked.known = known  # nothing is noted within a transform

    def ensemble(self):
        first = self.models[0]
        for model in self.models:
            model.train(first.training)
        parameters, buffers = stack_module_state(self.models)
        parameters = {name: p.detach() for name, p in parameters.items()}
        tracked = [model.tracked.copied() for model in self.models]
        weights = [Weight(model.weight.values) for model in self.models]
        for _ in range(2):
            before = [self.values(parameters, buffers, k) for k in range(len(self.models))]
            outputs = vmap(lambda p, b: functional_call(first, (p, b), (self.x,)))(parameters, buffers)
            for k, (one, start) in enumerate(zip(tracked, before)):
                one.known = False  # nothing is noted within a transform
                self.check(one, weights[k], start, self.values(parameters, buffers, k), outputs[k], first.training)

    def act(self):
        index = int(torch.randint(len(self.models), ()))
        model = self.models[index]
        action = int(torch.randint(9, ()))
        other = model if torch.rand(()) < 0.7 else self.models[int(torch.randint(len(self.models), ()))]
        copies = ("none", "buffers", "both")[int(torch.randint(3, ()))]
        if action <= 3:
            how = ("plain", "plain", "grad", "jvp")[action]
            weight = self.models.index(other)
            self.log.append(f"{index}: {how}, copies of {copies}, weight of {weight}, training={model.training}")
            self.call(model, how, copies, other)
        elif action == 4:
            self.log.append(f"ensemble, training={self.models[0].training}")
            self.ensemble()
        elif action == 5:
            model.train(not model.training)
            self.log.append(f"{index}: training={model.training}")
        elif action == 6:
            self.log.append(f"{index}: weight")
            (weight,) = model.parameters()
            weight.add_(0.5 * torch.randn_like(weight))
            model.weight = Weight()
        elif action == 7:
            assign = bool(torch.randint(2, ()))
            self.log.append(f"{index}: state dict of {self.models.index(other)}, assign={assign}")
            model.load_state_dict(copy.deepcopy(other.state_dict()), assign=assign)
            model.tracked, model.weight = other.tracked.copied(), Weight(other.weight.values)
        else:
            self.log.append(f"{index}: deep copy")
            self.models[index] = copied = copy.deepcopy(model)
            copied.tracked, copied.weight = model.tracked.copied(), Weight(model.weight.values)


class Sequences(TestCase):
    def test_every_output_is_that_of_the_tensors_given(self):
        for kind in KINDS:
            lucky = 0
            for seed in range(SEED, SEED + SEQUENCES):
                with self.subTest(kind, seed=seed), torch.no_grad():
                    sequence = Sequence(self, kind, seed)
                    for _ in range(CALLS):
                        sequence.act()
                    lucky += sequence.lucky
            if os.environ.get("SIGMAX_HUNT"):
                print(f"{kind}: {SEQUENCES} sequences, {lucky} unknown states taken as they were")


if __name__ == "__main__":
    unittest.main()
