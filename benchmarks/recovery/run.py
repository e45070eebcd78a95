#!/usr/bin/env python3
"""Matrix completion and robust PCA: sigmax against the common Python packages and algorithms.

    .venv/bin/python benchmarks/recovery/run.py [--quick] [--threads N] [--limit SECONDS] [--part PART ...]

The packages (packages.py) need an environment of their own; without it they are left out, which the run says:

    python3 -m venv build/recovery-peers
    build/recovery-peers/bin/pip install -r benchmarks/recovery/requirements.txt

For each problem sigmax runs to a proven gap of 1e-4. The peers, packages and algorithms in NumPy (peers.py), run until
their own rule stops them; evaluating the objective is not timed. A figure is the time to an objective within 1e-4 of
the lower end that sigmax has proven, which is what sigmax itself is asked for, the time to the peer's own stop, and the
gap of its answer there, which it cannot state. A peer that has not stopped after --limit seconds is stopped. --part
runs one part and leaves the others in the result file as they are.
"""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_recovery"
RESULT = ROOT / "benchmarks" / "results" / "recovery.json"
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "recovery")]
from common.threads import limit_threads

GAP = 1e-4
PARTS = ("soft-impute", "completion", "robust-pca", "alone")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small problems, to see that it runs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300, help="seconds for each peer and problem")
    parser.add_argument("--part", action="append", choices=PARTS, help="this part alone; may be repeated")
    parser.add_argument("--packages", type=pathlib.Path, default=ROOT / "build" / "recovery-peers" / "bin" / "python",
                        help="a Python that has the packages of requirements.txt")
    parser.add_argument("--output", type=pathlib.Path)
    return parser.parse_args()


def low_rank(random, rows, columns, rank):
    return random.standard_normal((rows, rank)) @ random.standard_normal((rank, columns))


def problems(quick, parts, random):
    """(name, problem, matrix with NaN where nothing is observed, lambda)"""
    import numpy

    if "soft-impute" in parts:
        rows, columns, rank = (120, 90, 3) if quick else (1000, 800, 10)
        m = low_rank(random, rows, columns, rank) + 0.1 * random.standard_normal((rows, columns))
        seen = random.random((rows, columns)) < (0.4 if quick else 0.2)
        lam = 2 if quick else 5
        yield f"soft-impute {rows}x{columns}, rank {rank}", "soft_impute", numpy.where(seen, m, numpy.nan), lam

    if "completion" in parts:
        for rows, columns, rank in ((60, 50, 2), (12, 10, 1)) if quick else ((500, 400, 5), (12, 10, 1)):
            m = low_rank(random, rows, columns, rank)
            seen = random.random((rows, columns)) < (0.2 if rows == 500 else 0.5)
            yield f"completion {rows}x{columns}, rank {rank}", "complete", numpy.where(seen, m, numpy.nan), 0

    if "robust-pca" in parts:
        rows, columns, rank = (100, 80, 3) if quick else (800, 600, 20)
        wrong = random.random((rows, columns)) < 0.1
        m = low_rank(random, rows, columns, rank) + numpy.where(wrong, random.uniform(-20, 20, (rows, columns)), 0)
        lam = 1 / max(rows, columns) ** 0.5
        yield f"robust PCA {rows}x{columns}, rank {rank}", "robust_pca", m, lam

        rows, columns = (60, 50) if quick else (300, 240)
        m = random.standard_normal((rows, columns))
        yield f"robust PCA {rows}x{columns}, Gaussian", "robust_pca", m, 1 / max(rows, columns) ** 0.5


def ask_sigmax(problem, matrix, lam, options):
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data.npy"
        report = pathlib.Path(folder) / "report.json"
        numpy.save(data, matrix)
        command = [PROGRAM, "--problem", problem, "--lambda", repr(lam), "--tolerance", repr(GAP), "--data", data]
        subprocess.run([*command, "--threads", str(options.threads), "--json", report], check=True)
        return json.loads(report.read_text())


def ask_peer(steps, objective, target, limit):
    """Runs a peer's steps; only these are timed."""
    spent, iterations, reached = 0.0, 0, None
    while True:
        start = time.perf_counter()
        x, nuclear, done = next(steps)
        spent += time.perf_counter() - start
        iterations += 1
        value = objective(x, nuclear)
        if reached is None and value <= target:
            reached = spent
        if done or spent > limit:
            return {"seconds_to_objective": reached, "seconds": spent, "iterations": iterations, "objective": value,
                    "stopped_by_itself": bool(done)}


