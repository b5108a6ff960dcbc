"""`make bench-peers`: Firn beside dbt, SQLMesh and Meltano, on the same units, interleaved in one run of minutes.

A peer that cannot be installed or run is reported as not measured; a goal that is missed is printed as missed.
"""

import math
import operator
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from generate import Shape, write_dbt, write_firn, write_meltano, write_sqlmesh
from measure import Cost, once

ROOT = Path(__file__).parents[1]
PINS = ROOT / "benchmarks/peers"
VENVS = ROOT / ".bench"
PYTHON = str(ROOT / ".venv/bin/python")
QUIET = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
    "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
    "DO_NOT_TRACK": "1",
}
LOAD = "import sqlmesh; open('units.json', 'w').write(str(len(sqlmesh.Context(paths='.').models)))"
FLOOR = """
import hashlib
from ruamel.yaml.cyaml import CParser
content = open('flows/0/flow.yaml', 'rb').read()
parser = CParser(content)
while parser.check_event():
    parser.get_event()
open('floor.txt', 'w').write(hashlib.sha256(content).hexdigest())
"""


class Tool(NamedTuple):
    """How a tool compiles a folder. `made` is removed before a cold run; `units` counts them in `d`, the result."""

    write: Callable[[Path, Shape], None]
    command: tuple[str, ...]
    made: tuple[str, ...] = ()
    result: str = ""
    units: str = ""
    knows_sql: bool = True


TOOLS = {
    "python -c pass": Tool(write_firn, (PYTHON, "-c", "pass")),
    "parse and hash alone": Tool(write_firn, (PYTHON, "-c", FLOOR), ("floor.txt",)),
    "firn": Tool(
        write_firn,
        (str(ROOT / ".venv/bin/firn"), "compile", "flows", "-p", "platform.yaml", "-o", "out.json"),
        (".firn", "out.json", "out.map.json"),
        "out.json",
        "sum(len(job['steps']) for flow in d['payload']['flows'].values() for job in flow['jobs'])",
    ),
    "dbt": Tool(
        write_dbt,
        (str(VENVS / "dbt/bin/dbt"), "--quiet", "parse", "--no-partial-parse", "--profiles-dir", "."),
        ("target", "logs"),
        "target/manifest.json",
        "sum(node['resource_type'] == 'model' for node in d['nodes'].values())",
    ),
    "sqlmesh": Tool(
        write_sqlmesh,
        (str(VENVS / "sqlmesh/bin/python"), "-c", LOAD),
        (".cache", "units.json"),
        "units.json",
        "d",
    ),
    "meltano": Tool(
        write_meltano,
        (str(VENVS / "meltano/bin/meltano"), "--environment=bench", "compile"),
        (".meltano/manifests",),
        ".meltano/manifests/meltano-manifest.bench.json",
        "min(len(d['jobs']), sum('inherit_from' in one for one in d['plugins']['extractors']))",
        knows_sql=False,
    ),
}
FLOORS = ("python -c pass", "parse and hash alone")
PEERS = ("dbt", "sqlmesh", "meltano")
SIZES = (10, 100, 1000)
WORDS = {False: "no SQL", True: "five joins in each"}
OTHER_SHAPES = {
    Shape(1000, False, per_job=100): "10 jobs of 100 steps",
    Shape(1000, False, flows=100): "100 flows of 10 steps",
}
FIRN_TIMES = 9
GROWTH_TIMES = 25  # a hundred steps take a sixth more than ten: a difference that nine runs do not settle
PEER_TIMES = {10: 3, 100: 3, 1000: 1}
FASTER = 20


class Case(NamedTuple):
    """One tool on one project; `again` is a second compile of what did not change."""

    tool: str
    shape: Shape
    again: bool = False

    @property
    def label(self) -> str:
        return self.tool + (", unchanged" if self.again else "")


class Result(NamedTuple):
    """The medians of `times` runs, or why there are none."""

    cost: Cost | None
    times: int = 0
    reason: str = ""


class Goal(NamedTuple):
    text: str
    value: float | None
    holds: Callable[[float, float], bool]
    limit: float
    unit: str


# Running


