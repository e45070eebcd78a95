#!/usr/bin/env python3
"""The tables about convolutions and networks in performance.md, convolutions.md and lipschitz.md of docs/, from
benchmarks/results/.

    .venv/bin/python benchmarks/tables.py       # printed; summary.py --write puts them into the documents
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "convolution_norm")]
import verdict


def load(question):
    path = HERE / "results" / f"{question}.json"
    return json.loads(path.read_text()) if path.exists() else None


def percent(value):
    return f"{100 * value:.1f} %" if value > 0.002 else f"{value:.1e}"


def norms_of_sigmax():
    """Seconds for all layers and the largest relative width, for each of the three questions."""
    print("| network, kernels | layers | every size, to 1e-3 | circular, stride 1, to 1e-8 | this size, to 2 % |")
    print("| --- | --- | --- | --- | --- |")
    record = load("convolution_norm")
    for (network, kernels), cases in verdict.groups(record) if record else []:
        cells = []
        for name in verdict.QUESTIONS:
            ends = [case["candidates"][name] for case in cases if name in case["candidates"]]
            seconds = sum(end["seconds"] for end in ends)
            part = "" if len(ends) == len(cases) else f", {len(ends)} layers"
            widest = max(map(verdict.width, ends), default=0)
            cells.append(f"{seconds:.2f} ({percent(widest)}{part})")
        print(f"| {network}, {verdict.KERNELS[kernels]} | {len(cases)} | {' | '.join(cells)} |")


def peers_of(record):
    return sorted({name for case in record["cases"] for name in case["candidates"] if name not in verdict.OWN})


def seconds_cell(cases, name):
    sums = verdict.totals(cases, name)
    if not sums["timed"] and not sums["over_limit"]:
        return "not timed"
    notes = [] if sums["timed"] == sums["layers"] else [f"{sums['timed']} layer{'' if sums['timed'] == 1 else 's'}"]
    if sums["over_limit"]:
        notes.append(f"{sums['over_limit']} over {' or '.join(f'{limit:.0f}' for limit in sums['limits'])} s")
    return f"{sums['seconds']:.2f}" + (f" ({', '.join(notes)})" if notes else "")


def norms_of_peers():
    """Seconds for all layers: Gaussian kernels / smoothed ones."""
    record = load("convolution_norm")
    networks = sorted({case["network"] for case in record["cases"]}) if record else []
    print(f"| peer, seconds on Gaussian / smoothed kernels | {' | '.join(networks)} |")
    print(f"| --- |{' --- |' * len(networks)}")
    found = dict(verdict.groups(record)) if record else {}
    for name in peers_of(record) if record else []:
        cells = [" / ".join(seconds_cell(found[network, kernels], name) for kernels in ("gaussian", "smoothed"))
                 for network in networks]
        print(f"| {name} | {' | '.join(cells)} |")


def places_of_peers():
    """Where the values of the peers lie, over all layers."""
    print("| peer | kernels | layers | below sigmax's ends | between them | above | deviation from the lower end |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    record = load("convolution_norm")
    found = verdict.verdicts(record) if record else []
    for name in peers_of(record) if record else []:
        for what, pointwise in (("larger than 1x1", False), ("1x1", True)):
            some = [one for one in found if one["name"] == name and verdict.is_pointwise(one["case"]) == pointwise]
            if not some:
                continue
            layers = sum(verdict.is_pointwise(case) == pointwise for case in record["cases"])
            places = [one["where"] for one in some]
            excess = sorted(one["excess"] for one in some)
            least, most = (f"{100 * one:+.1f} %" if abs(one) > 1e-4 else f"{one:+.0e}" for one in (excess[0], excess[-1]))
            print(f"| {name} | {what} | {len(some)} of {layers} | {places.count('below')} | {places.count('inside')} | "
                  f"{places.count('above')} | {least} to {most} |")


THEOREMS = {"branch_and_bound": "S", "offset_grid": "offset grid", "one_axis": "one axis whole",
            "dense": "the matrix itself"}


def widths_of_small_images():
    """Widths at the layer's size where S, the norm at every size, is not close enough: the largest of equal layers."""
    print("| kernel | size | width, Gaussian | upper end | width, smoothed | upper end |")
    print("| --- | --- | --- | --- | --- | --- |")
    record = load("convolution_norm")
    shapes = {}
    for case in record["cases"] if record else []:
        found = case["candidates"].get(verdict.THIS_SIZE)
        if found and not verdict.is_pointwise(case):
            key = (tuple(case["shape"]), case["stride"], case["size"])
            shapes.setdefault(key, {}).setdefault(case["kernels"], []).append(found)
    for (shape, stride, size), kinds in sorted(shapes.items()):
        widest = {kind: max(ends, key=verdict.width) for kind, ends in kinds.items()}
        if all(end["upper_by"] == "branch_and_bound" for ends in kinds.values() for end in ends):
            continue
        cells = [f"{percent(verdict.width(widest[kind]))} | {THEOREMS[widest[kind]['upper_by']]}" if kind in widest else " | "
                 for kind in verdict.KERNELS]
        step = f"/{stride}" if stride > 1 else ""
        print(f"| {shape[2]}x{shape[3]}{step}, {shape[1]} -> {shape[0]} | {size} | {' | '.join(cells)} |")


