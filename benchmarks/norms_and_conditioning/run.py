#!/usr/bin/env python3
"""Norms and condition numbers: sigmax, with proof and without, against NumPy and SciPy, in one run.

    .venv/bin/python benchmarks/norms_and_conditioning/run.py [--part reads|values|condition] [--quick] [--threads N]

`reads`: 1, inf, fro, -1 and -inf of matrices that do not fit into the cache, next to plain reading of the same bytes and
NumPy's norm. `values`: nuc, 2 and -2 of a Gaussian matrix. `condition`: kappa with proof, to the requested relative
width, against numpy.linalg.cond, and for the 1-norm against SciPy's estimate without a proof: LAPACK's gecon after
getrf, and onenormest with solves by the same factors. Each round draws a new matrix, and program and peers run in random
order; a figure is the median over the rounds. The parts that were measured are replaced in
benchmarks/results/norms_and_conditioning.json.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_norms_and_conditioning"
RESULT = ROOT / "benchmarks" / "results" / "norms_and_conditioning.json"
sys.path[:0] = [str(ROOT / "benchmarks")]
from common.threads import limit_threads

PARTS = ("reads", "values", "condition")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="default: all")
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it runs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def run_program(what, options, data=None):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [PROGRAM, "--what", what, "--threads", str(options.threads), "--json", report]
        command += ["--data", data] if data else []
        command += ["--quick"] if options.quick else []
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(report.read_text())


def seconds_of(call):
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def estimate_by_gecon(a):
    import numpy
    from scipy.linalg import lapack

    factors, _, _ = lapack.dgetrf(a)
    return 1 / lapack.dgecon(factors, numpy.linalg.norm(a, 1))[0]


def estimate_by_onenormest(a):
    import numpy
    from scipy.linalg import lu_factor, lu_solve
    from scipy.sparse.linalg import LinearOperator, onenormest

    factors = lu_factor(a, check_finite=False)
    inverse = LinearOperator(a.shape, dtype=a.dtype, matvec=lambda x: lu_solve(factors, x, check_finite=False),
                             rmatvec=lambda x: lu_solve(factors, x, trans=1, check_finite=False),
                             matmat=lambda x: lu_solve(factors, x, check_finite=False),
                             rmatmat=lambda x: lu_solve(factors, x, trans=1, check_finite=False))
    return numpy.linalg.norm(a, 1) * onenormest(inverse)


def peers_of(part, a):
    import numpy

    if part == "values":
        return {f"numpy norm {ord}": lambda ord=ord: numpy.linalg.norm(a, ord) for ord in ("nuc", 2, -2)}
    return {"numpy cond 1": lambda: numpy.linalg.cond(a, 1), "numpy cond 2": lambda: numpy.linalg.cond(a),
            "numpy cond fro": lambda: numpy.linalg.cond(a, "fro"), "scipy getrf + gecon 1, no proof": lambda: estimate_by_gecon(a),
            "scipy onenormest 1, no proof": lambda: estimate_by_onenormest(a)}


def add(case, name, seconds, **more):
    entry = case["candidates"].setdefault(name, {"seconds": []})
    entry["seconds"].append(seconds)
    entry.update(more)


def add_report(case, report):
    for candidate in report["cases"][0]["candidates"]:
        more = {key: candidate[key] for key in ("relative_width", "proven") if key in candidate}
        add(case, candidate["name"], statistics.median(candidate["seconds"]), **more)


def values_and_condition(part, options):
    """One matrix a round; the program and the peers in random order."""
    import numpy

    n = 256 if options.quick else 2048
    draw = numpy.random.default_rng()
    found = []
    for dtype in (numpy.float64, numpy.float32) if part == "values" else (numpy.float64,):
        case = {"case": f"{part}, gaussian {numpy.dtype(dtype).name} {n}x{n}", "candidates": {}}
        for _ in range(1 if options.quick else options.rounds):
            a = draw.standard_normal((n, n)).astype(dtype)
            with tempfile.TemporaryDirectory() as folder:
                data = pathlib.Path(folder) / "data.npy"
                numpy.save(data, a)
                turns = [("sigmax", None), *peers_of(part, a).items()]
                random.shuffle(turns)
                for name, call in turns:
                    time.sleep(0.2)  # OpenBLAS's workers spin for a while
                    if call is None:
                        add_report(case, run_program(part, options, data))
                    else:
                        add(case, name, seconds_of(call)[0])
        found.append(case)
    return found


def reads(options):
    """The program has its own rounds, and the machine's limit in them; NumPy has no bf16."""
    import numpy

    found = []
    report = run_program("reads", options)
    for own in report["cases"]:
        case = {"case": own["case"], "read_bytes_per_second": own["read_bytes_per_second"], "candidates": {}}
        for candidate in own["candidates"]:
            case["candidates"][candidate["name"]] = {
                key: candidate[key] for key in ("seconds", "share_of_read_bandwidth", "relative_width", "proven") if key in candidate}
        dtype, shape = own["case"].split()
        if dtype != "bf16":
            rows, columns = map(int, shape.split("x"))
            a = numpy.random.default_rng().standard_normal((rows, columns), dtype={"f32": numpy.float32, "f64": numpy.float64}[dtype])
            for ord in (1, numpy.inf, "fro", -1, -numpy.inf):
                seconds_of(lambda: numpy.linalg.norm(a, ord))
                for _ in range(3):
                    add(case, f"numpy norm {ord}", seconds_of(lambda: numpy.linalg.norm(a, ord))[0])
        found.append(case)
    return found


def show(case):
    print(case["case"] + (f", reading {case['read_bytes_per_second'] * 1e-9:.1f} GB/s" if "read_bytes_per_second" in case else ""))
    for name, entry in case["candidates"].items():
        seconds = statistics.median(entry["seconds"])
        share = entry.get("share_of_read_bandwidth")
        width = entry.get("relative_width")
        print(f"  {name:36} {seconds * 1e3:10.1f} ms  {'' if share is None else f'{100 * share:.0f} % of read':>13}"
              f"  {'' if width is None else f'width {width:.1e}, ' + ('proven' if entry['proven'] else 'probable')}")
    sys.stdout.flush()


def main():
    options = parse_options()
    limit_threads(options.threads)
    output = options.output or RESULT
    result = {"question": "norms_and_conditioning", "threads": options.threads, "cases": []}
    if output.exists() and not options.quick:
        result = json.loads(output.read_text())
    for part in options.part or PARTS:
        found = reads(options) if part == "reads" else values_and_condition(part, options)
        for case in found:
            show(case)
        names = {case["case"] for case in found}
        result["cases"] = [case for case in result["cases"] if case["case"] not in names] + found
    result["taken"] = time.strftime("%Y-%m-%d")
    if options.output or not options.quick:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