def install(peer: str) -> str:
    """Make the peer's own environment, once for each text of its pins; the answer is what went wrong."""
    venv, pins = VENVS / peer, PINS / f"{peer}.txt"
    ready = venv / "ready"
    if ready.exists() and ready.read_text() == pins.read_text():
        return ""
    pip = [str(venv / "bin/python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", str(pins)]
    for command in ([sys.executable, "-m", "venv", "--clear", str(venv)], pip):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"cannot be installed: {last_line(done.stderr or done.stdout)}"
    ready.write_text(pins.read_text())
    return ""


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:120]


class Bench:
    """Runs cases below one folder; a peer that is broken is not run, and what failed once is not run again."""

    def __init__(self, folder: Path, broken: dict[str, str]) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.broken = broken
        self.failed: dict[Case, str] = {}

    def measure(self, cases: dict[Case, int]) -> dict[Case, Result]:
        """Run cases in turns, each as often as it says; Firn's and the small ones once more before, unmeasured."""
        costs: dict[Case, list[Cost]] = {case: [] for case in cases}
        for case, times in cases.items():
            TOOLS[case.tool].write(self._place(case), case.shape)
            if times > 1:
                self._once(case)
        for turn in range(max(cases.values())):
            for case in (case for case, times in cases.items() if turn < times):
                costs[case] += filter(None, [self._once(case)])
        return {case: self._result(case, runs) for case, runs in costs.items()}

    def _once(self, case: Case) -> Cost | None:
        if case in self.failed or case.tool in self.broken:
            return None
        tool, place = TOOLS[case.tool], self._place(case)
        for name in () if case.again else tool.made:
            remove(place / name)
        try:
            cost = once(tool.command, place, QUIET | {"HOME": str(self.home)})
            check_units(tool, place, case.shape.units)
        except (SystemExit, OSError) as error:
            if case.tool not in PEERS:
                raise
            self.failed[case] = last_line(str(error))
            return None
        return cost

    def _place(self, case: Case) -> Path:
        place = self.folder / "-".join(str(part).replace(" ", "_") for part in (case.tool, *case.shape, case.again))
        place.mkdir(exist_ok=True)
        return place

    def _result(self, case: Case, costs: list[Cost]) -> Result:
        if reason := self.broken.get(case.tool) or self.failed.get(case):
            return Result(None, reason=reason)
        if not costs:
            return Result(None, reason="it holds no SQL")
        return Result(Cost(*(statistics.median(part) for part in zip(*costs, strict=True))), len(costs))


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_units(tool: Tool, folder: Path, units: int) -> None:
    """Exit unless the result holds that many; in a process of its own, for a child's peak memory begins at ours."""
    if not tool.units:
        return
    code = f"import json; d = json.load(open({tool.result!r})); print({tool.units})"
    found = subprocess.run([PYTHON, "-c", code], cwd=folder, capture_output=True, text=True)
    if found.stdout.strip() != str(units):
        sys.exit(f"made {found.stdout.strip() or last_line(found.stderr)} units of {units}")


# What is measured


def blocks(joins: bool) -> Iterator[tuple[str, dict[Case, int]]]:
    """Yield what is shown together, and how often each is run: all tools by size, then Firn's other shapes."""
    words = WORDS[joins]
    for units in SIZES:
        shape = Shape(units, joins)
        peers = {Case(peer, shape): PEER_TIMES[units] for peer in PEERS}
        without = {case: 0 for case in peers if joins and not TOOLS[case.tool].knows_sql}
        yield f"{units:,} units, {words}", firn_cases(shape, FLOORS) | peers | without
    for shape, name in OTHER_SHAPES.items():
        yield f"{name}, {words}", firn_cases(shape._replace(joins=joins))


def firn_cases(shape: Shape, floors: tuple[str, ...] = ()) -> dict[Case, int]:
    cases = [*(Case(floor, shape) for floor in floors), Case("firn", shape), Case("firn", shape, again=True)]
    return dict.fromkeys(cases, FIRN_TIMES)


def cpu(results: dict[Case, Result], case: Case) -> float:
    cost = results[case].cost
    assert cost is not None, case
    return cost.cpu


