#!/usr/bin/env python3
"""The picture of docs/solvers.md from the output of bench_convergence.

    .venv/bin/python benchmarks/convergence/plot.py [--input results/convergence.json] [--output convergence.svg]
"""

import argparse
import json
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Told apart without color too, and by most who do not see all of them.
STYLES = {
    "power": ("#888888", ":"),
    "randomized 8": ("#cc79a7", "-."),
    "lanczos": ("#0072b2", "-"),
    "block-krylov 4": ("#e69f00", "--"),
    "block-krylov 8": ("#d55e00", "-"),
}
FLOOR = 1e-15


def draw(axes, case):
    for method in case["methods"]:
        points = [(p["reads"], max(p["error"], FLOOR)) for p in method["points"]]
        color, line = STYLES[method["method"]]
        axes.plot(*zip(*points), line, color=color, label=method["method"], linewidth=1.8)
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 1)
    axes.set_xlim(0, 60)
    axes.set_xlabel("reads of A")
    axes.set_title(f"{case['name']}\n{case['rows']} x {case['columns']} {case['dtype']}", fontsize=9)
    axes.grid(True, alpha=0.3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--input", type=pathlib.Path, default=ROOT / "benchmarks" / "results" / "convergence.json")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs" / "images" / "convergence.svg")
    options = parser.parse_args()
    cases = json.loads(options.input.read_text())["cases"]
    plt.rcParams.update({"svg.hashsalt": "sigmax", "font.size": 9})
    figure, all_axes = plt.subplots(1, len(cases), figsize=(4.2 * len(cases), 3.6), sharey=True, squeeze=False)
    for axes, case in zip(all_axes[0], cases):
        draw(axes, case)
    all_axes[0][0].set_ylabel("relative error of sigma_1")
    all_axes[0][-1].legend(fontsize=8)
    figure.tight_layout()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    # A white ground, so that it reads on a dark page as well; no date, so that the same figures give the same file.
    figure.savefig(options.output, facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    main()
