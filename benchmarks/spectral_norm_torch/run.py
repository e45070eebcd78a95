#!/usr/bin/env python3
"""Spectral normalization of a model's weights: sigmax.torch against torch's parametrization, in one process.

    PYTHONPATH=build/release/python python benchmarks/spectral_norm_torch/run.py [--threads N] [--seconds S] [MODEL...]

For each model the weights of all layers are normalized, forward, and forward and backward with given gradients, from the
same weights and states, the peers taking turns; a figure is the median. A model is

    mlp      Linear 784-128-128-128-10
    sngan    the SN-GAN discriminator for 32x32: nine convolutions and a Linear
    gpt2     the four matrices of a GPT-2 block, width 768
    llama    the seven matrices of a 1B-Llama block, width 2048, 8192 inside

and the peers are torch.nn.utils.parametrizations.spectral_norm, sigmax.torch.spectral_norm layer by layer, and all
layers of sigmax.torch.apply in one call. `bandwidth` is what the memory traffic that cannot be avoided would take at the
speed of a copy measured in the same run: forward one read of W for the step, a read and a write for the weight; backward
a read of W and of G, another of G, and a write.

--layers times the layers themselves, y = W x for a few rows of x: plain, with torch's parametrization, with ours, and
with ours scaling the output. --training is the error of sigma over 200 steps of Adam.
"""

import argparse
import copy
import json
import pathlib
import platform
import statistics
import time

import torch
from torch import nn

import sigmax.torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
TORCH = torch.nn.utils.parametrizations.spectral_norm


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.Linear(128, 128), nn.Linear(128, 128), nn.Linear(128, 10))


def sngan():
    sizes = [(3, 128, 3), (128, 128, 3), (3, 128, 1), (128, 128, 3), (128, 128, 3), (128, 128, 1), (128, 128, 3),
             (128, 128, 3), (128, 128, 3)]  # fmt: skip
    return nn.Sequential(*(nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in sizes), nn.Linear(128, 1))


def gpt2():
    return nn.Sequential(nn.Linear(768, 2304), nn.Linear(768, 768), nn.Linear(768, 3072), nn.Linear(3072, 768))


def llama():
    shapes = [(2048, 2048), (2048, 512), (2048, 512), (2048, 2048), (2048, 8192), (2048, 8192), (8192, 2048)]
    return nn.Sequential(*(nn.Linear(i, o, bias=False) for i, o in shapes))


MODELS = {"mlp": mlp, "sngan": sngan, "gpt2": gpt2, "llama": llama}


def with_torch(model):
    for layer in model:
        TORCH(layer)
    return lambda: [layer.weight for layer in model], model


def with_sigmax(model):
    for layer in model:
        sigmax.torch.spectral_norm(layer)
    return lambda: [layer.weight for layer in model], model


def with_sigmax_together(model):
    return sigmax.torch.apply(model, once_per_step=False).normalize, model


PEERS = {"torch": with_torch, "sigmax": with_sigmax, "sigmax apply": with_sigmax_together}


def copy_speed():
    """Bytes read and written a second by a copy too large for the caches."""
    source = torch.randn(1 << 26)
    target = torch.empty_like(source)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - start)
    return 2 * source.numel() * 4 / statistics.median(times)


def take_turns(calls, seconds):
    """The median of each call, in seconds; the calls take turns."""
    times = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(3):
            call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def check_same(peers):
    """The peers' weights agree to float32's rounding, or the comparison means nothing."""
    weights = {name: [w.detach().clone() for w in run()] for name, (run, _) in peers.items()}
    worst = 0.0
    for name, found in weights.items():
        for a, b in zip(found, weights["torch"]):
            worst = max(worst, ((a - b).abs().max() / b.abs().max()).item())
    return worst


def bench_weights(name, seconds, speed):
    torch.manual_seed(0)
    model = MODELS[name]()
    peers = {}
    for peer, make in PEERS.items():
        torch.manual_seed(1)
        peers[peer] = make(copy.deepcopy(model))
    difference = check_same(peers)
    gradients = [torch.randn_like(layer.weight) for layer in model]
    parameters = {peer: [p for p in made.parameters() if p.ndim > 1] for peer, (_, made) in peers.items()}

    def forward(run):
        return lambda: run()

    def both(run, wanted):
        return lambda: torch.autograd.grad(run(), wanted, gradients)

    result = {"forward": take_turns({p: forward(run) for p, (run, _) in peers.items()}, seconds)}
    result["forward + backward"] = take_turns({p: both(run, parameters[p]) for p, (run, _) in peers.items()}, seconds)
    size = 4 * sum(g.numel() for g in gradients)
    result["forward"]["bandwidth"] = 3 * size / speed
    result["forward + backward"]["bandwidth"] = 7 * size / speed
    return result, difference


