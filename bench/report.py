"""Tables in Markdown."""

import itertools
import math
from collections.abc import Sequence

RATIOS = ("speed: Tarn / it", "CPU: it / Tarn")


def number(value: float) -> str:
    """Rounds to three significant digits, because the figures are not more exact."""
    if not math.isfinite(value):
        return ""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def ratios(wanted: bool, *pairs: tuple[float, float]) -> list[str]:
    """The cells under RATIOS; empty where there is no comparison."""
    if not wanted:
        return [""] * len(pairs)
    return [f"{number(a / b)}×" if math.isfinite(a / b) else "" for a, b in pairs]


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Right-aligns columns of numbers, and leaves out columns without any value. "-" is a figure
    that could not be measured."""
    cells = [list(titles), *([str(cell) for cell in row] for row in rows)]
    used = [any(column[1:]) for column in zip(*cells, strict=True)]
    cells = [list(itertools.compress(row, used)) for row in cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = [
        all(cell[:1].isdigit() or cell in ("", "-") for cell in column[1:])
        for column in zip(*cells, strict=True)
    ]
    rule = [
        "-" * (width - 1) + ":" if r else "-" * width
        for width, r in zip(widths, right, strict=True)
    ]
    lines = []
    for row in [cells[0], rule, *cells[1:]]:
        padded = [
            cell.rjust(width) if r else cell.ljust(width)
            for cell, width, r in zip(row, widths, right, strict=True)
        ]
        lines.append("| " + " | ".join(padded) + " |")
    return "\n".join(lines)
