"""The norm of each convolution of four networks: sigmax with proof, and what people use today.

    .venv/bin/python benchmarks/convolution_norm/run.py [--quick] [--threads N] [--limit SECONDS] [--kernels smoothed]
                                                        [--seconds N] [--resume] [--show]

sigmax answers three questions: the norm at every input size to 1e-3, the norm at the layer's own size with zero padding
to 2 %, and the circular norm at that size for stride 1 to 1e-8, which some peers compute or bound. For strided layers
it also answers the first question for stride 1, which other peers bound. Kernels are drawn from the record's seed:
Gaussian, or smoothed like trained ones. Layers run in random order, candidates in random order on each, each once. A
peer that takes longer than --limit on a layer is stopped there, and its value is computed at the end of the run, without
a limit and without a time; the record says so. A run measures everything for a new record. --seconds ends it early; --resume goes on with
what the record lacks, on the same kernels. --forget drops what was measured of candidates, so that --resume measures
them again. --show prints what there is. A run of some networks, kernels or candidates, as --quick is one, writes a
record only with --output or --resume.

Width: (upper - lower) / upper of sigmax. A peer's value is held against sigmax's enclosure of the quantity that it
claims to give or to bound. sigmax is tighter than an upper bound if its upper end is smaller; an upper bound below
sigmax's proven lower end is false. Of estimates and values from below only their place is told: they have no second end.
"""

import argparse
import json
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_convolution_norm"
RESULT = ROOT / "benchmarks" / "results" / "convolution_norm.json"
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "convolution_norm")]
from common.machine import describe
from common.threads import limit_threads
from verdict import (CIRCULAR, EVERY_SIZE, KERNELS, THIS_SIZE, WITHOUT_STRIDE, groups, is_asked, is_pointwise, is_settled,
                     judged, totals, verdicts, width)

REQUESTS = {EVERY_SIZE: ["--every-size", "--width", "1e-3"], THIS_SIZE: ["--width", "0.02"],
            CIRCULAR: ["--circular", "--width", "1e-8"],
            WITHOUT_STRIDE: ["--every-size", "--stride", "1", "--width", "1e-3"]}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="the SN-GAN discriminator alone")
    parser.add_argument("--networks", nargs="*", help="default: all four")
    parser.add_argument("--kernels", nargs="*", default=list(KERNELS), choices=list(KERNELS))
    parser.add_argument("--candidates", nargs="*", help="beginnings of names; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=10, help="seconds of one peer on one layer")
    parser.add_argument("--seconds", type=float, help="start nothing after this time")
    parser.add_argument("--resume", action="store_true", help="go on with the record instead of a new one")
    parser.add_argument("--forget", nargs="+", metavar="NAME", help="beginnings of names; measures nothing")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="keep kernels there for the next run")
    parser.add_argument("--output", type=pathlib.Path, help="default: the record of this repository")
    options = parser.parse_args()
    part = options.quick or options.networks or options.candidates or set(options.kernels) != set(KERNELS)
    options.writes = not options.show and bool(options.output or options.resume or options.forget or not part)
    options.output = options.output or RESULT
    return options


def ask_sigmax(kernel, layer, request, threads):
    _, _, _, _, stride, padding, size = layer
    command = [PROGRAM, "--kernel", kernel, "--size", str(size), "--stride", str(stride), "--padding", str(padding),
               "--threads", str(threads), "--rounds", "1", *request]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def answer_questions(threads, pipe):
    """In a process of its own, which can be stopped: [value, claim, seconds] of a peer on a kernel's file."""
    import numpy
    import peers
    import torch

    torch.set_num_threads(threads)
    with torch.no_grad():
        for peer in peers.PEERS.values():  # what happens once in a process
            peer(numpy.ones((16, 16, 3, 3), "float32"), 1, 1, 8)
        pipe.send("ready")
        while True:
            name, path, stride, padding, size = pipe.recv()
            kernel = numpy.load(path)
            start = time.perf_counter()
            value, claim = peers.PEERS[name](kernel, stride, padding, size)
            pipe.send([value, claim, time.perf_counter() - start])


