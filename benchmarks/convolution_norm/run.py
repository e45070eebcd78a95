#!/usr/bin/env python3
"""The norm of each convolution of four networks: sigmax with proof, and what people use today.

    .venv/bin/python benchmarks/convolution_norm/run.py [--quick] [--threads N] [--limit FLOPS] [--kernels smoothed]
                                                        [--seconds N] [--show]

sigmax answers three questions: the norm at every input size to 1e-3, the norm at the layer's own size with zero padding
to 2 %, and the circular norm at that size for stride 1 to 1e-8, which some peers compute or bound. Kernels are drawn:
Gaussian, or smoothed like trained ones. Layers and candidates run in random order, each once. A peer that would need more
than --limit operations for a layer is left out there; the totals say over how many layers they are. --seconds ends a run
early: the next one with the same --output goes on with what is missing, on the same kernels. --show prints what there is.

Width: (upper - lower) / upper of sigmax. A peer's value is held against sigmax's enclosure of the quantity that it
claims to give or to bound. sigmax is tighter than an upper bound if its upper end is smaller; an upper bound below
sigmax's proven lower end is false. Of estimates and values from below only their place is told: they have no second end.
"""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "benchmarks" / "bench_convolution_norm"
RESULT = ROOT / "benchmarks" / "results" / "convolution_norm.json"
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "convolution_norm")]
from common.threads import limit_threads

