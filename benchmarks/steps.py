"""What a step costs in a run with durable state, where the step itself does nothing: CPU, wall, memory.

`--peers` runs as many steps in Dagster (in process, its events kept in SQLite as Firn's state is) and Prefect, in this
run; it installs them first.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Cost, interleaved, once
from receiver import receiving

ROOT = Path(__file__).parents[1]
FIRN = str(ROOT / ".venv/bin/firn")
PYTHON = str(ROOT / ".venv/bin/python")
PINS, VENVS = ROOT / "benchmarks/peers", ROOT / ".bench"
STEP = "      - {{id: s{}, type: check_items, inputs: {{items: [1]}}}}\n"
READ = "      - {{id: s{}, type: read, inputs: {{resource: files, path: one.csv, schema: {{n: bigint}}}}}}\n"
HEAD = 'name: steps\nversion: "1.0.0"\nmax_parallel: 1\njobs:\n  - id: main\n    steps:\n'
GROWTH = """
import sys
from pathlib import Path
from firn_runtime import Edge, run_artifact
sizes = []
def listen(event):
    if event.name in ("step.started", "step.finished"):
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4)
run_artifact(Path(sys.argv[1]), Edge({}, Path.cwd(), [listen]))
print(sizes[0], sizes[-1])
"""
DAGSTER = """
from dagster import DagsterInstance, In, Nothing, job, op
def make(n):
    @op(name=f"s{n}", ins={"before": In(Nothing)} if n else {})
    def step(): return n
    return step
@job
def steps():
    last = None
    for n in range(COUNT):
        last = make(n)(last) if last is not None else make(n)()
steps.execute_in_process(instance=DagsterInstance.get())
"""
PREFECT = """
from prefect import flow, task
@task
def step(n): return n
@flow
def steps():
    for n in range(COUNT): step(n)
steps()
"""
PEERS = {"dagster, in process": ("dagster", DAGSTER), "prefect": ("prefect", PREFECT)}
QUIET = {
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def compiled(folder: Path, steps: int) -> str:
    (folder / "flow.yaml").write_text(HEAD + "".join(map(STEP.format, range(steps))))
    (folder / "platform.yaml").write_text('version: "1.0.0"\nenvironment: bench\n')
    once([FIRN, "compile", "flow.yaml", "-p", "platform.yaml", "-o", f"{steps}.json", "--no-cache"], folder)
    return f"{steps}.json"


def per_step(few: Cost, many: Cost, steps: int) -> tuple[float, float]:
    """Return milliseconds of CPU and wall for one step, start-up left out."""
    return (many.cpu - few.cpu) * 1000 / steps, (many.wall - few.wall) * 1000 / steps


def ours(folder: Path) -> float:
    sizes = {steps: compiled(folder, steps) for steps in (10, 1010, 10_000)}
    commands = {str(steps): [FIRN, "run", name, "--log-format", "json"] for steps, name in sizes.items()}
    costs = interleaved({name: commands[name] for name in ("10", "1010")}, folder, 9)
    cpu, wall = per_step(costs["10"], costs["1010"], 1000)
    print(
        f"{'firn, a step that does nothing':<34}{cpu:9.3f} ms CPU{wall:9.3f} ms wall   goal 0.34 ms CPU (50 x Dagster)"
    )
    whole = once(commands["10000"], folder)
    grown = subprocess.run(
        [PYTHON, "-c", GROWTH, sizes[10_000]], cwd=folder, capture_output=True, text=True, check=True
    )
    first, last = map(int, grown.stdout.split())
    print(f"{'firn, 10,000 steps':<34}{whole.cpu * 1000:9.0f} ms CPU{whole.wall * 1000:9.0f} ms wall")
    each = (last - first) * 1024 / 10_000
    print(f"{'memory, first to last step':<34}{first / 1024:9.1f} MB  → {last / 1024:.1f} MB, {each:.0f} B a step")
    return cpu


def observed(folder: Path) -> None:
    """Print what a step costs more where receivers on loopback hear of it."""
    (folder / "one.csv").write_text("n\n1\n")
    head = HEAD.replace("jobs:", "resources: {files: {profile: files}}\njobs:")
    with receiving() as url:
        asked = {
            "none": "",
            "spans": f"observability: {{traces: true, metrics: true, otlp_endpoint: '{url}'}}\n",
            "all": f"observability: {{traces: true, metrics: true, lineage: true, otlp_endpoint: '{url}', "
            f"lineage_endpoint: '{url}'}}\n",
        }
        commands = {}
        for name, words in asked.items():
            platform = 'version: "1.0.0"\nenvironment: bench\nconnectors: {files: {type: local, config: {root: .}}}\n'
            (folder / "platform.yaml").write_text(platform + words)
            for step, line in (("nothing", STEP), ("reads", READ)):
                for count in (10, 510):
                    (folder / "flow.yaml").write_text(head + "".join(map(line.format, range(count))))
                    file = f"{name}-{step}-{count}.json"
                    compile = [FIRN, "compile", "flow.yaml", "-p", "platform.yaml", "-o", file, "--no-cache"]
                    once(compile, folder)
                    commands[name, step, count] = [FIRN, "run", file, "--log-format", "json"]
        costs = interleaved({" ".join(map(str, key)): command for key, command in commands.items()}, folder, 5)
    for name, step, what in (
        ("spans", "nothing", "spans and metrics, a step"),
        ("spans", "reads", "spans and metrics, a reading step"),
        ("all", "reads", "and lineage, a reading step"),
    ):
        cpu, wall = per_step(costs[f"{name} {step} 10"], costs[f"{name} {step} 510"], 500)
        bare, alone = per_step(costs[f"none {step} 10"], costs[f"none {step} 510"], 500)
        print(
            f"{what:<34}{cpu - bare:9.3f} ms CPU{wall - alone:9.3f} ms wall   more than {bare:.3f} and {alone:.3f} ms"
        )
    first = costs["all nothing 10"].wall - costs["none nothing 10"].wall
    print(f"{'a run that sends all of it':<34}{first * 1000:9.0f} ms wall more")


def peers(folder: Path, cpu: float) -> None:
    for name, (tool, script) in PEERS.items():
        python = VENVS / tool / "bin/python"
        if not python.exists():
            subprocess.run([PYTHON, "-m", "venv", str(VENVS / tool)], check=True)
            pins = str(PINS / f"{tool}.txt")
            done = subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", pins], check=False)
            if done.returncode:
                print(f"{name:<34}not measured: it cannot be installed here")
                continue
        costs = {}
        for count in (10, 10, 210):  # the first makes the tool's database
            file = folder / f"{tool}{count}.py"
            file.write_text(script.replace("COUNT", str(count)))
            home = folder / f"{tool}-home"
            home.mkdir(exist_ok=True)
            costs[count] = once([str(python), str(file)], folder, QUIET | {tool.upper() + "_HOME": str(home)})
        theirs, wall = per_step(costs[10], costs[210], 200)
        print(f"{name:<34}{theirs:9.3f} ms CPU{wall:9.3f} ms wall   {theirs / cpu:.0f} x firn's CPU")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        cpu = ours(Path(name))
        observed(Path(name))
        if "--peers" in sys.argv:
            peers(Path(name), cpu)


if __name__ == "__main__":
    main()
