#!/usr/bin/env python3
"""Draws docs/images/gradient_error_by_gap.svg from benchmarks/results/gradient_six_ways.json.

    .venv/bin/python benchmarks/gradient_six_ways/picture.py

Two panels, single and double precision: the error of the gradient against the relative gap, both axes logarithmic. The
colors have enough contrast on white and on black, and text follows the reader's color scheme.
"""

import json
import math
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIGURES = ROOT / "benchmarks" / "results" / "gradient_six_ways.json"
PICTURE = ROOT / "docs" / "images" / "gradient_error_by_gap.svg"
# Curve in the figures -> (label, color, dashes)
CURVES = {
    "backward substitution, gelsd": ("backward substitution", "#c0504d", ""),
    "K by least squares, gels": ("K, driver gels", "#d98200", ""),
    "K by least squares, gelsd": ("K, driver gelsd", "#d98200", "6 3"),
    "augmented K, gels": ("augmented K", "#3f8f3f", ""),
    "torch autograd": ("torch autograd", "#8a63c9", ""),
    "JAX autodiff": ("JAX autodiff", "#8a63c9", "2 3"),
    "sigmax": ("sigmax", "#2b7bd6", ""),
}
PANELS = (("float32", "single precision", 2.0**-24, (-6, -1), (-8, 1)),
          ("float64", "double precision", 2.0**-53, (-13, -1), (-17, 1)))
WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP = 860, 430, 58, 34, 350, 62
PANEL_HEIGHT = 280


class Panel:
    """Maps figures to the picture: x from large gaps on the left to small ones on the right."""

    def __init__(self, left, across, up):
        self.left, self.across, self.up = left, across, up

    def x(self, gap):
        smallest, largest = self.across
        return self.left + PANEL * (largest - math.log10(gap)) / (largest - smallest)

    def y(self, error):
        lowest, highest = self.up
        exponent = min(max(math.log10(max(error, 1e-300)), lowest), highest)
        return TOP + PANEL_HEIGHT * (highest - exponent) / (highest - lowest)


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>'


def power(exponent):
    return f'10<tspan dy="-4" font-size="9">{exponent}</tspan>'


def axes(panel, title):
    smallest, largest = panel.across
    lowest, highest = panel.up
    parts = [f'<rect class="frame" x="{panel.left}" y="{TOP}" width="{PANEL}" height="{PANEL_HEIGHT}"/>',
             text(panel.left + PANEL / 2, TOP - 12, title, more=' font-weight="600"'),
             text(panel.left + PANEL / 2, TOP + PANEL_HEIGHT + 36, "relative gap, (sigma_1 - sigma_2) / sigma_1")]
    for exponent in range(largest, smallest - 1, -1 if largest - smallest < 8 else -2):
        x = panel.x(10.0**exponent)
        parts += [f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + PANEL_HEIGHT}"/>',
                  text(x, TOP + PANEL_HEIGHT + 17, power(exponent))]
    step = 1 if highest - lowest < 10 else 2
    for exponent in range(0, lowest - 1, -step):
        y = panel.y(10.0**exponent)
        parts += [f'<line class="grid" x1="{panel.left}" y1="{y:.1f}" x2="{panel.left + PANEL}" y2="{y:.1f}"/>',
                  text(panel.left - 6, y + 4, power(exponent), "end")]
    return parts


def line(panel, points, color, dashes, width=1.8):
    path = " ".join(f"{panel.x(gap):.1f},{panel.y(error):.1f}" for gap, error in points)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dash}/>'


def curve_of(points, name):
    """(gap, error) of a curve; "sigmax" is the solver that sigmax chooses by itself."""
    key = "sigmax automatic" if name == "sigmax" else name
    return [(point["gap"], point[key]) for point in points if key in point and point["gap"] > 0]


def draw(gaps):
    parts = []
    for index, (kind, title, unit, across, up) in enumerate(PANELS):
        panel = Panel(LEFT + index * (PANEL + GAP), across, up)
        parts += axes(panel, title)
        floor = [(10.0**e, unit / 10.0**e) for e in across[::-1]]
        parts.append(line(panel, floor, "#8a8a8a", "1 4", 2.5))
        for name, (_, color, dashes) in CURVES.items():
            points = curve_of(gaps[kind], name)
            if points:
                parts.append(line(panel, points, color, dashes, 2.6 if name == "sigmax" else 1.8))
    middle = TOP + PANEL_HEIGHT / 2
    parts.append(text(16, middle, "relative error", more=f' transform="rotate(-90 16 {middle})"'))
    entries = [(label, color, dashes) for label, color, dashes in CURVES.values()] + [
        ("unit roundoff / gap", "#8a8a8a", "1 4")]
    for index, (label, color, dashes) in enumerate(entries):
        x, y = LEFT + (index % 4) * 200, TOP + PANEL_HEIGHT + 64 + (index // 4) * 22
        dash = f' stroke-dasharray="{dashes}"' if dashes else ""
        stroke = f'stroke="{color}" stroke-width="2.4"{dash}'
        parts += [f'<line x1="{x}" y1="{y - 4}" x2="{x + 26}" y2="{y - 4}" {stroke}/>',
                  text(x + 33, y, label, "start")]
    style = ("text{font:12px system-ui,sans-serif;fill:#333}.frame{fill:none;stroke:#999}"
             ".grid{stroke:#999;stroke-opacity:.25}@media(prefers-color-scheme:dark){text{fill:#ccc}}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="Relative error of the gradient against the relative gap, for each way, in single and double '
            f'precision"><style>{style}</style>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    gaps = json.loads(FIGURES.read_text())["gaps"]
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(gaps))


if __name__ == "__main__":
    main()
