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


def counted(count: int | None) -> str:
    """Return such as `1 row` or `336,776 rows`; nothing where it is unknown."""
    return "" if count is None else f"{count:,} row" + ("" if count == 1 else "s")


def summary(events: Sequence[Event]) -> list[tuple[str, str, str, str, str]]:
    """Return (job, step, status, rows, time) of every step and of every job without finished steps."""
    table: list[tuple[str, str, str, str, str]] = []
    shown: set[str] = set()
    for event in events:
        if event.name == "step.finished":
            job = "" if event.job in shown else event.job or ""
            shown.add(event.job or "")
            table.append((job, event.step or "", event.status or "", rows(event.rows), duration(event.seconds)))
        elif event.name == "job.finished" and event.job not in shown:
            table.append((event.job or "", "", event.status or "", "", duration(event.seconds)))
    return table


def aligned(table: Sequence[tuple[str, ...]], right: frozenset[int] = frozenset([3, 4])) -> list[str]:
    """Return the rows as lines whose columns stand under each other."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


HEADINGS = ("job", "step", "status", "rows", "time")


def closing(event: Event) -> str:
    """Return the last line of a run."""
    return f"{event.status} {event.flow} in {duration(event.seconds)}, run {event.run}"


def complaint(event: Event) -> list[str]:
    """Return the lines that say why a step or job failed."""
    error = event.error
    if error is None:
        return []
    place = ".".join(part for part in (event.flow, event.job, event.step) if part)
    lines = [f"error[{error.code}]: {error.message}", f"  {place}  ({error.error_class})"]
    return [*lines, f"  help: {error.help}"] if error.help else lines
