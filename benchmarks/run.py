"""`make bench`: cold starts, compilations of growing flows, and the flights end to end, as ratios in one run."""

import math
import sys
import tempfile
from pathlib import Path

from generate import PLATFORM, flow_of, mixed_step
from measure import Cost, interleaved, once

ROOT = Path(__file__).parents[1]
FIRN = str(ROOT / ".venv/bin/firn")
PYTHON = str(ROOT / ".venv/bin/python")
FLIGHTS = ROOT / "platform-examples/02-flights"
NOTHING = 'name: nothing\nversion: "1.0.0"\njobs:\n  - id: idle\n    steps: []\n'


def row(name: str, cost: Cost, base: Cost, goal: str = "") -> None:
    ratio = f"{cost.cpu / base.cpu:6.1f} x"
    print(f"{name:<34}{cost.cpu * 1000:9.1f} ms{ratio:>11}{cost.megabytes:8.0f} MB   {goal}")


def starts(folder: Path) -> Cost:
    (folder / "nothing.yaml").write_text(NOTHING)
    once([FIRN, "compile", "nothing.yaml", "-p", "platform.yaml", "-o", "nothing.json"], folder)
    costs = interleaved(
        {
            "python -c pass": [PYTHON, "-c", "pass"],
            "firn --version": [FIRN, "--version"],
            "firn verify": [FIRN, "verify", "nothing.json"],
            "firn run (a flow that does nothing)": [FIRN, "run", "nothing.json"],
        },
        folder,
        21,
    )
    base = costs["python -c pass"]
    goals = ["", "goal 6 x", "goal 8 x", "goal 12 x, 60 MB"]
    for (name, cost), goal in zip(costs.items(), goals, strict=True):
        row(name, cost, base, goal)
    return base


def compilations(folder: Path, base: Cost) -> None:
    goals = {10: "goal 15 x", 1000: "goal 600 ms"}
    sizes = (1, 10, 100, 1000)
    commands = {}
    for steps in sizes:
        (folder / f"flow{steps}.yaml").write_text(flow_of(steps, mixed_step))
        words = f"compile flow{steps}.yaml -p platform.yaml -o out.json --no-cache"
        commands[str(steps)] = [FIRN, *words.split()]
    costs = interleaved(commands, folder, 9)
    for steps in sizes:
        row(f"firn compile, {steps} steps", costs[str(steps)], base, goals.get(steps, ""))
    one, hundred, thousand = (costs[str(steps)].cpu for steps in (1, 100, 1000))
    growth = math.log((thousand - one) / (hundred - one)) / math.log(10)
    print(f"growth from 100 to 1,000 steps, start-up left out: steps ^ {growth:.2f}")


def flights(base: Cost) -> None:
    if not (FLIGHTS / "data/flights.csv").exists():
        once([PYTHON, "fetch_data.py"], FLIGHTS)
    once([FIRN, "compile", "flow.yaml", "--env", "local", "-o", "platform/local/compiled_artifacts.json"], FLIGHTS)
    costs = interleaved(
        {
            "02-flights, firn run": [FIRN, "run", "platform/local/compiled_artifacts.json"],
            "02-flights, bare DuckDB": [PYTHON, str(ROOT / "benchmarks/flights_floor.py")],
        },
        FLIGHTS,
        7,
    )
    for name, cost in costs.items():
        row(name, cost, base)
    ours, floor = costs.values()
    cpu, wall = ours.cpu / floor.cpu, ours.wall / floor.wall
    print(f"02-flights against bare DuckDB: CPU {cpu:.2f} x, wall {wall:.2f} x   goal 1.2 x")


def main() -> None:
    print(f"Python {sys.version.split()[0]}; medians of CPU time; ratios to `python -c pass` of the same run\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "platform.yaml").write_text(PLATFORM)
        base = starts(folder)
        print()
        compilations(folder, base)
    print()
    flights(base)


if __name__ == "__main__":
    main()
