#!/usr/bin/env python3
"""Bounds of whole networks with published weights or seeds: how small, and how long they take.

    .venv/bin/python benchmarks/network_bounds/run.py [--quick] [--threads N]

Each network is made from its published recipe, written as an ONNX file, and bounded by `sigmax lipschitz` with the
efforts fast and default: the product of the layers' norms, the walk, and the matrix inequality with its time, proof
included.

He networks: numpy.random.default_rng(0), weights standard_normal((out, in)) sqrt(2 / in) in the order of the layers.
ECLipsE's (Xu and Sivaranjani 2024): numpy.random.seed(7 width + 13 layers); for each matrix its norm, uniform(0.4, 1.8),
then randn(out, in); 4 inputs, `layers` matrices in all with one output.

Residual networks: numpy.random.default_rng(0); x -> W x, then blocks z + B relu(A z), then W z, normal entries of the
variance 1 / in, 2 / in for A, and 1 / (in blocks) for B, in this order.
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


def residual(inputs, blocks, width, outputs):
    """[W, (A, B), ..., W]"""
    rng = numpy.random.default_rng(0)

    def normal(out, ins, variance):
        return rng.standard_normal((out, ins)) * numpy.sqrt(variance / ins)

    first = normal(width, inputs, 1)
    pairs = [(normal(width, width, 2), normal(width, width, 1 / blocks)) for _ in range(blocks)]
    return [first, *pairs, normal(outputs, width, 1)]


NETWORKS = {
    "Residual 64-8x64-10": lambda: residual(64, 8, 64, 10),
    "He 784-8x128-10": lambda: he(784, *[128] * 8, 10),
    "He 784-5x1000-10": lambda: he(784, *[1000] * 5, 10),
    "ECLipsE, 2 layers of 20": lambda: eclipse(2, 20),
    "ECLipsE, 5 layers of 20": lambda: eclipse(5, 20),
    "ECLipsE, 20 layers of 20": lambda: eclipse(20, 20),
    "ECLipsE, 100 layers of 100": lambda: eclipse(100, 100),
}
SLOW = {"He 784-5x1000-10"}


def onnx(weights):
    """A chain with a Relu between two matrices; a pair (A, B) is a residual block, without a Relu next to it."""
    nodes, tensors, value = [], {}, "x"

    def apply(operator, inputs):
        output = "y" if operator is None else f"v{len(nodes)}"
        nodes.append((operator or "Identity", inputs, [output], {}))
        return output

    def times(weight, read):
        name = f"w{len(tensors)}"
        tensors[name] = ("F64", [weight.shape[1], weight.shape[0]], weight.T.ravel().tolist())
        return apply("MatMul", [read, name])

    for before, weight in zip([None, *weights], weights):
        if isinstance(weight, tuple):
            value = apply("Add", [value, times(weight[1], apply("Relu", [times(weight[0], value)]))])
            continue
        if before is not None and not isinstance(before, tuple):
            value = apply("Relu", [value])
        value = times(weight, value)
    apply(None, [value])
    return checkpoints.onnx_graph(nodes, tensors)


def bounded(path, inputs, effort, threads):
    arguments = [COMMAND, "lipschitz", path, "--input-shape", f"x=1x{inputs}", "--effort", effort, "--no-lower",
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
            fast, default = (bounded(path, weights[0].shape[1], effort, options.threads) for effort in ("fast", "default"))
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
