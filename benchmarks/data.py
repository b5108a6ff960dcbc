"""`make bench-data`: Firn beside bare DuckDB, dlt, ConnectorX, sling and ingestr, moving the same rows, in one run.

Whole processes are measured, their start included; never the servers'. What arrives is compared with what left, value
by value. A row that fails is printed as not measured, a goal that is missed as lost, and neither ends the others.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from data.firn import IDLE, ROW, firn, limited, starting
from data.floors import ROW as FLOOR_ROW
from data.floors import floor
from data.inputs import made
from data.peers import PEERS, QUIET, VENV
from data.places import FLOOR, ROOT, ROUTES, Cannot, Command, Dataset, Place, Route, Task
from data.servers import Servers, started
from data.table import Contents, Goal, Result, Results, goals, show_goals, show_task
from measure import Cost, once
from peers import PINS, install, last_line

FLIGHTS = 336_776
SETS = {
    "quick": (Dataset("lineitem", 50_000), Dataset("flights", 50_000), Dataset("orders", 50_000)),
    "full": (
        Dataset("lineitem", 1_000_000),
        Dataset("lineitem", 6_000_000),
        Dataset("flights", FLIGHTS),
        Dataset("orders", 1_000_000),
    ),
}
GROWTH = (1_000_000, 5_000_000, 20_000_000)
TIMES = 5
PEER_TIMES = 3
LONG = 60.0
"""Seconds of a peer's run after which it is not run again."""
LIMIT = 3600
"""Seconds after which a run is ended."""
DEFAULT_ROWS = 1_000_000
"""More than these, and dlt as it comes is left out: it would take the most of an hour for each."""
Tool = Callable[[Task, Path], Command | Cannot]
TOOLS: dict[str, Tool] = {"firn": firn, "firn, 180 MB": limited, "floor": floor, **PEERS}


