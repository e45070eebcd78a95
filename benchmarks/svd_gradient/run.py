#!/usr/bin/env python3
"""Forward and backward through the largest singular triplet: sigmax, torch, JAX and dense least squares, in one run.

    .venv/bin/python benchmarks/svd_gradient/run.py [CASE-REGEX] [--repeats N] [--threads N] [--quick]

The loss is xi sigma + phi . u + psi . v with random cotangents, in single precision. A figure is the time of the value
and the gradient together: for sigmax its own svd() and svd_vjp(), each time from a new random start; for torch and JAX
torch.linalg.svd or jax.numpy.linalg.svd, compiled, and their automatic differentiation. The dense least-squares way is
charged only its backward pass, as if the triplet cost nothing. Quick peers run on one thread and on all, and the
faster counts; they take turns, and the figure is the median over the turns. Errors are relative to the gradient through
the full SVD in double. Cases matching the regular expression are measured and replaced in
benchmarks/results/svd_gradient.json; the exponent of the growth with n is fitted to all cases there. Real weights
take part if tests/real_models/fetch.py has fetched them.
"""

import argparse
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "svd_gradient.json"
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_svd_gradient"
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "gradient_six_ways")]
from common.threads import limit_threads

SIGMAX, TORCH, JAX, DENSE = "sigmax", "torch", "JAX", "least squares, backward alone"
# (case, how many times faster than torch it is meant to be)
AIMS = {"gaussian 64x32": 3, "gaussian 1024x1024": 20, "gaussian 2048x2048": 40}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("cases", nargs="?", type=re.compile, default=re.compile(""), help="regular expression")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it runs")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    return parser.parse_args()


def cases(options, random):
    """(name, function that makes the fp32 matrix)"""
    from common import gradients

    sizes = (128,) if options.quick else (128, 256, 512, 1024, 2048)
    yield "gaussian 64x32", lambda: random.standard_normal((64, 32))
    for n in sizes:
        yield f"gaussian {n}x{n}", lambda n=n: random.standard_normal((n, n))
    for n in sizes:
        yield f"trained {n}x{n}", lambda n=n: gradients.outlier_and_power_law(n, random)
    if not options.quick:
        yield from real_weights()


def real_weights():
    """One MiniLM weight of each shape: a square one, and the two of the feed-forward layer."""
    path = ROOT / "build" / "real-models" / "weights" / "all_minilm_l6_v2.safetensors"
    if not path.exists():
        print("no real weights: tests/real_models/fetch.py fetches them")
        return
    from safetensors import safe_open

    for name in ("attention.self.query", "intermediate.dense", "output.dense"):
        tensor = f"encoder.layer.2.{name}.weight"
        with safe_open(path, "np") as file:
            array = file.get_tensor(tensor)
        yield f"MiniLM {tensor} {array.shape[0]}x{array.shape[1]}", lambda array=array: array


def peers_of(a, xi, phi, psi):
    """Name -> call that gives the gradient."""
    from autodiff import by_torch, jax_and_loss, problem_of
    from ways import augmented

    problem = problem_of(a, xi, phi, psi, full_matrices=False)

    def by_least_squares():
        p, q, _ = augmented(problem)
        return problem.gradient(p, q)

    peers = {TORCH: lambda: by_torch(problem, full_matrices=False), DENSE: by_least_squares}
    found = jax_and_loss()
    if found:
        jax, loss = found
        gradient = jax.jit(jax.value_and_grad(loss))
        arrays = [jax.numpy.asarray(x) for x in (a, xi, phi, psi)]
        peers[JAX] = lambda: gradient(*arrays)[1].block_until_ready()
    return peers


def time_of(call):
    start = time.perf_counter()
    result = call()
    first = time.perf_counter() - start
    if first > 20:  # warming up is a small part of that
        return first, result
    times = []
    until = time.perf_counter() + 0.2
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def fastest_of(call, threads):
    """Times on one thread and on all, and the faster: small matrices are slower on two. JAX has its own threads."""
    import torch

    torch.set_num_threads(threads)
    measured = [time_of(call)]
    if measured[0][0] < 0.05:
        torch.set_num_threads(1)
        measured.append(time_of(call))
    return min(measured, key=lambda pair: pair[0])