class Peers:
    """Calls peers and stops one that takes longer than a limit."""

    def __init__(self, threads):
        self.threads = threads
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.join()

    def start(self):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=answer_questions, args=(self.threads, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()

    def ask(self, name, kernel, layer, limit):
        if self.process is None:
            self.start()
        self.pipe.send((name, kernel, *layer[4:]))
        if self.pipe.poll(limit):
            value, claim, seconds = self.pipe.recv()
            return {"value": value, "claim": claim, "seconds": seconds}
        self.process.kill()
        self.process.join()
        self.process = None
        return {"seconds": None, "limit_seconds": limit}


def kernel_of(folder, seed, network, kind, layer):
    """Its file. The same kernel in each run with this seed."""
    import layers
    import numpy

    place = zlib.crc32(f"{network} {kind} {layer[0]}".encode())
    path = folder / f"{place}.npy"
    if not path.exists():
        numpy.save(path, getattr(layers, kind)(numpy.random.default_rng([seed, place]), *layer[1:4]))
    return path


def open_record(options):
    import numpy

    if options.resume or options.show or options.forget:
        record = json.loads(options.output.read_text())
        if options.resume and record["machine"]["threads"] != options.threads:
            sys.exit(f"{options.output} is of {record['machine']['threads']} threads")
        return record
    return {"question": "convolution_norm",
            "machine": {**describe(PROGRAM, options.threads), "numpy": numpy.__version__},
            "day": time.strftime("%Y-%m-%d"),
            "seed": int(numpy.random.SeedSequence().entropy % 2**63),
            "cases": []}


def save(options, record):
    if options.writes:
        record["cases"].sort(key=lambda case: (case["network"], case["kernels"], case["layer"]))
        options.output.write_text(json.dumps(record, indent=1) + "\n")


def case_of(record, network, kind, layer):
    name, out, channels, taps, stride, padding, size = layer
    for case in record["cases"]:
        if (case["network"], case["kernels"], case["layer"]) == (network, kind, name):
            return case
    case = {"network": network, "kernels": kind, "layer": name, "shape": [out, channels, taps, taps], "stride": stride,
            "padding": padding, "size": size, "candidates": {}}
    record["cases"].append(case)
    return case


def missing(options, record):
    """[(case, network, kind, layer, names)]: layers in random order, and what each lacks, in random order."""
    import layers
    import numpy
    import peers

    random = numpy.random.default_rng()
    networks = options.networks or (["SN-GAN discriminator"] if options.quick else list(layers.NETWORKS))
    work = []
    for network in networks:
        for kind in options.kernels:
            for layer in layers.NETWORKS[network]:
                case = case_of(record, network, kind, layer)
                found = case["candidates"]
                names = [name for name in (*REQUESTS, *peers.PEERS) if is_asked(case, name)
                         if not options.candidates or name.startswith(tuple(options.candidates))]
                names = [name for name in names if name not in found or not is_settled(found[name], options.limit)]
                random.shuffle(names)
                if names:
                    work.append((case, network, kind, layer, names))
    random.shuffle(work)
    return work


def is_late(candidate):
    return "limit_seconds" in candidate and "value" not in candidate


def measure(options, record):
    import torch

    record["machine"]["torch"] = torch.__version__
    work = missing(options, record)
    count, done = sum(len(names) for *_, names in work), 0
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    with tempfile.TemporaryDirectory() as folder, Peers(options.threads) as peers:
        folder = options.keep or pathlib.Path(folder)
        for case, network, kind, layer, names in work:
            if time.monotonic() > end:
                break
            kernel = kernel_of(folder, record["seed"], network, kind, layer)
            for name in names:
                if time.monotonic() > end:
                    break
                case["candidates"][name] = (ask_sigmax(kernel, layer, REQUESTS[name], options.threads)
                                            if name in REQUESTS else peers.ask(name, kernel, layer, options.limit))
                done += 1
            if not options.keep:
                kernel.unlink()
        print(f"{done} of {count} measured", file=sys.stderr)
        if done == count:
            save(options, record)
            compute_late_values(options, record, folder, end)


def compute_late_values(options, record, folder, end):
    """Of peers that were stopped, without a limit and without a time: this part may run on a busy machine."""
    import layers
    import numpy
    import peers

    late = [(case, name) for case in record["cases"] for name in case["candidates"]
            if is_late(case["candidates"][name])]
    for done, (case, name) in enumerate(late):
        if time.monotonic() > end:
            print(f"{done} of {len(late)} late values", file=sys.stderr)
            return
        found = case["candidates"][name]
        if not is_late(found):
            continue
        layer = next(one for one in layers.NETWORKS[case["network"]] if one[0] == case["layer"])
        kernel = numpy.load(kernel_of(folder, record["seed"], case["network"], case["kernels"], layer))
        found["value"], found["claim"] = peers.VALUES[name](kernel, *layer[4:])
        for other in peers.alike(name):
            if is_late(case["candidates"].get(other, {})):
                case["candidates"][other] |= {"value": found["value"], "claim": found["claim"]}
        save(options, record)


def forget(options, record):
    dropped = 0
    for case in record["cases"]:
        for name in [name for name in case["candidates"] if name.startswith(tuple(options.forget))]:
            del case["candidates"][name]
            dropped += 1
    print(f"{dropped} dropped", file=sys.stderr)


def show_candidate(cases, name):
    found = [case for case in cases if name in case["candidates"]]
    sums = totals(cases, name)
    line = f"  {name:48}  {sums['timed']:>3} of {sums['layers']:<3}  {sums['seconds']:>8.2f} s  "
    if name in REQUESTS:
        widths = sorted(width(case["candidates"][name]) for case in found)
        proven = all(case["candidates"][name]["proven"] for case in found)
        return (line + f"width: median {widths[len(widths) // 2]:.2e}, largest {widths[-1]:.2e}, "
                f"{'all' if proven else 'NOT all'} proven")
    if sums["over_limit"]:
        limits = " and ".join(f"{limit:.0f}" for limit in sums["limits"])
        line += f"over the limit of {limits} s on {sums['over_limit']}; "
    places = [one for one in (judged(case, name) for case in found) if one is not None]
    if not places:
        return line
    excess = sorted(one["excess"] for one in places)
    counts = {where: sum(one["where"] == where for one in places) for where in ("below", "inside", "above")}
    least, most = (f"{one:+.1%}" if abs(one) > 1e-4 else f"{one:+.1e}" for one in (excess[0], excess[-1]))
    return (line + f"{len(places)} values: {least} to {most} of the lower end; {counts['below']} below sigmax's ends, "
            f"{counts['inside']} between them, {counts['above']} above")


def show(record):
    for (network, kind), cases in groups(record):
        print(f"\n{network}, {KERNELS[kind]} kernels, {len(cases)} layers")
        names = sorted({name for case in cases for name in case["candidates"]},
                       key=lambda n: (not n.startswith("sigmax"), n))
        for name in names:
            print(show_candidate(cases, name))
    check(record)


def check(record):
    """Tighter than every upper bound of the peers on every layer; where values lie outside of sigmax's ends."""
    found = verdicts(record)
    print("\nUpper bounds of the peers:")
    for name in sorted({one["name"] for one in found if one["is_bound"]}):
        for what, pointwise in (("kernels larger than 1x1", False), ("1x1 kernels", True)):
            some = [one for one in found
                    if one["name"] == name and one["is_bound"] and is_pointwise(one["case"]) == pointwise]
            if not some:
                continue
            places = [one["where"] for one in some]
            print(f"  {name}, {what}: sigmax's upper end is smaller on {places.count('above')} of {len(some)}, larger "
                  f"on {places.count('inside')}; {places.count('below')} are false, below a proven lower end")
            for one in some:
                if one["where"] == "inside":
                    case = one["case"]
                    print(f"    larger: {case['network']}, {case['kernels']}, {case['layer']}")
    print("Values that are no bounds:")
    for name in sorted({one["name"] for one in found if not one["is_bound"]}):
        some = [one["where"] for one in found if one["name"] == name and not one["is_bound"]]
        print(f"  {name}: {some.count('below')} of {len(some)} below sigmax's enclosure of what it claims to be, "
              f"{some.count('inside')} in it, {some.count('above')} above")


def main():
    options = parse_options()
    limit_threads(options.threads)
    record = open_record(options)
    if options.forget:
        forget(options, record)
    elif not options.show:
        measure(options, record)
    save(options, record)
    if not options.forget:
        show(record)


if __name__ == "__main__":
    main()