def products_over(peer, head, cell):
    """A row for each layer on which the peer was timed, with sigmax's time over the peer's."""
    print(f"| {head} | 1 thread, 1 image | 8 images | 2 threads, 1 image | 8 images |")
    print("| --- | --- | --- | --- | --- |")
    record = load("convolution")
    results = [case for case in record["results"] if f"times_{peer}" in case] if record else []
    for layer in dict.fromkeys(case["layer"] for case in results):
        cells = []
        for threads, images in ((1, 1), (1, 8), (2, 1), (2, 8)):
            ratio = next((case[f"times_{peer}"] for case in results
                          if (case["layer"], case["threads"], case["images"]) == (layer, threads, images)), None)
            cells.append("" if ratio is None else cell(ratio))
        print(f"| {layer} | {' | '.join(cells)} |")


def products():
    """A^T A X of a layer over oneDNN's time, for each number of threads and images."""
    products_over("oneDNN", "layer", lambda ratio: f"{'**MISSED** ' if ratio > 1.5 else ''}{ratio:.2f}")


def products_by_fft():
    """The time of A^T A X by FFTs over sigmax's, for each number of threads and images."""
    products_over("FFT", "layer, by FFTs", lambda ratio: f"{1 / ratio:.1f}")


PEERS_OF_NETWORKS = ("product, NumPy", "LipLT, NumPy", "ECLipsE-Fast, NumPy", "ECLipsE-Fast, eclipse-nn",
                     "ECLipsE, eclipse-nn", "LipSDP-Neuron, Clarabel", "LipSDP-Neuron, SCS")


def short(seconds):
    return "1 ms" if seconds < 1.5e-3 else f"{1e3 * seconds:.0f} ms" if seconds < 0.1 else f"{seconds:.2g} s"


def bounds_of_networks():
    """Bounds of whole networks, the product, the walk and the two efforts of sigmax."""
    print("| network | product of norms | walk | effort fast | time | default effort | time | search | at least |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    record = load("network_bounds")
    for one in record["networks"] if record else []:
        fast, best = one["fast"], one["default"]
        lower = f"{one['lower']['bound']:.6g}" if "lower" in one else ""
        print(f"| {one['name']} | {one['product']:.6g} | {one['walk']:.6g} | {fast['upper']:.6g} | {short(fast['seconds'])} | "
              f"{best['upper']:.6g} | {short(best['seconds'])} | {best['search'].replace('_', ' ')} | {lower} |")


def bounds_of_peers():
    """What others compute for the same networks in the same run, over sigmax's default effort, and their times."""
    print(f"| network | {' | '.join(PEERS_OF_NETWORKS)} |")
    print(f"| --- |{' --- |' * len(PEERS_OF_NETWORKS)}")
    record = load("network_bounds")
    for one in record["networks"] if record else []:
        if not one.get("peers"):
            continue
        cells = []
        for name in PEERS_OF_NETWORKS:
            found = one.get("peers", {}).get(name, {})
            if "bound" in found:
                mark = "**false** " if found["false"] else ""
                cells.append(f"{mark}{found['times_sigmax']:.4g}, {short(found['seconds'])}")
            else:
                cells.append("not installed" if "missing" in found else found.get("problem", ""))
        print(f"| {one['name']} | {' | '.join(cells)} |")


OF_PERFORMANCE = (norms_of_sigmax, norms_of_peers, places_of_peers, products, products_by_fft)
OF_CONVOLUTIONS = (widths_of_small_images,)
OF_NETWORKS = (bounds_of_networks, bounds_of_peers)


def main():
    for table in OF_PERFORMANCE + OF_CONVOLUTIONS + OF_NETWORKS:
        print(f"{table.__doc__}\n")
        table()
        print()


if __name__ == "__main__":
    main()
