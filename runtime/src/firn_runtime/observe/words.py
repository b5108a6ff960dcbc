"""How numbers and the end of a run are written for people."""

from collections.abc import Sequence

from firn_runtime.events import Event


def duration(seconds: float | None) -> str:
    """Return such as `0.14 s` or `3 min 20 s`."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.2f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def rows(count: int | None) -> str:
    """Return such as `336,776`; nothing where it is unknown."""
    return "" if count is None else f"{count:,}"


def counted(event: Event) -> str:
    """Return such as `1 row` or `336,776 rows`, or `streamed` where another step counts them."""
    if event.rows is None:
        return "streamed" if "streamed_into" in (event.detail or {}) else ""
    return rows(event.rows) + (" row" if event.rows == 1 else " rows")


def size(count: int | None) -> str:
    """Return such as `12 kB`, in powers of 1000; nothing where it is unknown."""
    if count is None:
        return ""
    number, unit = float(count), 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}"


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

Row = tuple[str, str, str, str, str, str, str]
HEADINGS: Row = ("job", "step", "status", "rows", "bytes", "attempts", "time")
RIGHT = frozenset([3, 4, 5, 6])
"""Columns of numbers."""


def summary(events: Sequence[Event]) -> list[Row]:
    """Return a row for each job and under it one for each of its steps, in the order in which they began."""
    jobs: dict[str, list[Row]] = {}
    for event in events:
        name = event.job or ""
        if event.name == "job.started":
            jobs[name] = [(name, "", "", "", "", "", "")]
        elif event.name == "job.finished":
            jobs[name][0] = (name, "", event.status or "", "", "", "", duration(event.seconds))
        elif event.name in ("step.finished", "step.reused"):
            again = "reused" if event.name == "step.reused" else str(event.attempt or "")
            numbers = (rows(event.rows) or counted(event), size(event.bytes), again, duration(event.seconds))
            jobs[name].append(("", event.step or "", event.status or "", *numbers))
    return [row for table in jobs.values() for row in table]


def aligned(table: Sequence[tuple[str, ...]], right: frozenset[int] = RIGHT) -> list[str]:
    """Return the rows as lines whose columns stand under each other."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def closing(event: Event) -> str:
    """Return the last line of a run."""
    line = f"{event.status} {event.flow} in {duration(event.seconds)}, run {event.run}"
    if event.status == "SUCCESS":
        return line
    return f"{line}; the same command with `--resume {event.run}` goes on with it"


def complaint(event: Event) -> list[str]:
    """Return the lines that say why a step or job failed."""
    error = event.error
    if error is None:
        return []
    return complained(error.code, error.message, event.whole_place, error.error_class, error.help)


def complained(code: object, message: object, place: str, error_class: object, help: object) -> list[str]:
    """Return the lines of a failure."""
    lines = [f"error[{code}]: {message}", f"  {place}  ({error_class})"]
    return [*lines, f"  help: {help}"] if help else lines
