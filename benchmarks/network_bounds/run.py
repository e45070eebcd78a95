#!/usr/bin/env python3
"""Bounds of whole networks with published weights or seeds: how small, and how long they take.

    .venv/bin/python benchmarks/network_bounds/run.py [--quick] [--threads N]

Each network is made from its published recipe, written as an ONNX file, and bounded by `sigmax lipschitz` with the
efforts fast and default: the product of the layers' norms, the walk, and the matrix inequality with its time, proof
included.

He networks: numpy.random.default_rng(0), weights standard_normal((out, in)) sqrt(2 / in) in the order of the layers.
ECLipsE's (Xu and Sivaranjani 2024): numpy.random.seed(7 width + 13 layers); for each matrix its norm, uniform(0.4, 1.8),
then randn(out, in); 4 inputs, `layers` matrices in all with one output.
2C2F: default_rng(0), He weights: convolutions 1 -> 16 -> 32 of 4x4 with stride 2 and padding 1 on 28x28, dense 1568-100-10;
once as convolutions and once as the same dense matrices, with effort fast alone.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = ROOT / "build" / "release" / "cli" / "sigmax"
RESULT = ROOT / "benchmarks" / "results" / "network_bounds.json"
sys.path[:0] = [str(ROOT / "tests" / "cli")]
import checkpoints  # a writer of small ONNX models


def he(*widths):
    rng = numpy.random.default_rng(0)
    return [rng.standard_normal((out, ins)) * numpy.sqrt(2 / ins) for ins, out in zip(widths, widths[1:])]


def eclipse(layers, width):
    numpy.random.seed(7 * width + 13 * layers)
    weights = []
    for ins, out in zip([4] + [width] * (layers - 1), [width] * (layers - 1) + [1]):
        norm = numpy.random.uniform(0.4, 1.8)
        weight = numpy.random.randn(out, ins)
        weights.append(weight * (norm / numpy.linalg.norm(weight, 2)))
    return weights


def two_convolutions():
    rng = numpy.random.default_rng(0)
    shapes = [(16, 1, 4, 4), (32, 16, 4, 4), (100, 1568), (10, 100)]
    return [rng.standard_normal(shape) * numpy.sqrt(2 / numpy.prod(shape[1:])) for shape in shapes]


def unrolled(kernel, size):
    """The matrix of a 4x4 convolution with stride 2 and padding 1 on images of size x size."""
    out, ins, half = kernel.shape[0], kernel.shape[1], size // 2
    matrix = numpy.zeros((out, half, half, ins, size + 2, size + 2))
    for a in range(half):
        for b in range(half):
            matrix[:, a, b, :, 2 * a:2 * a + 4, 2 * b:2 * b + 4] = kernel
    return matrix[..., 1:-1, 1:-1].reshape(out * half * half, ins * size * size)


def as_matrices():
    first, second, *dense = two_convolutions()
    return [unrolled(first, 28), unrolled(second, 14), *dense]


NETWORKS = {
    "He 784-8x128-10": lambda: he(784, *[128] * 8, 10),
    "He 784-5x1000-10": lambda: he(784, *[1000] * 5, 10),
    "ECLipsE, 2 layers of 20": lambda: eclipse(2, 20),
    "ECLipsE, 5 layers of 20": lambda: eclipse(5, 20),
    "ECLipsE, 20 layers of 20": lambda: eclipse(20, 20),
    "ECLipsE, 100 layers of 100": lambda: eclipse(100, 100),
    "2C2F": two_convolutions,
    "2C2F as matrices": as_matrices,
}
SLOW = {"He 784-5x1000-10", "2C2F as matrices"}
FAST_ALONE = {"2C2F as matrices"}  # minutes otherwise


def onnx(weights):
    nodes, tensors, value = [], {}, "x"
    for i, weight in enumerate(weights):
        last = i + 1 == len(weights)
        if weight.ndim == 4:
            tensors[f"w{i}"] = ("F64", list(weight.shape), weight.ravel().tolist())
            nodes.append(("Conv", [value, f"w{i}"], [f"v{i}"], {"strides": [2, 2], "pads": [1, 1, 1, 1]}))
            nodes.append(("Relu", [f"v{i}"], [f"z{i}"], {}))
            value = f"z{i}"
            continue
        if i > 0 and weights[i - 1].ndim == 4:
            nodes.append(("Flatten", [value], ["flat"], {"axis": 1}))
            value = "flat"
        tensors[f"w{i}"] = ("F64", [weight.shape[1], weight.shape[0]], weight.T.ravel().tolist())
        nodes.append(("MatMul", [value, f"w{i}"], ["y" if last else f"v{i}"], {}))
        if not last:
            nodes.append(("Relu", [f"v{i}"], [f"z{i}"], {}))
            value = f"z{i}"
    return checkpoints.onnx_graph(nodes, tensors)


def bounded(path, shape, effort, threads):
    arguments = [COMMAND, "lipschitz", path, "--input-shape", f"x={shape}", "--effort", effort, "--no-lower",
                 "--format", "json", "-j", str(threads)]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="without the widest network, and nothing is written")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    version = subprocess.run([COMMAND, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")
    record = {"day": datetime.date.today().isoformat(), "machine": {"cpu": cpu, "threads": options.threads,
                                                                    "sigmax": version[:3]}, "networks": []}
    print(f"{cpu}, {options.threads} threads\n")
    print(f"{'network':28}{'product':>10}{'walk':>12}{'fast':>12}{'s':>8}{'default':>12}{'s':>8}  search")
    for name, make in NETWORKS.items():
        if options.quick and name in SLOW:
            continue
        weights = make()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "network.onnx"
            path.write_bytes(onnx(weights))
            shape = "1x1x28x28" if weights[0].ndim == 4 else f"1x{weights[0].shape[1]}"
            fast = bounded(path, shape, "fast", options.threads)
            default = fast if name in FAST_ALONE else bounded(path, shape, "default", options.threads)
        quick, best = fast["parts"][0], default["parts"][0]
        record["networks"].append({"name": name, "product": fast["product"], "walk": fast["walk"],
                                   "fast": {"upper": quick["upper"], "seconds": quick["seconds"]},
                                   "default": {"upper": best["upper"], "seconds": best["seconds"],
                                               "search": best["method"]}})
        print(f"{name:28}{fast['product']:10.6g}{fast['walk']:12.6g}{quick['upper']:12.6g}{quick['seconds']:8.3f}"
              f"{best['upper']:12.6g}{best['seconds']:8.2f}  {best['method']}", flush=True)
    if not options.quick:
        RESULT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