def bench_layers(name, seconds, rows):
    """y = W x of every layer, forward and backward, for `rows` rows of x; convolutions see a 16x16 image."""
    torch.manual_seed(0)
    model = MODELS[name]()
    kinds = {
        "plain": lambda layer: layer,
        "torch": TORCH,
        "sigmax": sigmax.torch.spectral_norm,
        "sigmax scale_output": lambda layer: sigmax.torch.spectral_norm(layer, scale_output=True),
    }
    inputs = [
        torch.randn(rows, layer.in_features) if isinstance(layer, nn.Linear) else torch.randn(rows, layer.in_channels, 16, 16)
        for layer in model
    ]
    calls = {}
    for kind, make in kinds.items():
        torch.manual_seed(1)
        made = [make(layer) for layer in copy.deepcopy(model)]
        wanted = [p for layer in made for p in layer.parameters()]

        def call(made=made, wanted=wanted):
            total = [layer(x).sum() for layer, x in zip(made, inputs)]
            torch.autograd.grad(total, wanted)

        calls[kind] = call
    return take_turns(calls, seconds)


def training_error(steps=200):
    """The relative error of sigma at each step of training a small classifier, whose weights Adam moves by 1e-2.

    Data from a fixed generator: 64-dimensional points around ten centres. Every rule sees the same weights at the same
    step: the weights are those of an unnormalized network, and each state follows them beside it. Reads of W a step
    are counted: torch's step reads W three times (W v, W^T u, W v again for sigma).
    """
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(10, 64, generator=generator)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    rules = {
        "torch, 1 iteration, 3 reads": (None, 1),
        "sigmax power, 1 step, 1 read": ("power", 1),
        "sigmax power, 3 steps, 3 reads": ("power", 3),
        "sigmax lanczos, 2 steps, 2 reads": ("lanczos", 2),
        "sigmax lanczos, 3 steps, 3 reads": ("lanczos", 3),
    }
    states = {}
    for rule, (solver, n) in rules.items():
        torch.manual_seed(2)
        states[rule] = [
            torch.nn.utils.parametrizations._SpectralNorm(layer.weight, 1, 0)
            if solver is None
            else sigmax.torch.SpectralNorm(layer.weight, n, 0, solver=solver)
            for layer in linears
        ]
    errors = {rule: [] for rule in rules}
    for _ in range(steps):
        label = torch.randint(10, (128,), generator=generator)
        x = centres[label] + 0.8 * torch.randn(128, 64, generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), label).backward()
        optimizer.step()
        with torch.no_grad():
            for index, layer in enumerate(linears):
                for rule in rules:
                    normalized = states[rule][index](layer.weight).double()
                    norm = torch.linalg.svdvals(normalized)[0]
                    errors[rule].append(abs(norm.item() - 1))
    return {rule: {"median": statistics.median(e), "mean": statistics.fmean(e), "max": max(e)} for rule, e in errors.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", default=[], help=", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each group of peers")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    speed = copy_speed()
    print(f"torch {torch.__version__}, {options.threads} threads, copy {speed / 1e9:.1f} GB/s")
    report = {"torch": torch.__version__, "threads": options.threads, "copy GB/s": speed / 1e9,
              "machine": platform.processor() or platform.machine(), "models": {}}  # fmt: skip
    for name in options.models or list(MODELS):
        result, difference = bench_weights(name, options.seconds, speed)
        report["models"][name] = {"weights": result, "largest difference": difference}
        for what, times in result.items():
            line = ", ".join(f"{peer} {1e3 * t:.3f} ms" for peer, t in times.items())
            ratios = ", ".join(f"{peer} {times['torch'] / times[peer]:.2f}x" for peer in PEERS if peer != "torch")
            print(f"{name:6} {what:18} {line}; {ratios}")
        print(f"{name:6} largest relative difference of a weight {difference:.1e}")
        if options.layers:
            times = bench_layers(name, options.seconds, options.rows)
            report["models"][name]["layers"] = times
            extra = {kind: t - times["plain"] for kind, t in times.items()}
            print(f"{name:6} layers, {options.rows} rows  " + ", ".join(f"{k} {1e3 * t:.3f} ms" for k, t in times.items())
                  + "; beyond plain: " + ", ".join(f"{k} {1e3 * t:.3f} ms" for k, t in extra.items() if k != "plain"))
    if options.training:
        report["training"] = training_error()
        for rule, e in report["training"].items():
            print(f"training {rule:34} |norm - 1|: median {e['median']:.1e}, mean {e['mean']:.1e}, max {e['max']:.1e}")
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
