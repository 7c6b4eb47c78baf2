#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draws curves as SVG, with nothing but the standard library.

  plot.py TITLE X_LABEL Y_LABEL NAME=X:Y,X:Y,... [NAME=...] >FILE.svg

The x axis is logarithmic, the y axis begins at 0.
"""

import math
import sys
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 48, 56
COLORS = ("#0b62a4", "#c0392b", "#2e7d32", "#8e44ad", "#b7791f")
Y_TICKS = 5


class Frame:
    """Where a value is on the paper."""

    def __init__(self, curves):
        points = [point for curve in curves.values() for point in curve]
        self.x_min = math.log10(min(x for x, _ in points))
        self.x_max = math.log10(max(x for x, _ in points))
        self.y_max = nice_above(max(y for _, y in points))

    def x(self, value):
        width = WIDTH - LEFT - RIGHT
        span = (self.x_max - self.x_min) or 1
        return LEFT + width * (math.log10(value) - self.x_min) / span

    def y(self, value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.y_max


def nice_above(value):
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= value)


def text(x, y, content, anchor="middle", extra=""):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>'
        f"{escape(content)}</text>"
    )


def line(x1, y1, x2, y2, color="#ddd"):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{color}"/>'
    )


def axes(frame, curves, x_label, y_label):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for i in range(Y_TICKS + 1):
        value = frame.y_max * i / Y_TICKS
        yield line(LEFT, frame.y(value), right, frame.y(value))
        yield text(LEFT - 8, frame.y(value) + 4, f"{value:g}", "end")
    for value in sorted({x for curve in curves.values() for x, _ in curve}):
        yield line(frame.x(value), bottom, frame.x(value), bottom + 5, "#444")
        yield text(frame.x(value), bottom + 20, f"{value:,g}")
    yield line(LEFT, bottom, right, bottom, "#444")
    yield text((LEFT + right) / 2, HEIGHT - 12, x_label)
    middle = (TOP + bottom) / 2
    turn = f' transform="rotate(-90 18 {middle:.1f})"'
    yield text(18, middle, y_label, extra=turn)


def draw(frame, name, curve, color, index):
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in curve)
    yield (
        f'<polyline points="{path}" fill="none" stroke="{color}" '
        f'stroke-width="2"/>'
    )
    for x, y in curve:
        yield (
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3" '
            f'fill="{color}"/>'
        )
    x = LEFT + 12 + 130 * index
    yield line(x, TOP - 8, x + 20, TOP - 8, color)
    yield text(x + 26, TOP - 4, name, "start")


def chart(title, x_label, y_label, curves):
    """The SVG of |curves|: names and their lists of (x, y)."""
    frame = Frame(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(WIDTH / 2, 20, title, extra=' font-size="14"'),
    ]
    parts.extend(axes(frame, curves, x_label, y_label))
    for i, (name, curve) in enumerate(curves.items()):
        parts.extend(draw(frame, name, curve, COLORS[i % len(COLORS)], i))
    return "\n".join([*parts, "</svg>", ""])


def parse(word):
    name, _, points = word.partition("=")
    pairs = (point.split(":") for point in points.split(","))
    return name, [(float(x), float(y)) for x, y in pairs]


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    title, x_label, y_label = sys.argv[1:4]
    sys.stdout.write(chart(title, x_label, y_label, dict(map(parse, sys.argv[4:]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