def growth(bench: Bench, joins: bool) -> float:
    """Return the slope, on logarithmic axes, of what 90 and 990 units more cost than the first ten."""
    cases = [Case("firn", Shape(units, joins)) for units in SIZES]
    results = bench.measure(dict.fromkeys(cases, GROWTH_TIMES))
    base, hundred, thousand = (cpu(results, case) for case in cases)
    if not base < hundred < thousand:
        return math.nan
    return math.log((thousand - base) / (hundred - base)) / math.log((SIZES[2] - SIZES[0]) / (SIZES[1] - SIZES[0]))


def ratios(results: dict[Case, Result], peer: str) -> dict[str, float]:
    """Return how many times Firn's CPU the peer took, cold, by project."""
    cases = [case for case, result in results.items() if case.tool == peer and result.cost]
    return {
        f"{case.shape.units:,} units, {WORDS[case.shape.joins]}": cpu(results, case)
        / cpu(results, case._replace(tool="firn"))
        for case in cases
    }


def goals(results: dict[Case, Result], slopes: dict[bool, float]) -> Iterator[Goal]:
    for joins, limit in ((False, 0.5), (True, 3.0)):
        words = WORDS[joins]
        for shape, name in ({Shape(1000, joins): "100 jobs of 10 steps"} | OTHER_SHAPES).items():
            case = Case("firn", shape._replace(joins=joins))
            yield Goal(f"cold, {name}, {words}", cpu(results, case), operator.le, limit, "s")
            again = cpu(results, case._replace(again=True))
            yield Goal(f"unchanged, {name}, {words}", again, operator.le, 0.2, "s")
        yield Goal(f"growth from 100 to 1,000 steps, {words}", slopes[joins], operator.le, 1.05, "")
    for peer in PEERS:
        found = ratios(results, peer)
        least = min(found, key=found.__getitem__, default="")
        yield Goal(f"{peer} / firn, the least: {least}", found.get(least), operator.ge, FASTER, "x")


# What is printed


def show_block(title: str, cases: dict[Case, int], results: dict[Case, Result]) -> None:
    print(f"\n{title:<42}{'n':>4}{'CPU s':>10}{'wall s':>10}{'MB':>7}{'CPU / firn':>14}")
    base = cpu(results, next(case for case in cases if case.tool == "firn"))
    for case in cases:
        cost, times, reason = results[case]
        if cost is None:
            print(f"  {case.label:<40}not measured: {reason}")
            continue
        figures = f"{times:>4}{cost.cpu:>10.3f}{cost.wall:>10.3f}{cost.megabytes:>7.0f}{cost.cpu / base:>12.2f} x"
        missed = case.tool in PEERS and cost.cpu / base < FASTER
        print(f"  {case.label:<40}{figures}{f'  MISSED {FASTER} x' if missed else ''}")


def show_goals(results: dict[Case, Result], slopes: dict[bool, float]) -> None:
    print(f"\n{'goals':<58}{'measured':>10}{'goal':>11}")
    for text, value, holds, limit, unit in goals(results, slopes):
        sign = {operator.le: "≤", operator.ge: "≥"}[holds]
        verdict = "not measured" if value is None else "met" if holds(value, limit) else "MISSED"
        measured = "–" if value is None else f"{value:.2f} {unit:<2}"
        print(f"{text:<58}{measured:>10}{f'{sign} {limit:g} {unit:<2}':>11}  {verdict}")
    peak = max(result.cost.megabytes for case, result in results.items() if case.tool == "firn" and result.cost)
    print(f"\nfirn's peak memory over all of these: {peak:.0f} MB")
    print("growth: log((t1000 - t10) / (t100 - t10)) / log(990 / 90), so that a fixed cost and a straight line give 1")


def main() -> None:
    pins = ", ".join(line for peer in PEERS for line in (PINS / f"{peer}.txt").read_text().split())
    print(f"Python {sys.version.split()[0]}; {pins}")
    print("medians of n runs, user and system time of the whole process tree, peak memory of its largest process")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), {peer: reason for peer in PEERS if (reason := install(peer))})
        results: dict[Case, Result] = {}
        for joins in WORDS:
            shown = dict(blocks(joins))
            results |= bench.measure({case: times for cases in shown.values() for case, times in cases.items()})
            for title, cases in shown.items():
                show_block(title, cases, results)
        show_goals(results, {joins: growth(bench, joins) for joins in WORDS})


if __name__ == "__main__":
    main()