EVERY_SIZE = "sigmax, every size, to 1e-3"
THIS_SIZE = "sigmax, this size, to 2 %"
CIRCULAR = "sigmax, circular, to 1e-8"
REQUESTS = {EVERY_SIZE: ["--every-size", "--width", "1e-3"], THIS_SIZE: ["--width", "0.02"],
            CIRCULAR: ["--circular", "--width", "1e-8"]}


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="the SN-GAN discriminator alone")
    parser.add_argument("--networks", nargs="*", help="default: all four")
    parser.add_argument("--kernels", nargs="*", default=["gaussian", "smoothed"], choices=["gaussian", "smoothed"])
    parser.add_argument("--candidates", nargs="*", help="beginnings of names; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=2e12, help="flops of one peer on one layer")
    parser.add_argument("--seconds", type=float, help="start nothing after this time")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    parser.add_argument("--output", type=pathlib.Path, default=RESULT)
    return parser.parse_args()


def ask_sigmax(folder, kernel, layer, request, threads):
    import numpy

    _, _, _, _, stride, padding, size = layer
    path = folder / "kernel.npy"
    numpy.save(path, kernel)
    command = [PROGRAM, "--kernel", path, "--size", str(size), "--stride", str(stride), "--padding", str(padding),
               "--threads", str(threads), "--rounds", "1", *request]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ask_peer(peer, kernel, layer):
    _, _, _, _, stride, padding, size = layer
    start = time.perf_counter()
    value, claim = peer(kernel, stride, padding, size)
    return {"value": value, "claim": claim, "seconds": time.perf_counter() - start}


def candidates_for(layer, limit):
    import peers

    _, out, channels, taps, stride, padding, size = layer
    return list(REQUESTS) + [name for name in peers.PEERS if peers.work(name, out, channels, taps, size) <= limit]


def kernel_of(seed, network, kind, layer):
    """The same in each run with this seed."""
    import layers
    import numpy

    place = zlib.crc32(f"{network} {kind} {layer[0]}".encode())
    return getattr(layers, kind)(numpy.random.default_rng([seed, place]), *layer[1:4])


def open_record(options):
    import numpy

    if options.output.exists():
        record = json.loads(options.output.read_text())
        if record["machine"]["threads"] != options.threads:
            sys.exit(f"{options.output} is of {record['machine']['threads']} threads")
        return record
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return {"question": "convolution_norm",
            "machine": {"processor": cpu, "threads": options.threads, "python": platform.python_version(),
                        "numpy": numpy.__version__},
            "day": time.strftime("%Y-%m-%d"),
            "seed": int(numpy.random.SeedSequence().entropy % 2**63),
            "cases": []}


def case_of(record, network, kind, layer):
    name, out, channels, taps, stride, padding, size = layer
    for case in record["cases"]:
        if (case["network"], case["kernels"], case["layer"]) == (network, kind, name):
            return case
    case = {"network": network, "kernels": kind, "layer": name, "shape": [out, channels, taps, taps], "stride": stride,
            "padding": padding, "size": size, "candidates": {}}
    record["cases"].append(case)
    return case


def measure(options, record):
    import layers
    import numpy
    import peers
    import torch

    torch.set_num_threads(options.threads)
    record["machine"]["torch"] = torch.__version__
    networks = options.networks or (["SN-GAN discriminator"] if options.quick else list(layers.NETWORKS))
    work = [(network, kind, layer, name) for network in networks for kind in options.kernels
            for layer in layers.NETWORKS[network] for name in candidates_for(layer, options.limit)
            if not options.candidates or name.startswith(tuple(options.candidates))]
    work = [(case_of(record, *one[:3]), *one) for one in work]
    work = [one for one in work if one[4] not in one[0]["candidates"]]
    numpy.random.default_rng().shuffle(work)
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for done, (case, network, kind, layer, name) in enumerate(work):
            if time.monotonic() > end:
                print(f"\r{done} of {len(work)} measured, the rest is left for the next run", file=sys.stderr)
                break
            kernel = kernel_of(record["seed"], network, kind, layer)
            if name in REQUESTS:
                found = ask_sigmax(pathlib.Path(folder), kernel, layer, REQUESTS[name], options.threads)
            else:
                found = ask_peer(peers.PEERS[name], kernel, layer)
            case["candidates"][name] = found


def width(end):
    return (end["upper"] - end["lower"]) / end["upper"]


def quantity(claim):
    """The question whose answer encloses what a peer claims to give or to bound."""
    return CIRCULAR if "circular" in claim else EVERY_SIZE if claim == "upper, stride 1" else THIS_SIZE


def verdict(case, name):
    """Where a peer's value lies; nothing if sigmax was not asked yet."""
    peer = case["candidates"][name]
    ends = case["candidates"].get(quantity(peer["claim"]))
    if ends is None:
        return None
    where = "below" if peer["value"] < ends["lower"] else "above" if peer["value"] > ends["upper"] else "inside"
    return {"where": where, "excess": peer["value"] / ends["lower"] - 1,
            "is_bound": peer["claim"].startswith("upper"), "is_pointwise": case["shape"][2] == 1}


def show_candidate(cases, name, with_it):
    seconds = sum(case["candidates"][name]["seconds"] for case in with_it)
    line = f"  {name:48}  {len(with_it):>3} of {len(cases):<3}  {seconds:>8.2f} s  "
    if name in REQUESTS:
        widths = sorted(width(case["candidates"][name]) for case in with_it)
        proven = all(case["candidates"][name]["proven"] for case in with_it)
        return (line + f"width: median {widths[len(widths) // 2]:.2e}, largest {widths[-1]:.2e}, "
                f"{'all' if proven else 'NOT all'} proven")
    found = [one for one in (verdict(case, name) for case in with_it) if one is not None]
    if not found:
        return line
    excess = sorted(one["excess"] for one in found)
    counts = {where: sum(one["where"] == where for one in found) for where in ("below", "inside", "above")}
    least, most = (f"{one:+.1%}" if abs(one) > 1e-4 else f"{one:+.1e}" for one in (excess[0], excess[-1]))
    return (line + f"{least} to {most} of the lower end; {counts['below']} below sigmax's ends, "
            f"{counts['inside']} between them, {counts['above']} above")


def show(record):
    groups = {}
    for case in record["cases"]:
        if case["candidates"]:
            groups.setdefault((case["network"], case["kernels"]), []).append(case)
    for (network, kind), cases in sorted(groups.items()):
        print(f"\n{network}, {kind} kernels, {len(cases)} layers")
        names = sorted({name for case in cases for name in case["candidates"]},
                       key=lambda n: (not n.startswith("sigmax"), n))
        for name in names:
            print(show_candidate(cases, name, [case for case in cases if name in case["candidates"]]))
    check(record)


def check(record):
    """Tighter than every upper bound of the peers on every layer; where values lie outside of sigmax's ends."""
    found = [(case, name, verdict(case, name)) for case in record["cases"] for name in case["candidates"]
             if name not in REQUESTS]
    found = [(case, name, one) for case, name, one in found if one is not None]
    print("\nUpper bounds of the peers:")
    for name in sorted({name for _, name, one in found if one["is_bound"]}):
        for what, pointwise in (("kernels larger than 1x1", False), ("1x1 kernels", True)):
            some = [(case, one) for case, other, one in found
                    if other == name and one["is_bound"] and one["is_pointwise"] == pointwise]
            if not some:
                continue
            places = [one["where"] for _, one in some]
            print(f"  {name}, {what}: sigmax's upper end is smaller on {places.count('above')} of {len(some)}, larger "
                  f"on {places.count('inside')}; {places.count('below')} are false, below a proven lower end")
            for case, one in some:
                if one["where"] == "inside" and not pointwise:
                    print(f"    larger: {case['network']}, {case['kernels']}, {case['layer']}")
    print("Values that are no bounds:")
    for name in sorted({name for _, name, one in found if not one["is_bound"]}):
        some = [one["where"] for _, other, one in found if other == name]
        print(f"  {name}: {some.count('below')} of {len(some)} below sigmax's enclosure of what it claims to be, "
              f"{some.count('inside')} in it, {some.count('above')} above")


def main():
    options = parse_options()
    limit_threads(options.threads)
    record = open_record(options)
    if not options.show:
        measure(options, record)
        record["cases"].sort(key=lambda case: (case["network"], case["kernels"], case["layer"]))
        options.output.write_text(json.dumps(record, indent=1) + "\n")
    show(record)


if __name__ == "__main__":
    main()