def measure(name, array, options, random):
    import numpy
    from common import gradients

    a = numpy.ascontiguousarray(array, dtype=numpy.float32)
    xi, phi, psi = gradients.cotangents(*a.shape, numpy.float32, random)
    reference = gradients.by_full_svd(a, xi, phi, psi)
    record = {"case": name, "rows": a.shape[0], "columns": a.shape[1], "candidates": {}}

    def add(candidate, seconds, error):
        entry = record["candidates"].setdefault(candidate, {"seconds": [], "errors": []})
        entry["seconds"].append(seconds)
        entry["errors"].append(error)

    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "case.npz"
        gradients.save_case(data, a, xi, phi, psi, reference)
        peers = peers_of(a, xi, phi, psi)
        for _ in range(options.repeats):
            report = gradients.run_native(PROGRAM, data, options.threads)
            for candidate in report["candidates"]:
                add(candidate["name"], statistics.median(candidate["seconds"]), candidate["error"])
            record.update(report["notes"])
            time.sleep(0.2)  # the workers of a threaded BLAS spin for a while
            for peer, call in peers.items():
                seconds, found = fastest_of(call, options.threads)
                add(peer, seconds, reference.error(found))
                time.sleep(0.1)
    record["machine"] = report["machine"]
    return record


def median_of(record, candidate):
    return statistics.median(record["candidates"][candidate]["seconds"])


def seconds_text(seconds):
    scale, unit = (1, "s ") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "us")
    return f"{seconds * scale:.3g} {unit}"


def show(record):
    print(record["case"])
    own = median_of(record, SIGMAX)
    for candidate, entry in record["candidates"].items():
        seconds = median_of(record, candidate)
        print(f"  {candidate:<36}{seconds_text(seconds):>10}{seconds / own:>9.1f}x{max(entry['errors']):>10.1e}")
    for note in ("reads forward", "reads backward", "solver"):
        if note in record:
            print(f"  {note:<36}{record[note]:>10}")
    aim = AIMS.get(record["case"])
    if aim:
        ratio = median_of(record, TORCH) / own
        print(f"  aim {aim}x torch: {'met' if ratio >= aim else 'missed'}, {ratio:.1f}x")
    sys.stdout.flush()


def exponents(records, family):
    """The slope of log time over log n, n from 256, by least squares: candidate -> exponent."""
    import numpy

    square = [r for r in records if re.fullmatch(rf"{family} (\d+)x\1", r["case"]) and r["rows"] >= 256]
    if len(square) < 3:
        return {}
    sizes = numpy.log([r["rows"] for r in square])
    common = set.intersection(*(set(r["candidates"]) for r in square))
    return {c: float(numpy.polyfit(sizes, numpy.log([median_of(r, c) for r in square]), 1)[0]) for c in sorted(common)}


def main():
    options = parse_options()
    limit_threads(options.threads)
    import numpy
    import torch

    torch.set_num_threads(options.threads)
    random = numpy.random.default_rng()
    report = {"question": "svd_gradient", "cases": []}
    if options.output.exists():
        report = json.loads(options.output.read_text())
    for name, make in cases(options, random):
        if not options.cases.search(name):
            continue
        record = measure(name, make(), options, random)
        show(record)
        report["machine"] = record.pop("machine")
        report["cases"] = [r for r in report["cases"] if r["case"] != name] + [record]
        report["taken"], report["threads"] = time.strftime("%Y-%m-%d"), options.threads
        report["exponents"] = {family: exponents(report["cases"], family) for family in ("gaussian", "trained")}
        if not options.quick:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(json.dumps(report, indent=1) + "\n")
    for family, found in report.get("exponents", {}).items():
        if found:
            print(f"{family}: time grows as n to the " + ", ".join(f"{e:.2f} ({c})" for c, e in found.items()))


if __name__ == "__main__":
    main()
