"""Markdown tables of figures."""

from collections.abc import Sequence

from miniatures.measures import Figure


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns that are empty in every row are left out."""
    kept = [k for k in range(len(head)) if k == 0 or any(row[k] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line[k] for k in kept) + " |" for line in lines)


def cell(figure: Figure | None, digits: int = 2) -> str:
    """A figure with its interval: "0.95 [0.92, 0.97]"; empty where not measured, "none" where it has no value."""
    if figure is None:
        return ""
    if figure.value is None:
        return "none"
    return number(figure.value, digits) + interval(figure, digits)


def interval(figure: Figure, digits: int = 2) -> str:
    """The interval with a space before it, empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f" [{number(figure.low, digits)}, {number(figure.high, digits)}]"


def number(value: float | None, digits: int = 2) -> str:
    """Rounded, never "-0.00"; empty for None."""
    return "" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def cells(rows: Sequence[Sequence[Figure | None]]) -> tuple[str, list[list[str]]]:
    """On how many items the figures rest, in a sentence, and the figures; with a number each where they differ."""
    found = {figure.n for row in rows for figure in row if figure is not None}
    if len(found) == 1:
        return f"Items a figure: {found.pop()}.", [[cell(figure) for figure in row] for row in rows]
    shown = [[f"{cell(figure)} ({figure.n})" if figure else "" for figure in row] for row in rows]
    return "In round brackets: the items that a figure rests on.", shown
