#!/usr/bin/env python3
"""One question, every peer, in one run.

    .venv/bin/python benchmarks/run.py QUESTION... [--repeats N] [--threads N] [--quick]

Draws new data, then lets the C++ program of the question (sigmax and the native peers) and the Python peers take turns
on it, --repeats times; prints a table of medians, each with its ratio to sigmax and its error, and the machine's limit;
writes benchmarks/results/QUESTION.json. Questions: see benchmarks/README.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PROGRAMS = ROOT / "build" / "release" / "benchmarks"
sys.path.insert(0, str(ROOT / "benchmarks"))


def questions():
    """Name: (shapes, shapes under --quick, real weights?, error wanted for the peers that iterate)."""
    matrices = [(2048, 2048), (4096, 1024), (1024, 4096)]
    return {
        "sigma_max": (matrices + [(512, 512)], [(512, 512)], True, (1e-3, 1e-6)),
        "top_k": (matrices, [(1024, 256)], True, (1e-6,)),
        "full_spectrum": (matrices + [(1024, 1024), (384, 384)], [(384, 384)], False, (None,)),
        "proven_enclosure": (matrices + [(512, 512)], [(512, 512)], False, (None,)),
        "batched_small": ([(1000, 64, 64), (1000, 32, 32), (500, 128, 128), (500, 256, 64)], [(100, 64, 64)], False,
                          (1e-6,)),
    }


NATIVE_ONLY = ("gram_product", "mapped_file", "convergence", "normalize_step", "regularizers", "induced_norms",
               "convolution")

# Programs of their own, which write their result themselves.
SCRIPTS = ("spectral_norm_torch", "slow_processes", "recovery", "norms_and_conditioning", "convolution_norm")

# An easy and a hard spectrum among the trained weights: sigma_2 is 0.59 and 0.99 of sigma_1.
CONVERGENCE_ON = ("encoder.layer.0.output.dense.weight", "encoder.layer.0.attention.self.query.weight")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("question", nargs="*", help="default: all")
    parser.add_argument("--repeats", type=int, default=3, help="turns of the native program and the Python peers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="small shapes, to see that it runs")
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    known = (*questions(), *NATIVE_ONLY, *SCRIPTS)
    for question in options.question:
        if question not in known:
            parser.error(f"unknown question {question}; there are {', '.join(known)}")
    options.question = options.question or list(known)
    return options


def real_weights():
    """(name, fp32 array) of trained weights with 1024 or more rows or columns, if they have been fetched."""
    import numpy
    from safetensors import safe_open

    folder = ROOT / "build" / "real-models" / "weights"
    found = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "np") as file:
            for name in file.keys():
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and max(shape) >= 1024 and min(shape) >= 256:
                    found.append((f"{path.stem} {name} {shape[0]}x{shape[1]}", file.get_tensor(name).astype(numpy.float32)))
    # One of each shape is enough.
    by_shape = {array.shape: (name, array) for name, array in reversed(found)}
    return list(by_shape.values())


def run_native(question, options, data=None):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [str(PROGRAMS / f"bench_{question}"), "--threads", str(options.threads), "--json", str(report)]
        command += ["--data", str(data)] if data else []
        command += ["--quick"] if options.quick or data else []
        subprocess.run(command, check=True, stdout=None if data is None else subprocess.DEVNULL)
        return json.loads(report.read_text())


def time_of(peer):
    peer()
    start = time.perf_counter()
    peer()
    first = time.perf_counter() - start
    times = [first]
    for _ in range(min(4, int(0.2 / max(first, 1e-6)))):
        start = time.perf_counter()
        peer()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def reference_of(array):
    import numpy

    values = numpy.linalg.svd(array.astype(numpy.float64), compute_uv=False)
    return values if array.ndim == 2 else values[:, 0]


def error_of(values, reference, batched):
    import numpy

    values = numpy.asarray(values, dtype=numpy.float64)
    wanted = reference[:len(values)]
    scale = wanted if batched else reference[0]
    return float(numpy.max(numpy.abs(values - wanted) / scale))


def key_of(case, wanted):
    return case if wanted is None else f"{case}, to {wanted:.0e}"


def compare(question, name, array, wanted_errors, options):
    """The cases of one array, native and Python peers merged."""
    import numpy
    from common import python_peers

    reference = reference_of(array)
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data.npy"
        numpy.save(data, array)
        make = getattr(python_peers, question)
        peers = {wanted: make(array, wanted) for wanted in wanted_errors}
        for _ in range(options.repeats):
            report = run_native(question, options, data)
            for found in report["cases"]:
                wanted = found.get("wanted") if len(wanted_errors) > 1 else wanted_errors[0]
                case = cases.setdefault(wanted, {"case": key_of(name, wanted if len(wanted_errors) > 1 else None),
                                                 "machine": report["machine"], "candidates": {}, "notes": {}})
                case["notes"].update({k: v for k, v in found.items() if k not in ("case", "candidates")})
                for candidate in found["candidates"]:
                    entry = case["candidates"].setdefault(candidate["name"], {"seconds": [], "errors": []})
                    entry["seconds"].append(statistics.median(candidate["seconds"]))
                    entry["errors"].append(candidate["error"])
            time.sleep(0.2)  # OpenBLAS's workers spin for a while
            for wanted, table in peers.items():
                for peer, call in list(table.items()):
                    try:
                        seconds = time_of(call)
                        error = error_of(call(), reference, array.ndim == 3)
                    except Exception as problem:  # a peer that cannot do the case is left out, and said so
                        print(f"  {peer} left out of {name}: {str(problem).splitlines()[0]}", file=sys.stderr)
                        del table[peer]
                        continue
                    entry = cases[wanted]["candidates"].setdefault(peer, {"seconds": [], "errors": []})
                    entry["seconds"].append(seconds)
                    entry["errors"].append(error)
    return list(cases.values())


def seconds_text(seconds):
    for scale, unit in ((1, "s "), (1e3, "ms"), (1e6, "us")):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def show(case):
    print(case["case"])
    own = statistics.median(next(iter(case["candidates"].values()))["seconds"])
    for name, entry in case["candidates"].items():
        seconds = statistics.median(entry["seconds"])
        ratio = "" if seconds == own else f"{seconds / own:.1f}x"
        print(f"  {name:<40} {seconds_text(seconds):>10} {ratio:>8} {max(entry['errors']):>9.1e}")
    for note, value in case["notes"].items():
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        print(f"  {note.replace('_', ' '):<40} {text:>10}")
    sys.stdout.flush()


def convergence(options):
    """Reads of A against error, on two trained weights if they have been fetched, otherwise on generated spectra."""
    model = ROOT / "build" / "real-models" / "weights" / "all_minilm_l6_v2.safetensors"
    if options.quick or not model.exists():
        return run_native("convergence", options)
    reports = [run_native("convergence", options, f"{model}:{name}") for name in CONVERGENCE_ON]
    return {**reports[0], "cases": [case for report in reports for case in report["cases"]]}


def convolution(options):
    """One thread and several in one record, which the program adds to."""
    with tempfile.TemporaryDirectory() as folder:
        record = pathlib.Path(folder) / "convolution.json"
        for threads in sorted({1, options.threads}):
            command = [str(PROGRAMS / "bench_convolution"), "--threads", str(threads), "--json", str(record)]
            subprocess.run(command + (["--quick"] if options.quick else []), check=True)
        return {"question": "convolution", **json.loads(record.read_text())}


def run_script(question, options):
    package = ROOT / "build" / "release" / "python"
    command = [sys.executable, str(ROOT / "benchmarks" / question / "run.py"), "--threads", str(options.threads)]
    command += ["--quick"] if options.quick else ["--output", str(options.output / f"{question}.json")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(package)})


def ask(question, options):
    if question in SCRIPTS:
        options.output.mkdir(parents=True, exist_ok=True)
        return run_script(question, options)
    if question == "convergence":
        report = convergence(options)
    elif question == "convolution":
        report = convolution(options)
    elif question in NATIVE_ONLY:
        report = run_native(question, options)
    else:
        import numpy

        shapes, quick, real, wanted = questions()[question]
        random = numpy.random.default_rng()
        cases = []
        inputs = [(f"gaussian {'x'.join(map(str, shape))}", random.standard_normal(shape, dtype=numpy.float32))
                  for shape in (quick if options.quick else shapes)]
        if real and not options.quick:
            from common import gradients

            inputs += [(f"trained-like, generated {n}x{n}", gradients.outlier_and_power_law(n, random).astype(numpy.float32))
                       for n in (1024, 2048)]
            inputs += real_weights()
        for name, array in inputs:
            for case in compare(question, name, numpy.ascontiguousarray(array), wanted, options):
                show(case)
                cases.append(case)
        report = {"question": question, "threads": options.threads, "cases": cases}
        report["machine"] = cases[0]["machine"]
        for case in cases:
            del case["machine"]
    report["taken"] = time.strftime("%Y-%m-%d")
    options.output.mkdir(parents=True, exist_ok=True)
    if not options.quick:
        (options.output / f"{question}.json").write_text(json.dumps(report, indent=1) + "\n")


def main():
    options = parse_options()
    warnings.filterwarnings("ignore")  # LOBPCG's, of what its error shows as well
    # Before the libraries are loaded: they read it once.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    for question in options.question:
        print(f"\n== {question}")
        ask(question, options)


if __name__ == "__main__":
    main()
