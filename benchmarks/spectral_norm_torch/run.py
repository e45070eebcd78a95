#!/usr/bin/env python3
"""Spectral normalization of a model's weights: sigmax.torch against torch's parametrization, in one process.

    PYTHONPATH=build/release/python .venv/bin/python benchmarks/spectral_norm_torch/run.py [--quick] [MODEL...]

For each model the weights of all layers are normalized, forward, and forward and backward with given gradients, from the
same weights and states. A model is

    mlp      Linear 784-128-128-128-10
    sngan    a discriminator for 32x32 images: nine convolutions and a Linear (see sngan() below)
    gpt2     the four matrices of a GPT-2 block, width 768
    llama    the seven matrices of a 1B-Llama block, width 2048, 8192 inside

and the peers are torch.nn.utils.parametrizations.spectral_norm, sigmax.torch.spectral_norm layer by layer, and all
layers of sigmax.torch.apply in one call. The peers take turns in short blocks of calls; a figure is the median over all
calls, and a ratio is that of medians. Before that the weights of all peers and their gradients are compared. `limit` is
the time of the unavoidable memory traffic at the speed of a copy of the model's size, measured in the same run on
memory in use: forward one read of W for the step, a read and a write for the weight; backward a read of W and of G,
another of G, and a write.

Next come the layers themselves for a few rows of x, y = W x and its gradients: plain, with torch's parametrization,
with ours, and with ours scaling the output. The time beyond that of the plain layers is compared.

The last part is the error of sigma over 200 steps of Adam, training the MLP on Fashion-MNIST (on points around ten
centers if the package dataset-fashion-mnist is not installed), and the time of a step.
"""

import argparse
import copy
import gzip
import json
import pathlib
import platform
import statistics
import time

import torch
from torch import nn
from torch.nn.utils import parametrizations

import sigmax.torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
TORCH = parametrizations.spectral_norm


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.Linear(128, 128), nn.Linear(128, 128), nn.Linear(128, 10))


def sngan():
    """The residual discriminator for CIFAR-10 of Miyato et al. 2018 (Spectral normalization for generative adversarial
    networks), table 4: four blocks of two 3x3 convolutions, width 128. A 1x1 convolution is on the shortcut where the
    number of channels changes, in the first block; the others' shortcuts have no weights."""
    sizes = [(3, 128, 3), (128, 128, 3), (3, 128, 1)] + 6 * [(128, 128, 3)]
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


def copy_speed(model):
    """Bytes read and written per second by copies of the model's weights to memory that is in use."""
    pairs = [(layer.weight.detach(), torch.zeros_like(layer.weight)) for layer in model]
    times = []
    end = time.perf_counter() + 0.5
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        for source, target in pairs:
            target.copy_(source)
        times.append(time.perf_counter() - start)
    return 2 * size_of(model) / statistics.median(times)


def size_of(model):
    return sum(layer.weight.nbytes for layer in model)


def take_turns(calls, seconds):
    """The median of each call, in seconds. The calls take turns in blocks of a twentieth of the time or three calls."""
    times = {name: [] for name in calls}
    for call in calls.values():
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 9:
        for name, call in calls.items():
            call()
            block_end = time.perf_counter() + seconds / (20 * len(calls))
            block = []
            while time.perf_counter() < block_end or len(block) < 3:
                start = time.perf_counter()
                call()
                block.append(time.perf_counter() - start)
            times[name] += block
    return {name: statistics.median(found) for name, found in times.items()}


def differences(peers, parameters, gradients):
    """The largest difference of a weight, and of a gradient, from torch's, relative to the largest entry."""
    found = {}
    for name, (run, _) in peers.items():
        weights = run()
        found[name] = [w.detach().clone() for w in weights], torch.autograd.grad(weights, parameters[name], gradients)
    return tuple(
        max(
            ((a - b).abs().max() / b.abs().max()).item()
            for name in found
            for a, b in zip(found[name][kind], found["torch"][kind])
        )
        for kind in (0, 1)
    )


def bench_weights(name, seconds):
    torch.manual_seed(0)
    model = MODELS[name]()
    peers = {}
    for peer, make in PEERS.items():
        torch.manual_seed(1)
        peers[peer] = make(copy.deepcopy(model))
    gradients = [torch.randn_like(layer.weight) for layer in model]
    parameters = {peer: [p for p in made.parameters() if p.ndim > 1] for peer, (_, made) in peers.items()}
    weight_difference, gradient_difference = differences(peers, parameters, gradients)

    def both(run, wanted):
        return lambda: torch.autograd.grad(run(), wanted, gradients)

    speed = copy_speed(model)
    forward = take_turns({p: run for p, (run, _) in peers.items()}, seconds)
    backward = take_turns({p: both(run, parameters[p]) for p, (run, _) in peers.items()}, seconds)
    return {
        "MB": size_of(model) / 1e6,
        "copy GB/s": speed / 1e9,
        "forward": {**forward, "limit": 3 * size_of(model) / speed},
        "forward + backward": {**backward, "limit": 7 * size_of(model) / speed},
        "largest difference of a weight": weight_difference,
        "largest difference of a gradient": gradient_difference,
    }


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


