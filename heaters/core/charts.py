"""Plots as SVG text: bars and lines, without a plotting library. It does not know what is plotted.

Every number is written with fixed digits and nothing depends on time or place: equal data, equal bytes.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 36, 44
# Distinguishable without colour vision, and on white and black (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TICKS = 5


def bars(title: str, values: Mapping[str, float], *, x: str = "", y: str = "") -> str:
    """A bar for each value, labelled by its name."""
    top = max(values.values(), default=0) or 1
    slot = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    parts = _axes(title, x, y, [(f"{top * n / TICKS:.4g}", n / TICKS) for n in range(TICKS + 1)])
    for n, (name, value) in enumerate(values.items()):
        left, height = LEFT + n * slot, (HEIGHT - TOP - BOTTOM) * value / top
        parts.append(
            f'<rect x="{left + slot * 0.1:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{slot * 0.8:.1f}" '
            f'height="{height:.1f}" fill="{COLOURS[0]}"><title>{escape(name)}: {value:.4g}</title></rect>'
        )
        parts.append(_label(left + slot / 2, HEIGHT - BOTTOM + 14, name))
    return _svg(parts)


def lines(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str = "",
    y: str = "",
    mark: float | None = None,
) -> str:
    """A line for each series of points in [0, 1]²; `mark` is a place on the x axis."""
    parts = _axes(title, x, y, [(f"{n / TICKS:.1f}", n / TICKS) for n in range(TICKS + 1)])
    parts += [_label(_x(n / TICKS), HEIGHT - BOTTOM + 14, f"{n / TICKS:.1f}") for n in range(TICKS + 1)]
    if mark is not None:
        parts.append(
            f'<line x1="{_x(mark):.1f}" x2="{_x(mark):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
            f'stroke="#888" stroke-dasharray="4 3"/>'
        )
    for n, (name, points) in enumerate(series.items()):
        colour = COLOURS[n % len(COLOURS)]
        path = " ".join(f"{_x(a):.1f},{_y(b):.1f}" for a, b in points)
        dash = "" if n < len(COLOURS) else ' stroke-dasharray="6 3"'
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts.append(
            f'<text x="{LEFT + 8}" y="{HEIGHT - BOTTOM - 10 - 14 * (len(series) - 1 - n)}" fill="{colour}">'
            f"{escape(name)}</text>"
        )
    return _svg(parts)


def histogram(values: Sequence[float], edges: Sequence[float]) -> dict[str, float]:
    """How many values lie in each [edge, next edge), the last one open, by a name for each."""
    counts = [0] * len(edges)
    for value in values:
        counts[max(n for n, edge in enumerate(edges) if value >= edge or n == 0)] += 1
    names = [f"{a:g}–{b:g}" for a, b in pairwise(edges)] + [f"{edges[-1]:g}+"]
    return dict(zip(names, map(float, counts), strict=True))


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _axes(title: str, x: str, y: str, ticks: Sequence[tuple[str, float]]) -> list[str]:
    parts = [f'<text x="{LEFT}" y="20" font-weight="bold">{escape(title)}</text>']
    for name, share in ticks:
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(share):.1f}" y2="{_y(share):.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{_y(share) + 4:.1f}" text-anchor="end">{escape(name)}</text>')
    parts.append(_label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="14" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 14 {middle:.1f})">{escape(y)}</text>'
    )
    return parts


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _svg(parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="11" fill="#222">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )
