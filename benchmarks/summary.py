#!/usr/bin/env python3
"""The aims and whether they were met: a Markdown table from benchmarks/results/*.json, as in docs/performance.md.

    .venv/bin/python benchmarks/summary.py [--write]

A ratio is the median time of the peer over that of sigmax, from one run on one machine. --write puts this table, and
those of tables.py, into performance.md, convolutions.md and lipschitz.md of docs/ in place of what is there.
"""

import argparse
import contextlib
import io
import json
import pathlib
import re
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCUMENTS = HERE.parent / "docs"
sys.path[:0] = [str(HERE), str(HERE / "convolution_norm")]
import tables
import verdict


def load(question):
    path = RESULTS / f"{question}.json"
    return json.loads(path.read_text()) if path.exists() else None


def ratios(case, *peers):
    """Ratio to sigmax of each candidate whose name begins with one of the peers' names."""
    seconds = {name: statistics.median(entry["seconds"]) for name, entry in case["candidates"].items()}
    own = next(iter(seconds.values()))
    return {name: s / own for name, s in seconds.items() if any(name.startswith(peer) for peer in peers)}


def error(case, peer=None):
    names = [name for name in case["candidates"] if peer is None or name.startswith(peer)]
    return max(case["candidates"][names[0]]["errors"])


def cases(report, text):
    return [case for case in report["cases"] if text in case["case"]]


def line(question, what, found, aim, met):
    print(f"| {question} | {what} | {found} | {aim} | {'met' if met else '**missed**'} |")


def ratio_lines(question, found_cases, aims):
    """One line per case and peer: the call of that peer with the lowest ratio counts."""
    for case in found_cases:
        for peer, aim in aims.items():
            found = ratios(case, peer)
            if found:
                name, ratio = min(found.items(), key=lambda item: item[1])
                line(question, f"{case['case']}, against {name}", f"{ratio:.1f}x", f"{aim}x", ratio >= aim)


def gram_product():
    report = load("gram_product")
    if not report:
        return

    def pick(storage, vectors):
        return next((r for r in report["results"] if r["rows"] == 16384 and r["storage"] == storage and r["fused"]
                     and r["vectors"] == vectors and r["sums"] == "float"), None)

    single, brain, four = pick("f32", 1), pick("bf16", 1), pick("f32", 4)
    share = single["bytes_per_second"] / single["read_bytes_per_second"]
    line("A^T A x", "16384x8192 fp32, against two sgemv", f"{single['times_blas']:.2f}x", "1.8x", single["times_blas"] >= 1.8)
    line("A^T A x", "the same, share of the read bandwidth", f"{100 * share:.0f} %", "85 %", share >= 0.85)
    line("A^T A x", "16384x8192 bf16, against two sgemv in fp32", f"{brain['times_blas']:.2f}x", "2.8x", brain["times_blas"] >= 2.8)
    line("A^T A X", "4 columns, over the time of one", f"{four['times_one_column']:.2f}x", "at most 1.3x",
         four["times_one_column"] <= 1.3)


def sigma_max():
    report = load("sigma_max")
    if not report:
        return
    ratio_lines("sigma_max", [c for c in cases(report, "gaussian 2048x2048") if "1e-06" in c["case"]],
                {"LAPACK": 60, "torch matrix_norm": 25, "ARPACK": 5, "scipy svds arpack": 5, "Spectra": 5, "PRIMME": 2})
    trained = [case for case in report["cases"] if not case["case"].startswith("gaussian")]
    ratio_lines("sigma_max, trained", trained, {"LAPACK": 150, "ARPACK": 5, "scipy svds arpack": 5})


def top_k():
    report = load("top_k")
    if not report:
        return
    found = cases(report, "gaussian 4096x1024")
    ratio_lines("top 10 triplets", found, {"scipy svds arpack": 5, "scipy svds propack": 5, "Spectra": 3})
    for case in found:
        slower = {n: r for n, r in ratios(case, "torch svd_lowrank").items() if r >= 1}
        for name in slower:
            line("top 10 triplets", f"error {error(case):.0e}, against {error(case, name):.0e} of {name}",
                 f"{slower[name]:.1f}x its time", "smaller error in less time", error(case) < error(case, name))


def full_spectrum():
    report = load("full_spectrum")
    if not report:
        return
    for case in cases(report, "gaussian 2048x2048"):
        ratio_lines("full spectrum", [case], {"LAPACK sgesdd": 3, "torch svdvals, fp32": 1.5})
        peer = next(name for name in case["candidates"] if "sgesdd" in name)
        line("full spectrum", "error, against that of sgesdd", f"{error(case):.0e}, {error(case, peer):.0e}", "smaller",
             error(case) < error(case, peer))