def classification(generator):
    """An endless sequence of batches of 128, (x, label), and their origin."""
    try:
        images, labels = (read_idx(DATA / f"train-{what}.gz") for what in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    except FileNotFoundError:
        centers = torch.randn(10, 784, generator=generator)

        def drawn():
            while True:
                label = torch.randint(10, (128,), generator=generator)
                yield centers[label] + 0.8 * torch.randn(128, 784, generator=generator), label

        return drawn(), "points around ten centers"
    images, labels = images.flatten(1).float().div(255), labels.long()

    def chosen():
        while True:
            index = torch.randint(len(labels), (128,), generator=generator)
            yield images[index], labels[index]

    return chosen(), "Fashion-MNIST"


def read_idx(path):
    with gzip.open(path) as file:
        content = file.read()
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(content[3])]
    return torch.frombuffer(bytearray(content[4 + 4 * len(shape) :]), dtype=torch.uint8).reshape(shape)


def training_error(steps):
    """The relative error of sigma after each step of training, and the cost of a step of the states.

    torch's parametrization normalizes the trained network, and Adam moves its weights. Every rule sees the same weights
    at the same step: its states follow them in parallel to the training. Reads of W per step are counted: torch's reads
    W three times (W v, W^T u, W v again for sigma).
    """
    torch.manual_seed(0)
    batches, source = classification(torch.Generator().manual_seed(1))
    linears = [TORCH(layer) for layer in mlp()]
    model = nn.Sequential(*(part for layer in linears[:-1] for part in (layer, nn.ReLU())), linears[-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rules = {
        "torch, 1 iteration, 3 reads": (None, 1),
        "sigmax power, 1 step, 1 read": ("power", 1),
        "sigmax power, 3 steps, 3 reads": ("power", 3),
        "sigmax lanczos, 2 steps, 2 reads": ("lanczos", 2),
        "sigmax lanczos, 3 steps, 3 reads": ("lanczos", 3),
    }
    weights = [layer.parametrizations.weight.original for layer in linears]
    states = {}
    for rule, (solver, n) in rules.items():
        torch.manual_seed(2)
        states[rule] = [
            parametrizations._SpectralNorm(weight, 1, 0)
            if solver is None
            else sigmax.torch.SpectralNorm(weight, n, 0, solver=solver)
            for weight in weights
        ]
    errors = {rule: [] for rule in rules}
    times = {rule: [] for rule in rules}
    for (x, label), _ in zip(batches, range(steps)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), label).backward()
        optimizer.step()
        with torch.no_grad():
            for rule in rules:
                start = time.perf_counter()
                normalized = [state(weight) for state, weight in zip(states[rule], weights)]
                times[rule].append(time.perf_counter() - start)
                norms = [torch.linalg.svdvals(weight.double())[0].item() for weight in normalized]
                errors[rule] += [abs(norm - 1) for norm in norms]
    figures = {
        rule: {"median": statistics.median(e), "mean": statistics.fmean(e), "max": max(e), "seconds a step":
               statistics.median(times[rule])}
        for rule, e in errors.items()
    }  # fmt: skip
    return {"data": source, "steps": steps, "rules": figures}


def print_times(name, what, times, base):
    line = ", ".join(f"{peer} {1e3 * t:.3f}" for peer, t in times.items())
    ratios = ", ".join(f"{peer} {base / t:.1f}x" for peer, t in times.items() if peer.startswith("sigmax"))
    print(f"{name:6} {what:18} {line} ms; {ratios}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", default=[], help=", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each group of peers")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="to see that it runs")
    parser.add_argument("--output", type=pathlib.Path, default=None, help="benchmarks/results/, for a run of all models")
    options = parser.parse_args()
    seconds = 0.1 if options.quick else options.seconds
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads")
    report = {"torch": torch.__version__, "threads": options.threads, "machine": processor(), "models": {}}
    for name in options.models or list(MODELS):
        result = bench_weights(name, seconds)
        report["models"][name] = result
        print(f"{name:6} {result['MB']:.1f} MB, copying {result['copy GB/s']:.1f} GB/s; largest relative difference of a "
              f"weight {result['largest difference of a weight']:.1e}, of a gradient "
              f"{result['largest difference of a gradient']:.1e}")  # fmt: skip
        for what in ("forward", "forward + backward"):
            print_times(name, what, result[what], result[what]["torch"])
        times = bench_layers(name, seconds, options.rows)
        beyond = {kind: t - times["plain"] for kind, t in times.items() if kind != "plain"}
        result["layers"] = {"rows": options.rows, "whole": times, "beyond plain": beyond}
        print_times(name, f"layers, {options.rows} rows", times, times["torch"])
        print_times(name, "beyond plain", beyond, beyond["torch"])
    report["training"] = training_error(20 if options.quick else 200)
    print(f"{report['training']['steps']} steps of Adam on {report['training']['data']}: |norm - 1| of the normalized weight")
    for rule, e in report["training"]["rules"].items():
        print(f"  {rule:34} median {e['median']:.1e}, mean {e['mean']:.1e}, max {e['max']:.1e};"
              f" {1e3 * e['seconds a step']:.3f} ms a step")  # fmt: skip
    output = options.output
    if output is None and not options.quick and not options.models:
        output = ROOT / "benchmarks" / "results" / "spectral_norm_torch.json"
    if output is not None:
        output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
