#!/usr/bin/env python3
"""The norm of each convolution of four networks: sigmax with proof, and what people use today, in one run.

    .venv/bin/python benchmarks/convolution_norm/run.py [--quick] [--threads N] [--limit FLOPS] [--kernels smoothed]

sigmax answers two questions: the norm at every input size to 1e-3, and the norm at the layer's own size with zero padding
to 2 %. The layers, and for each layer all candidates, run in random order. Kernels are drawn: Gaussian, or smoothed like
trained ones. A peer that would need more than --limit operations for a layer is left out there; the totals say over how
many layers they are.

Width: (upper - lower) / upper of sigmax. Excess: a peer's value over sigmax's proven lower end of what the peer claims
to bound, negative where the peer is below the norm at the layer's size.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_convolution_norm"
RESULT = ROOT / "benchmarks" / "results" / "convolution_norm.json"
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "convolution_norm")]
from common.threads import limit_threads


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="the SN-GAN discriminator alone")
    parser.add_argument("--networks", nargs="*", help="default: all four")
    parser.add_argument("--kernels", nargs="*", default=["gaussian", "smoothed"], choices=["gaussian", "smoothed"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=2e12, help="flops of one peer on one layer")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    return parser.parse_args()


def ask_sigmax(folder, kernel, layer, every_size, options):
    import numpy

    _, _, _, _, stride, padding, size = layer
    path = folder / "kernel.npy"
    numpy.save(path, kernel)
    command = [PROGRAM, "--kernel", path, "--size", str(size), "--stride", str(stride), "--padding", str(padding),
               "--threads", str(options.threads), "--rounds", "1"]
    command += ["--every-size", "--width", "1e-3"] if every_size else ["--width", "0.02"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ask_peer(peer, kernel, layer):
    _, _, _, _, stride, padding, size = layer
    start = time.perf_counter()
    value, claim = peer(kernel, stride, padding, size)
    return {"value": value, "claim": claim, "seconds": time.perf_counter() - start}


def measure(layer, kernel, folder, random, options):
    import peers

    name, out, channels, taps, stride, padding, size = layer
    candidates = {"sigmax, every size": lambda: ask_sigmax(folder, kernel, layer, True, options),
                  "sigmax, this size": lambda: ask_sigmax(folder, kernel, layer, False, options)}
    for peer, function in peers.PEERS.items():
        if peers.work(peer, out, channels, taps, size) <= options.limit:
            candidates[peer] = lambda function=function: ask_peer(function, kernel, layer)
    names = list(candidates)
    random.shuffle(names)
    found = {one: candidates[one]() for one in names}
    return {"layer": name, "shape": [out, channels, taps, taps], "stride": stride, "padding": padding, "size": size,
            "candidates": found}


def width(end):
    return (end["upper"] - end["lower"]) / end["upper"]


def show(network, kind, cases):
    print(f"\n{network}, {kind} kernels, {len(cases)} layers")
    print(f"  {'':46}  {'layers':>6}  {'seconds':>8}  what it found")
    names = sorted({name for case in cases for name in case["candidates"]}, key=lambda n: (not n.startswith("sigmax"), n))
    for name in names:
        with_it = [case for case in cases if name in case["candidates"]]
        seconds = sum(case["candidates"][name]["seconds"] for case in with_it)
        if name.startswith("sigmax"):
            widths = sorted(width(case["candidates"][name]) for case in with_it)
            note = f"width: median {widths[len(widths) // 2]:.1e}, largest {widths[-1]:.1e}, all proven"
            if not all(case["candidates"][name]["proven"] for case in with_it):
                note = note.replace("all proven", "NOT all proven")
        else:
            excess = []
            for case in with_it:
                truth = case["candidates"]["sigmax, this size"]["lower"]
                excess.append(case["candidates"][name]["value"] / truth - 1)
            note = f"{min(excess):+.1%} to {max(excess):+.1%} of the norm at this size"
        print(f"  {name:46}  {len(with_it):>6}  {seconds:>8.2f}  {note}")


def main():
    options = parse_options()
    limit_threads(options.threads)
    import layers
    import numpy
    import torch

    torch.set_num_threads(options.threads)
    random = numpy.random.default_rng()
    networks = options.networks or (["SN-GAN discriminator"] if options.quick else list(layers.NETWORKS))
    work = [(network, kind, layer) for network in networks for kind in options.kernels for layer in layers.NETWORKS[network]]
    random.shuffle(work)
    results = {}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for done, (network, kind, layer) in enumerate(work):
            print(f"\r{done} of {len(work)} layers", end="", file=sys.stderr, flush=True)
            kernel = getattr(layers, kind)(random, *layer[1:4])
            case = measure(layer, kernel, pathlib.Path(folder), random, options)
            results.setdefault((network, kind), []).append(case)
    print("\r", end="", file=sys.stderr)
    for (network, kind), cases in sorted(results.items()):
        order = {layer[0]: i for i, layer in enumerate(layers.NETWORKS[network])}
        cases.sort(key=lambda case: order[case["layer"]])
        show(network, kind, cases)
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    options.output.write_text(json.dumps({
        "question": "convolution_norm", "machine": {"processor": cpu, "threads": options.threads},
        "cases": [{"network": network, "kernels": kind, "layers": cases} for (network, kind), cases in results.items()],
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