def batched_small():
    report = load("batched_small")
    if report:
        found = cases(report, "1000x64x64")
        ratio_lines("1000 matrices 64x64", found, {"LAPACK sgesdd, a loop": 10})
        for case in found:
            # More steps than that are not tried: where the error has not arrived, its time would be longer still.
            most = max((n for n in case["candidates"] if n.startswith("torch batched power")), key=steps_of, default=None)
            if most is None:
                continue
            ratio = ratios(case, most)[most]
            line("1000 matrices 64x64", f"error {error(case):.0e}, against {error(case, most):.0e} of {most}",
                 f"{ratio:.1f}x its time", "5x", ratio >= 5 and error(case) <= max(error(case, most), 1e-6))


def steps_of(power):
    return int(power.split()[-2])


def proven_enclosure():
    report = load("proven_enclosure")
    if report:
        ratio_lines("proven enclosure", cases(report, "gaussian 2048x2048"), {"LAPACK dgesdd": 6})


def mapped_file():
    report = load("mapped_file")
    for case in report["cases"] if report else []:
        seconds = statistics.median(case["seconds"])
        beyond = case["peak_bytes_beyond_the_file"] / 2**20
        line("bf16 from a mapped file", f"{case['case']}, time over reads x bytes / bandwidth",
             f"{seconds / case['limit_seconds']:.2f}x", "1.5x", seconds <= 1.5 * case["limit_seconds"])
        line("bf16 from a mapped file", f"{case['case']}, peak memory beyond the file", f"{beyond:.0f} MiB", "64 MiB",
             beyond <= 64)


def spectral_norm_torch():
    report = load("spectral_norm_torch")
    if not report:
        return
    for name, model in report["models"].items():
        times = model["forward + backward"]
        for own in ("sigmax", "sigmax apply"):
            ratio = times["torch"] / times[own]
            line("spectral_norm of PyTorch", f"{name}, forward + backward, {own}", f"{ratio:.1f}x", "4x", ratio >= 4)
    if "llama" in report["models"]:
        beyond = report["models"]["llama"]["layers"]["beyond plain"]
        own, theirs = beyond["sigmax scale_output"], beyond["torch"]
        line("spectral_norm of PyTorch", "llama, time beyond the plain layers', scaled outputs against torch's",
             f"{1e3 * own:.0f} ms, {1e3 * theirs:.0f} ms", "8x", 8 * own <= theirs)
    rules = report["training"]["rules"]
    own, theirs = rules["sigmax lanczos, 3 steps, 3 reads"], rules["torch, 1 iteration, 3 reads"]
    line("spectral_norm of PyTorch", f"mean error of sigma over {report['training']['steps']} steps of Adam, 3 reads a step",
         f"{own['mean']:.0e} against {theirs['mean']:.0e}", "smaller", own["mean"] < theirs["mean"])


def convolution_norm():
    """Aims of the norms of convolutions: time at every size, width at the layer's size, and the peers' upper bounds."""
    report = load("convolution_norm")
    if not report:
        return
    peers = {one["name"] for one in verdict.verdicts(report) if one["is_bound"]}
    for (network, kernels), found in verdict.groups(report):
        what = f"{network}, {verdict.KERNELS[kernels]} kernels"
        every, here = ([case["candidates"][name] for case in found if name in case["candidates"]]
                       for name in (verdict.EVERY_SIZE, verdict.THIS_SIZE))
        if network == "ResNet-18" and len(every) == len(found):
            seconds, apart = sum(end["seconds"] for end in every), max(map(verdict.width, every))
            line("convolutions", f"{what}, every size, width {apart:.1e}", f"{seconds:.1f} s", "3 s to 1e-3",
                 seconds <= 3 and apart <= 1e-3)
        if here:
            widest = max(map(verdict.width, here))
            line("convolutions", f"{what}, largest width at the layer's size, {len(here)} of {len(found)} layers",
                 f"{100 * widest:.1f} %", "2 %", widest <= 0.02 and len(here) == len(found))
        bounds = [one for one in verdict.verdicts({"cases": found}) if one["is_bound"]]
        tighter = sum(one["where"] != "inside" for one in bounds)
        false = sum(one["where"] == "below" for one in bounds)
        wanted = len(found) * len(peers)
        line("convolutions", f"{what}, tighter than a peer's upper bound; {false} of these bounds are false",
             f"{tighter} of {len(bounds)}", f"{wanted} of {wanted}", tighter == wanted)