class Bench:
    """Runs tasks below one folder; a peer that is broken is not run."""

    def __init__(self, folder: Path, servers: Servers, broken: dict[str, str]) -> None:
        self.folder = folder
        self.run = folder / "run"
        self.servers = servers
        self.broken = broken
        self.environ = QUIET | {"HOME": str(folder / "home")}
        (folder / "home").mkdir()

    def tasks(self, dataset: Dataset, routes: tuple[Route, ...]) -> Iterator[Task]:
        """Make the data set in the forms that are asked for, and yield its routes."""
        if not routes:
            return
        places = made(dataset, self.servers, {route.source for route in routes})
        for route in routes:
            yield Task(dataset, route, places[route.source], self._target(route.target))
        self.servers.drop(dataset.label)

    def _target(self, kind: str) -> Place:
        if kind == "postgres":
            return self.servers.table("out.copied")
        file = self.run / f"copied.{kind}"
        return Place(kind, str(file), *(("out.copied", f"{kind}:///{file}") if kind == "duckdb" else ()))

    def measure(self, task: Task, tools: dict[str, int]) -> Results:
        """Run each tool as often as it says, in turns; Firn and the floor once more before, unmeasured."""
        commands = {tool: self._prepared(tool, task) for tool in tools}
        costs: dict[str, list[Cost]] = {tool: [] for tool in tools}
        seen: dict[str, Contents] = {}
        failed: dict[str, str] = {}
        for turn in range(-1, max(tools.values())):
            for tool, command in commands.items():
                if isinstance(command, Cannot) or tool in failed or self._is_done(tool, turn, tools[tool], costs[tool]):
                    continue
                try:
                    cost = self._once(command)
                    if tool not in seen:
                        seen[tool] = self._compared(task, command.target or task.target)
                except (SystemExit, OSError) as error:
                    failed[tool] = last_line(str(error).rpartition(" failed:\n")[2])
                    continue
                costs[tool] += [cost] if turn >= 0 else []
        return {
            tool: Result(None, reason=command.reason)
            if isinstance(command, Cannot)
            else Result(None, reason=failed[tool])
            if tool in failed
            else Result(median(costs[tool]), min(one.cpu for one in costs[tool]), len(costs[tool]), seen[tool])
            for tool, command in commands.items()
            if not (isinstance(command, Cannot) and not command.reason)
        }

    def _is_done(self, tool: str, turn: int, times: int, costs: list[Cost]) -> bool:
        if turn < 0:
            return tool in PEERS or times == 1
        return turn >= times or (tool in PEERS and bool(costs) and costs[-1].wall > LONG)

    def _prepared(self, tool: str, task: Task) -> Command | Cannot:
        folder = self.folder / f"{task.name}-{tool}".replace("/", "-").replace(" ", "-")
        folder.mkdir()
        if reason := self.broken.get(VENV.get(tool, "")):
            return Cannot(reason)
        if tool == "dlt" and task.dataset.rows > DEFAULT_ROWS:
            return Cannot(f"it is measured up to {DEFAULT_ROWS:,} rows")
        try:
            return TOOLS[tool](task, folder)
        except SystemExit as error:
            return Cannot(last_line(str(error)))

    def _once(self, command: Command) -> Cost:
        """Run a command in an empty folder, where nothing has been written yet."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir()
        self.servers.drop("out")
        words = ("timeout", "--kill-after=10", str(LIMIT), *command.words)
        return once(words, self.run, self.environ | (command.environ or {}))

    def _compared(self, task: Task, target: Place) -> Contents:
        source = Place("parquet", str(task.dataset.file("parquet")))
        words = [FLOOR, str(ROOT / "benchmarks/data/contents.py"), json.dumps(source), json.dumps(target)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            return Contents(0, (last_line(done.stderr),), ())
        found = json.loads(done.stdout)
        return Contents(found["rows"], tuple(found["differs"]), tuple((was, now) for was, now in found["types"]))

    def starts(self) -> dict[str, Cost]:
        """Return what Firn and the floor take for a single row, and Firn for nothing at all."""
        commands = {
            "firn": starting(self.folder / "row", ROW),
            "floor": Command(FLOOR_ROW),
            "firn, idle": starting(self.folder / "idle", IDLE),
        }
        runs = [{tool: self._once(command) for tool, command in commands.items()} for _ in range(2 * TIMES)]
        return {tool: median([run[tool] for run in runs[1:]]) for tool in commands}


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(part) for part in zip(*costs, strict=True)))


def compare(bench: Bench, sets: tuple[Dataset, ...], only: str, times: int, *, peers: bool) -> None:
    """Print every row, then the goals."""
    starts = bench.starts()
    for tool, cost in starts.items():
        what = "a flow that does nothing" if tool == "firn, idle" else "one row to Parquet"
        print(f"{tool.split(',')[0]}, {what}: CPU {cost.cpu:.3f} s, wall {cost.wall:.3f} s, {cost.megabytes:.0f} MB")
    reached: list[Goal] = []
    wanted = [tool for tool in TOOLS if tool not in PEERS or peers]
    tools = {tool: min(times, PEER_TIMES) if tool in PEERS else times for tool in wanted}
    for dataset in sets:
        try:
            for task in bench.tasks(dataset, chosen(dataset, only)):
                results = bench.measure(task, tools)
                show_task(task, results)
                reached += goals(task, results, starts)
        except SystemExit as error:
            print(f"\n{dataset.label}: not measured: {error}")
    show_goals(reached)


def chosen(dataset: Dataset, only: str) -> tuple[Route, ...]:
    """Return the routes of which `only` is a part of the name."""
    return tuple(route for route in ROUTES[dataset.name] if only in f"{dataset.label}/{route.name}")


def grow(bench: Bench, only: str, sizes: tuple[int, ...]) -> None:
    """Print Firn's peak memory as the rows grow; each size's inputs are removed before the next is made."""
    peaks: dict[str, list[str]] = {}
    for rows in sizes:
        for name in ("lineitem", "orders"):
            dataset = Dataset(name, rows)
            for task in bench.tasks(dataset, chosen(dataset, only)):
                result = bench.measure(task, {"firn, 180 MB": 1})["firn, 180 MB"]
                words = f"{result.cost.megabytes:.0f} MB" if result.cost else "failed"
                words += "" if result.contents and not result.contents.differs else f" ({result.reason or 'differs'})"
                peaks.setdefault(task.route.words, []).append(words)
            if rows > DEFAULT_ROWS:
                shutil.rmtree(dataset.folder, ignore_errors=True)
    print(f"\n{'peak memory, limit 180 MB':<28}" + "".join(f"{f'{rows:,} rows':>20}" for rows in sizes))
    for route, sizes_of_it in peaks.items():
        print(f"{route:<28}" + "".join(f"{size:>20}" for size in sizes_of_it))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Firn beside bare DuckDB and its peers, moving rows.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of lineitem and of the API")
    parser.add_argument("--full", action="store_true", help="1 and 6 million rows, the flights, 1 million records")
    parser.add_argument("--quick", action="store_true", help="50,000 rows of everything")
    parser.add_argument("--only", default="", metavar="NAME", help="such as postgres-parquet, lineitem, or flights/csv")
    parser.add_argument("--times", type=int, default=TIMES, help=f"runs of each; of peers {PEER_TIMES} at most")
    parser.add_argument("--no-peers", action="store_true", help="Firn and the floors alone")
    parser.add_argument("--memory", action="store_true", help="Firn's peak memory as rows grow")
    return parser.parse_args()


def main() -> None:
    asked = options()
    pins = {name: install(name) for name in ("duckdb", "tpchgen", *dict.fromkeys(VENV.values()))}
    if reason := pins.pop("duckdb") or pins.pop("tpchgen"):
        sys.exit(f"the floors {reason}")
    versions = sorted({line for name in pins for line in (PINS / f"{name}.txt").read_text().split()})
    print(f"Python {sys.version.split()[0]}; {', '.join(versions)}")
    print("medians of n runs, user and system time of the whole process tree, peak memory of its largest process")
    usual = (Dataset("lineitem", asked.rows), Dataset("flights", FLIGHTS), Dataset("orders", asked.rows))
    sets = SETS["quick"] if asked.quick else SETS["full"] if asked.full else usual
    with tempfile.TemporaryDirectory(prefix="firn-bench-", dir=ROOT / ".bench") as name, started() as servers:
        bench = Bench(Path(name), servers, {peer: reason for peer, reason in pins.items() if reason})
        if asked.memory:
            grow(bench, asked.only, (10_000, 50_000) if asked.quick else GROWTH)
        else:
            compare(bench, sets, asked.only, asked.times, peers=not asked.no_peers)


if __name__ == "__main__":
    main()
