#!/usr/bin/env python3
"""In how many processes is the normalization of the weights of a GPT-2 block slow, with sigmax and with torch?

    PYTHONPATH=build/release/python .venv/bin/python benchmarks/slow_processes/run.py [--processes 50] [--one-core]

The system places a process's threads on processors early in the life of the process. So a time may be right in one
process and ten times as much in the next, and constant in each. A benchmark in one process shows one or the other. This
program starts many processes, one after another. Each normalizes the four matrices of a GPT-2 block, forward and
backward, thirty times with sigmax.torch and thirty times with torch's parametrization, on `--threads` threads and then
on one. It reports medians of the time and of the processor time of all threads together.

A process is slow for a call if more threads take more than twice the time of one, and spins if they take more than twice
the processor time of one. The first needs a quiet machine; the second does not, since it does not include the work of
other programs. `--one-core` puts all threads of a process on one core, where a thread that spins for another blocks it.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = [(2304, 768), (768, 768), (3072, 768), (768, 3072)]  # rows, columns: the attention's two, then the others
CALLS = 30
WARM_UP = 5
MUCH = 2.0  # times what one thread takes


def medians(normalize, threads):
    """{call: (milliseconds, milliseconds of processor time)}, for new layers."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers = [normalize(nn.Linear(columns, rows)) for rows, columns in SHAPES]
    gradients = [torch.randn(shape) for shape in SHAPES]
    times = {}
    for call in range(WARM_UP + CALLS):
        for layer, gradient, (rows, columns) in zip(layers, gradients, SHAPES):
            clocks = [(time.perf_counter(), time.process_time())]
            weight = layer.weight
            clocks.append((time.perf_counter(), time.process_time()))
            weight.backward(gradient)
            clocks.append((time.perf_counter(), time.process_time()))
            layer.zero_grad()
            for direction, before, after in zip(("forward", "backward"), clocks, clocks[1:]):
                spent = [1e3 * (b - a) for a, b in zip(before, after)]
                if call >= WARM_UP:
                    times.setdefault(f"{rows}x{columns} {direction}", []).append(spent)
    return {call: [statistics.median(part) for part in zip(*spent)] for call, spent in times.items()}


def worker(threads, one_core, names):
    """One process; prints {peer: {call: [with all threads, with one]}}."""
    from torch.nn.utils import parametrizations

    import sigmax.torch

    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # after OpenMP has counted the cores
    peers = {"sigmax": sigmax.torch.spectral_norm, "torch": parametrizations.spectral_norm}
    result = {}
    for name in names:
        normalize = peers[name]
        many, one = medians(normalize, threads), medians(normalize, 1)
        result[name] = {call: [many[call], one[call]] for call in many}
    print(json.dumps(result))


def table(results):
    """One row per peer and call: medians over processes, and the number of slow and of spinning processes."""

    def exceeds(result, peer, call, kind):
        many, one = result[peer][call]
        return many[kind] > MUCH * one[kind]

    rows = []
    for peer, calls in results[0].items():
        for call in calls:
            many = [[result[peer][call][0][kind] for result in results] for kind in (0, 1)]
            one = [result[peer][call][1][0] for result in results]
            rows.append({
                "peer": peer, "call": call, "ms": statistics.median(many[0]), "most_ms": max(many[0]),
                "cpu_ms": statistics.median(many[1]), "one_thread_ms": statistics.median(one),
                "slow": sum(exceeds(result, peer, call, 0) for result in results),
                "spin": sum(exceeds(result, peer, call, 1) for result in results),
            })  # fmt: skip
        rows.append({
            "peer": peer, "call": "any of them",
            "slow": sum(any(exceeds(result, peer, call, 0) for call in calls) for result in results),
            "spin": sum(any(exceeds(result, peer, call, 1) for call in calls) for result in results),
        })  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", nargs="+", choices=("sigmax", "torch"), default=["sigmax", "torch"])
    parser.add_argument("--one-core", action="store_true", help="all threads of a process on one core")
    parser.add_argument("--quick", action="store_true", help="three processes, and nothing is written")
    parser.add_argument("--output", type=pathlib.Path, default=None, help="default: benchmarks/results/")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return worker(arguments.threads, arguments.one_core, arguments.peers)
    results = []
    load = [os.getloadavg()[0]]
    for number in range(3 if arguments.quick else arguments.processes):
        command = [sys.executable, __file__, "--worker", "--threads", str(arguments.threads)]
        command += ["--one-core"] if arguments.one_core else []
        command += ["--peers", *arguments.peers]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        results.append(json.loads(done.stdout))
        load.append(os.getloadavg()[0])
        print(f"\r{number + 1} processes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = table(results)
    print(f"{'':8}{'call':22}{'ms':>8}{'most':>8}{'cpu ms':>8}{'one thread':>12}   of {len(results)}: slow, spin")
    for row in rows:
        keys = ("ms", "most_ms", "cpu_ms")
        figures = "".join(f"{row[key]:8.2f}" for key in keys) + f"{row['one_thread_ms']:12.2f}" if "ms" in row else " " * 36
        print(f"{row['peer']:8}{row['call']:22}{figures}   {row['slow']:14}{row['spin']:6}")
    print(f"load of the machine: {min(load):.1f} to {max(load):.1f}")
    report = {
        "machine": {"processor": processor(), "processors": os.cpu_count(), "system": platform.platform()},
        "load": [min(load), max(load)],
        "threads": arguments.threads,
        "processes": len(results),
        "rows": rows,
    }
    if not arguments.quick:
        name = "slow_processes_one_core" if arguments.one_core else "slow_processes"
        path = arguments.output or ROOT / "benchmarks" / "results" / f"{name}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