def peers_of(problem, matrix, lam):
    import numpy
    import peers

    seen = ~numpy.isnan(matrix)
    m = numpy.where(seen, matrix, 0)
    if problem == "soft_impute":
        yield ("soft-impute in NumPy", peers.soft_impute(m, seen, lam),
               lambda x, nuclear: peers.objective_of_soft_impute(m, seen, lam, x, nuclear))
    elif problem == "complete":
        for name, steps in (("inexact ALM in NumPy", peers.augmented_completion(m, seen)),
                            ("SVT in NumPy", peers.singular_value_thresholding(m, seen))):
            yield name, steps, lambda x, nuclear: peers.objective_of_completion(m, seen, x)
    else:
        for name, steps in (("inexact ALM in NumPy", peers.inexact_alm(m, lam)),
                            ("ADMM in NumPy", peers.alternating_directions(m, lam))):
            yield name, steps, lambda x, nuclear: peers.objective_of_robust_pca(m, lam, x, nuclear)


def ask_packages(problem, matrix, lam, target, options):
    """The figures of each package, in an environment and a process of their own."""
    import numpy

    # The semidefinite program takes minutes beyond this.
    if not options.packages.exists() or (problem == "complete" and matrix.size > 300):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data.npy"
        report = pathlib.Path(folder) / "report.json"
        numpy.save(data, matrix)
        subprocess.run([options.packages, ROOT / "benchmarks" / "recovery" / "packages.py", problem, data, "--lambda",
                        repr(lam), "--target", repr(target), "--limit", repr(options.limit), "--threads",
                        str(options.threads), "--json", report], check=True)
        return json.loads(report.read_text())


def measured_on():
    """The machine and the day."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": name, "cores": os.cpu_count(), "openblas_kernels": os.environ.get("OPENBLAS_CORETYPE", "detected"),
            "day": datetime.date.today().isoformat()}


def kept(old, new):
    """The cases of the file with those of this run in the place of the same."""
    names = [case["case"] for case in new]
    return [case for case in old if case["case"] not in names] + new


def seconds_text(seconds):
    return "never" if seconds is None else f"{seconds:.2f} s"


def main():
    options = parse_options()
    limit_threads(options.threads)
    import numpy

    parts = options.part or PARTS
    if not options.packages.exists():
        print(f"{options.packages}: not there, so no packages: see --help")
    random = numpy.random.default_rng()
    cases = []
    print(f"{'':46}  {'to a gap of 1e-4':>16}  {'own stop':>10}  {'steps':>5}  {'gap':>8}")
    for name, problem, matrix, lam in problems(options.quick, parts, random):
        own = ask_sigmax(problem, matrix, lam, options)
        print(f"{name}\n  {'sigmax, gap proven':44}  {seconds_text(own['seconds']):>16}  {'':>10}  {own['iterations']:>5}"
              f"  {own['gap']:8.1e}")
        target = own["lower"] / (1 - GAP)
        found = {peer: ask_peer(steps, objective, target, options.limit)
                 for peer, steps, objective in peers_of(problem, matrix, lam)}
        found |= ask_packages(problem, matrix, lam, target, options)
        for peer, figures in found.items():
            figures["gap"] = (figures["objective"] - own["lower"]) / figures["objective"]
            print(f"  {peer:44}  {seconds_text(figures['seconds_to_objective']):>16}  {seconds_text(figures['seconds']):>10}"
                  f"  {figures['iterations']:>5}  {figures['gap']:8.1e}")
        cases.append({"case": name, "lambda": lam, "sigmax": own, "peers": found})
    alone = []
    if "alone" in parts:
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "report.json"
            command = [PROGRAM, "--threads", str(options.threads), "--json", report]
            subprocess.run(command + (["--quick"] if options.quick else []), check=True)
            alone = json.loads(report.read_text())["cases"]
    if options.output or not options.quick:
        output = options.output or RESULT
        output.parent.mkdir(parents=True, exist_ok=True)
        old = json.loads(output.read_text()) if options.part and output.exists() else {}
        result = {"question": "recovery", **measured_on(), "threads": options.threads,
                  "cases": kept(old.get("cases", []), cases),
                  "sigmax_alone": kept(old.get("sigmax_alone", []), alone)}
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
