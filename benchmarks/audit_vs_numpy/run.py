#!/usr/bin/env python3
"""The whole audit of real models by sigmax against NumPy's double-precision SVD of the same matrices, in one run.

    [SIGMAX=path/to/sigmax] python benchmarks/audit_vs_numpy/run.py [--repeats N] [--threads N] [--models REGEX]

sigmax is timed as a command: start, read the file, measure, write the JSON. NumPy is timed for its SVD calls alone, on
arrays that are already in memory and in double, one call per matrix: this accounting favors NumPy. It runs on one
thread and on all of --threads, and the faster of the two counts, model by model. WeightWatcher joins if it is
installed. The peers take turns within each repetition; a figure is the median over the repetitions. On a busy machine
the times mean little: the run then says so, and judges no aim.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "audit_vs_numpy.json"
BUILT = (ROOT / "build" / "release" / "cli" / "sigmax", ROOT / "build" / "release" / "sigmax")
MODELS = ("silero_vad.onnx", "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx",
          "ch_ppocr_mobile_v2.0_cls_infer.onnx", "all_minilm_l6_v2.safetensors")
SIGMAX_RUNS = {
    "sigmax": [],
    "sigmax --quick": ["--quick"],
    "sigmax --quick --certify proven": ["--quick", "--certify", "proven"],
}
VALUES, VECTORS, WEIGHTWATCHER = "numpy values", "numpy svd(a)", "weightwatcher"
PEERS = (VALUES, VECTORS, WEIGHTWATCHER)
# (run, the aim: how many times as fast as NumPy)
AIMS = (("sigmax", 5), ("sigmax --quick", 20))
# The share of the cores beyond which other work makes the times worthless.
BUSY = 0.25
# svd(a) makes a square U; if that would be larger than this, NumPy need not make it (full_matrices=False).
LARGEST_U = 2**30


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=re.compile, default=re.compile(""), help="regular expression on file names")
    parser.add_argument("--peers-only", action="store_true", help="time the peers alone, without sigmax")
    parser.add_argument("--no-vectors", action="store_true", help="leave out svd(a), the slowest peer")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    options = parser.parse_args()
    if options.repeats < 1 or options.threads < 1:
        parser.error("--repeats and --threads must be positive")
    return options


def find_sigmax():
    candidates = [pathlib.Path(os.environ["SIGMAX"])] if "SIGMAX" in os.environ else BUILT
    for path in candidates:
        if path.is_file():
            return str(path.resolve())
    sys.exit(f"no sigmax at {', '.join(map(str, candidates))}: build it, or set SIGMAX")


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def sigmax_audit(binary, model, arguments, threads):
    """Runs the command with its JSON written to a file, as `sigmax audit MODEL --format json > FILE` does."""
    with tempfile.TemporaryFile() as output:
        subprocess.run([binary, "audit", str(model), "--format", "json", "-q", f"-j{threads}", *arguments],
                       stdout=output, check=True)
        output.seek(0)
        return json.loads(output.read())


def matrices_of(path, audited):
    """The double-precision matrices that sigmax measured; without it, every weight as [first, rest]."""
    import checkpoints
    import numpy as np

    weights = checkpoints.read(path)
    if audited is None:
        shapes = {name: (1, array.shape[0], array.size // array.shape[0]) for name, array in weights.items()}
    else:
        shapes = {tensor["name"]: (tensor["batch"], *tensor["matrix"]) for tensor in audited["tensors"]}
    return [block for name, shape in shapes.items()
            for block in np.ascontiguousarray(weights[name]).reshape(shape).astype(np.float64)]


def numpy_values(matrices):
    import numpy as np

    for a in matrices:
        np.linalg.svd(a, compute_uv=False)


def numpy_vectors(matrices):
    import numpy as np

    for a in matrices:
        np.linalg.svd(a, full_matrices=8 * max(a.shape) ** 2 <= LARGEST_U)


def weightwatcher_peer(matrices):
    """A call that has WeightWatcher analyze the matrices as dense layers; nothing if it is not installed."""
    try:
        import torch
        import weightwatcher
    except ImportError:
        return None
    layers = torch.nn.Sequential()
    for a in matrices:
        layer = torch.nn.Linear(a.shape[1], a.shape[0], bias=False)
        layer.weight.data = torch.from_numpy(a.astype("float32"))
        layers.append(layer)
    return lambda: weightwatcher.WeightWatcher(model=layers).analyze()


def on_threads(threads, call, matrices):
    import threadpoolctl

    with threadpoolctl.threadpool_limits(threads, "blas"):
        call(matrices)


def faster_threads(times):
    """For each label the faster of the entries (label, threads), and its number of threads."""
    chosen, threads = {}, {}
    for key, values in times.items():
        label, count = key if isinstance(key, tuple) else (key, None)
        if label not in chosen or statistics.median(values) < statistics.median(chosen[label]):
            chosen[label] = values
            if count:
                threads[label] = count
    return chosen, threads


def time_model(path, binary, options):
    """The medians and all times by peer, and a description of the measured data."""
    audited = sigmax_audit(binary, path, [], options.threads) if binary else None
    matrices = matrices_of(path, audited)
    peers = {}
    if binary:
        for label, arguments in SIGMAX_RUNS.items():
            peers[label] = lambda arguments=arguments: sigmax_audit(binary, path, arguments, options.threads)
    for threads in sorted({1, options.threads}):
        peers[VALUES, threads] = lambda threads=threads: on_threads(threads, numpy_values, matrices)
        if not options.no_vectors:
            peers[VECTORS, threads] = lambda threads=threads: on_threads(threads, numpy_vectors, matrices)
    if weightwatcher := weightwatcher_peer(matrices):
        peers[WEIGHTWATCHER] = weightwatcher

    times = {label: [] for label in peers}
    for _ in range(options.repeats):
        for label, call in peers.items():
            times[label].append(seconds(call))
    times, threads = faster_threads(times)
    largest = sorted((a.shape for a in matrices), key=lambda s: s[0] * s[1] * min(s), reverse=True)[:5]
    result = {"model": path.name, "matrices": len(matrices), "largest": largest,
              "seconds": {label: statistics.median(values) for label, values in times.items()}, "times": times,
              "numpy_threads": threads}
    if audited:
        result["proven"] = audited["summary"]["proven"]
    return result


def total_of(results):
    labels = results[0]["seconds"]
    return {"model": "total", "matrices": sum(r["matrices"] for r in results),
            "seconds": {label: sum(r["seconds"][label] for r in results) for label in labels}}


def ratios(result):
    """The peer's time over sigmax's, by run and peer."""
    times = result["seconds"]
    return {run: {peer: times[peer] / times[run] for peer in PEERS if peer in times}
            for run in SIGMAX_RUNS if run in times}


def machine(threads):
    import numpy as np
    import threadpoolctl

    cpu = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.is_file() and (found := re.search(r"model name\s*: (.*)", info.read_text())):
        cpu = found[1]
    build = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    blas = f"{build.get('name')} {build.get('version')}"
    blas += "".join(f" ({pool['architecture']})" for pool in threadpoolctl.threadpool_info()
                    if pool["user_api"] == "blas" and "numpy" in pool["filepath"])
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "threads": threads,
            "numpy": np.__version__, "blas": blas, "python": platform.python_version(),
            "system": platform.platform(terse=True)}


def other_load():
    """The number of cores that other processes keep busy while this one sleeps for a second; 0 if /proc is missing."""
    counters = pathlib.Path("/proc/stat")
    if not counters.is_file():
        return 0.0

    def idle():
        fields = [int(x) for x in counters.read_text().split("\n", 1)[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    idle_before, all_before = idle()
    time.sleep(1)
    idle_after, all_after = idle()
    return os.cpu_count() * (1 - (idle_after - idle_before) / max(1, all_after - all_before))


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


def report(results, total, where):
    print(f"{where['cpu']}, {where['cores']} cores, {where['threads']} threads each; "
          f"NumPy {where['numpy']} with {where['blas']}; other work: {where['other_load']:.1f} cores\n")
    labels = list(total["seconds"])
    print("Median seconds")
    print_table([["model", "matrices", *labels]] +
                [[r["model"], str(r["matrices"]), *(f"{r['seconds'][label]:.3f}" for label in labels)]
                 for r in (*results, total)])
    all_ratios = ratios(total)
    if not all_ratios:
        return []
    peers = [peer for peer in PEERS if peer in labels]
    print(f"\nTimes faster than {' / '.join(peers)}")
    print_table([["model", *all_ratios]] +
                [[r["model"], *(" / ".join(f"{x:.1f}" for x in by_peer.values()) for by_peer in ratios(r).values())]
                 for r in (*results, total)])
    print()
    if where["busy"]:
        print("The machine was busy with other work: these times mean little, and no aim is judged.")
        return []
    aims = []
    for run, aim in AIMS:
        for peer in (VALUES, VECTORS):
            ratio = all_ratios[run].get(peer)
            if ratio is None:
                continue
            aims.append({"run": run, "peer": peer, "aim": aim, "ratio": ratio, "hit": ratio >= aim})
            print(f"{run} against {peer}: aim {aim}x, measured {ratio:.2f}x: {'hit' if ratio >= aim else 'MISS'}")
    return aims


def main():
    options = parse_options()
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    sys.path.insert(0, str(ROOT / "tests" / "real_models"))
    import fetch  # and NumPy behind it, once the number of threads is set

    binary = None if options.peers_only else find_sigmax()
    try:
        models = fetch.fetch()
    except fetch.NoRegistry as problem:
        fetch.say_skipped(problem)
        return fetch.SKIPPED
    chosen = [models[name] for name in MODELS if options.models.search(name)]
    if not chosen:
        sys.exit(f"no model matches {options.models.pattern!r}; there are {', '.join(MODELS)}")
    results, load = [], [other_load()]
    for path in chosen:
        results.append(time_model(path, binary, options))
        load.append(other_load())
        print(f"{path.name}: done", file=sys.stderr)
    total, where = total_of(results), machine(options.threads)
    where["other_load"] = max(load)
    where["busy"] = where["other_load"] > BUSY * where["cores"]
    aims = report(results, total, where)
    document = {"benchmark": "audit_vs_numpy", "machine": where, "repeats": options.repeats,
                "models": [{**r, "times_faster": ratios(r)} for r in results],
                "total": {**total, "times_faster": ratios(total)}, "aims": aims}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