def convolution():
    """Products with a layer, as multiples of oneDNN's time for its forward and backward-data."""
    report = load("convolution")
    found = {}
    for case in report["results"] if report else []:
        if "times_oneDNN" in case:
            found.setdefault((case["threads"], case["images"]), []).append(case)
    for (threads, images), some in found.items():
        within = sum(case["times_oneDNN"] <= 1.5 for case in some)
        worst = max(some, key=lambda case: case["times_oneDNN"])
        line("convolutions", f"A^T A x over oneDNN's forward and backward-data, {counted(threads, 'thread')}, "
             f"{counted(images, 'image')}, at most 1.5x; largest {worst['times_oneDNN']:.2f}x: {worst['layer']}",
             f"{within} of {len(some)} layers", "all layers", within == len(some))
    small = {}
    for case in report["results"] if report else []:
        if "times_FFT" in case and case["layer"].split()[0] in SMALL_KERNELS:
            small.setdefault((case["threads"], case["images"]), []).append(case)
    for (threads, images), some in small.items():
        nearest = max(some, key=lambda case: case["times_FFT"])
        line("convolutions", f"A^T A x by FFTs over sigmax, kernels up to 7x7 and dense, {counted(threads, 'thread')}, "
             f"{counted(images, 'image')}; least: {nearest['layer']}", f"{1 / nearest['times_FFT']:.1f}x", "1x",
             nearest["times_FFT"] <= 1)


# How the benchmark's dense layers with kernels larger than 1x1 begin.
SMALL_KERNELS = ("stem", "3x3,", "3x3/2,", "4x4/2,")


def counted(count, what):
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def norms_and_conditioning():
    report = load("norms_and_conditioning")
    if not report:
        return

    def seconds(case, name):
        return statistics.median(case["candidates"][name]["seconds"])

    for case in report["cases"]:
        if "read_bytes_per_second" in case:
            for ord in ("1", "inf", "fro"):
                for name in (f"norm {ord}", f"norm {ord}, proven"):
                    share = case["candidates"][name]["share_of_read_bandwidth"]
                    line("norms", f"{case['case']}, {name}, share of the read bandwidth", f"{100 * share:.0f} %", "85 %",
                         share >= 0.85)
        elif case["case"].startswith("values"):
            for ord in ("nuc", "2", "-2"):
                ratio = seconds(case, f"numpy norm {ord}") / seconds(case, f"norm {ord}")
                line("norms", f"{case['case']}, norm {ord}, against numpy", f"{ratio:.1f}x", "3x", ratio >= 3)
        else:
            for to in ("to 1e-03", "tightest"):
                ratio = seconds(case, "numpy cond 2") / seconds(case, f"cond 2, proven, {to}")
                line("condition numbers", f"{case['case']}, cond 2 with proof, {to}, against numpy", f"{ratio:.1f}x", "3x",
                     ratio >= 3)
            for to in ("to 1e-03", "tightest"):
                own = seconds(case, f"cond 1, proven, {to}")
                ratio = own / seconds(case, "scipy getrf + gecon 1, no proof")
                line("condition numbers", f"{case['case']}, cond 1 with proof, {to}, over scipy's getrf + gecon",
                     f"{ratio:.1f}x", "at most 3x", ratio <= 3)


def induced_norms():
    report = load("induced_norms")
    if not report:
        return
    for case in cases(report, "gaussian 2000x2000"):
        for norm in case["norms"]:
            if norm["norm"] not in ("inf -> 1", "2 -> 1"):
                continue
            ratio = norm["upper_over_lower"]
            line("p -> q", f"{case['case']}, {norm['norm']}, upper over lower end, "
                 f"{statistics.median(norm['seconds']):.1f} s", f"{ratio:.2f}", "at most 1.2", ratio <= 1.2)


def recovery():
    report = load("recovery")
    if not report:
        return
    for case in report["sigmax_alone"]:
        line("recovery", f"{case['case']}, {case['seconds']:.0f} s, {case['peak_mebibytes']:.0f} MiB", f"gap {case['gap']:.0e}",
             "1e-4", case["converged"] and case["gap"] <= 1e-4)


QUESTIONS = (gram_product, sigma_max, top_k, full_spectrum, batched_small, proven_enclosure, mapped_file,
             spectral_norm_torch, norms_and_conditioning, induced_norms, recovery, convolution_norm, convolution)


def print_aims():
    print("| question | | found | aim | |")
    print("| --- | --- | --- | --- | --- |")
    for question in QUESTIONS:
        question()


def text_of(printer):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        printer()
    return text.getvalue()


def tables_of():
    """The tables of each document."""
    return {"performance.md": (print_aims, *tables.OF_PERFORMANCE), "convolutions.md": tables.OF_CONVOLUTIONS,
            "lipschitz.md": tables.OF_NETWORKS}


def with_tables(document, printers):
    """The document with today's tables in place of those that have the same head."""
    for printer in printers:
        table = text_of(printer)
        if table.count("\n") <= 2:
            continue
        head = re.escape(table.split("\n", 1)[0])
        document, count = re.subn(rf"^{head}\n(?:\|.*\n)*", lambda _, table=table: table, document, flags=re.M)
        if count != 1:
            raise SystemExit(f"{count} tables of the document begin with {head}")
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="into the documents")
    if parser.parse_args().write:
        for name, printers in tables_of().items():
            path = DOCUMENTS / name
            path.write_text(with_tables(path.read_text(), printers))
    else:
        print_aims()


if __name__ == "__main__":
    main()
