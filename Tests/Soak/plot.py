"""Draws figures over time as an SVG file, one panel below the other; needs nothing but Python."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, PANEL, LEFT, TOP = 720, 92, 58, 30


@dataclass
class Series:
    title: str
    minutes: list[float]
    values: list[float]


def draw(path: Path, title: str, panels: list[Series]) -> None:
    """One panel for each series, from zero, with its largest value as the only mark."""
    height = TOP + PANEL * len(panels) + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>']
    end = max(max(panel.minutes) for panel in panels)
    for index, panel in enumerate(panels):
        top, bottom = TOP + PANEL * index + 18, TOP + PANEL * (index + 1) - 6
        most = max(panel.values) or 1.0
        right = WIDTH - 16

        def x(minute: float, right: int = right) -> float:
            return LEFT + minute / end * (right - LEFT)

        def y(value: float, top: int = top, bottom: int = bottom, most: float = most) -> float:
            return bottom - value / most * (bottom - top)

        points = " ".join(f"{x(m):.1f},{y(v):.1f}" for m, v in zip(panel.minutes, panel.values))
        out += [f'<text x="{LEFT}" y="{top - 6}" fill="#333">{escape(panel.title)}</text>',
                f'<path d="M{LEFT},{top}V{bottom}H{right}" fill="none" stroke="#bbb"/>',
                f'<text x="{LEFT - 6}" y="{top + 6}" text-anchor="end">{most:,.0f}</text>',
                f'<text x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
                f'<polyline points="{points}" fill="none" stroke="#0072b2" stroke-width="1.3"/>']
    out += [f'<text x="{WIDTH - 16}" y="{height - 8}" text-anchor="end">{end:.0f} minutes</text>',
            "</svg>"]
    path.write_text("\n".join(out) + "\n")
