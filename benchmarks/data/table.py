"""What is printed: each row with its ratios, the comparison of contents, and the goals, met or lost."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from measure import Cost

from data.places import MEGABYTES, Route, Task


class Contents(NamedTuple):
    """How a target compares with its source."""

    rows: int
    differs: tuple[str, ...]
    """Columns of which any value is another one."""
    types: tuple[tuple[str, str], ...]
    """The source's types and what became of them, where they are others."""

    @property
    def words(self) -> str:
        if self.differs:
            return f"DIFFER in {', '.join(self.differs[:3])}{' …' if self.differs[3:] else ''} of {self.rows:,} rows"
        return "equal"

    @property
    def kept(self) -> str:
        changed = [f"{source} → {target}".lower() for source, target in self.types if _is_telling(source)]
        return ", ".join(changed) or "kept"


class Result(NamedTuple):
    """The medians of `times` runs of one tool on one task, or why there are none."""

    cost: Cost | None
    least: float = 0.0
    """Seconds of CPU of the run that took the fewest."""
    times: int = 0
    contents: Contents | None = None
    reason: str = ""


Results = dict[str, Result]
"""By tool; `firn` and `floor` are among them where they could be run."""


def _is_telling(kind: str) -> bool:
    return kind.startswith(("DECIMAL", "DATE", "TIME"))


def show_task(task: Task, results: Results) -> None:
    """Print one block: every tool of a task."""
    title = f"{task.route.words}, {task.dataset.rows:,} {task.dataset.name}"
    heads = f"{'n':>3}{'CPU s':>9}{'least':>8}{'wall s':>8}{'MB':>7}{'/ floor':>9}{'/ firn':>9}"
    print(f"\n{title:<46}{heads}   contents; types kept")
    for tool, result in results.items():
        if result.cost is None:
            print(f"  {tool:<44}not measured: {result.reason}")
            continue
        cost, seen = result.cost, result.contents
        figures = f"{result.times:>3}{cost.cpu:>9.2f}{result.least:>8.2f}{cost.wall:>8.2f}{cost.megabytes:>7.0f}"
        ratios = "".join(f"{_ratio(cost, results.get(base)):>9}" for base in ("floor", "firn"))
        print(f"  {tool:<44}{figures}{ratios}   {f'{seen.words}; {seen.kept}' if seen else 'not compared'}", flush=True)


def _ratio(cost: Cost, base: Result | None) -> str:
    return "–" if base is None or base.cost is None else f"{cost.cpu / base.cost.cpu:.2f} x"


class Goal(NamedTuple):
    """What was to be reached; `value` is nothing where it could not be measured."""

    text: str
    value: float | None
    least: bool
    limit: float
    unit: str = "x"
    why: str = ""

    @property
    def met(self) -> bool:
        return self.value is not None and (self.value >= self.limit if self.least else self.value <= self.limit)


def goals(task: Task, results: Results, starts: dict[str, Cost]) -> Iterator[Goal]:
    """Yield the goals of a task: its floor, dlt's best and default, memory, contents."""
    firn, floor = results["firn"].cost, results["floor"].cost
    least = results["firn"].least / results["floor"].least if firn and floor else 0.0
    route, name, seen = task.route, task.name, results["firn"].contents
    cpu = firn.cpu / floor.cpu if firn and floor else None
    yield Goal(f"{name}: CPU / floor", cpu, False, route.floor, why=_why(firn, floor, least, route, starts))
    ways = {tool: one.cost.cpu for tool, one in results.items() if tool.startswith("dlt") and one.cost}
    best = min(ways, key=ways.__getitem__, default="dlt")
    for words, way, limit in (("best", best, route.best), ("default", "dlt", route.default)):
        if limit:
            value = ways[way] / firn.cpu if way in ways and firn else None
            why = _beside(ways.get(way), floor, firn, starts)
            yield Goal(f"{name}: dlt's {words} ({way}) / firn", value, True, limit, why=why)
    small = results["firn, 180 MB"].cost
    yield Goal(f"{name}: peak memory, limit 180 MB", small.megabytes if small else None, False, MEGABYTES, "MB")
    yield Goal(f"{name}: columns that differ", len(seen.differs) if seen else None, False, 0, "")


def _why(firn: Cost | None, floor: Cost | None, least: float, route: Route, starts: dict[str, Cost]) -> str:
    """Say how much is too much, and how it stands without what both take for a single row, and for the least runs."""
    if firn is None or floor is None:
        return ""
    work, bare = firn.cpu - starts["firn"].cpu, floor.cpu - starts["floor"].cpu
    without = f"; {work / bare:.2f} x without what one row takes" if bare > 0 else ""
    return f"{firn.cpu - route.floor * floor.cpu:.2f} s too much{without}; {least:.2f} x by the least of the runs"


def _beside(peer: float | None, floor: Cost | None, firn: Cost | None, starts: dict[str, Cost]) -> str:
    """Say whether the goal is within reach: what the floor itself would reach, and what Firn takes for one row."""
    if peer is None or floor is None or firn is None:
        return ""
    return (
        f"the floor would reach {peer / floor.cpu:.1f} x; {starts['firn'].cpu:.2f} of {firn.cpu:.2f} s are for one row"
    )


def show_goals(all: Iterable[Goal]) -> None:
    print(f"\n{'goals':<72}{'measured':>10}{'goal':>10}")
    for goal in all:
        verdict = "not measured" if goal.value is None else "met" if goal.met else f"LOST: {goal.why}".rstrip(": ")
        measured = "–" if goal.value is None else f"{goal.value:.2f} {goal.unit:<2}"
        sign = "≥" if goal.least else "≤"
        print(f"{goal.text:<72}{measured:>10}{f'{sign} {goal.limit:g} {goal.unit:<2}':>10}  {verdict}")
