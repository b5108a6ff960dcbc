"""Kills runs at thousands of points, resumes them, and compares what they come to with the undisturbed run.

    make crash                                                   # more than 3,000 kills, on every core
    python tests/crash/harness.py --count 100 --seed 7
    python tests/crash/harness.py --point 'sqlite/memory/forked/call:daily:pwrite64:9,at:0.100'

What is wrong is printed with the command that does it again. Exit 1 where anything is.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from crash.calls import Call, calls_of
from crash.cases import Expected, Verdict, judged, undisturbed
from crash.points import At, Hurt, OnCall, OnEvent, Point, StateAt, parsed
from crash.sessions import MAIN
from crash.sinks import in_child
from crash.world import World, make_world
from firn_runtime.options import Edge
from firn_runtime.run import run_artifact

SEED = 5
COUNT = 3600
"""Points of which more than 3,000 are kills; the others are calls that fail."""
STATES: Sequence[StateAt] = ("sqlite", "postgres")
ERRORS = ("ENOSPC", "EIO", "EINTR")
OFTEN = ("pwrite64", "write", "fsync", "fdatasync", "sendto", "unlinkat")
"""Calls that a thread makes many times."""
MEMORY = "/dev/shm"


class Known(NamedTuple):
    """What is known of the undisturbed run, by where its state is."""

    expected: dict[StateAt, Expected]
    calls: dict[StateAt, list[Call]]


def main(words: Sequence[str] | None = None) -> int:
    """Hurt as asked, print the table, and return the exit code."""
    asked = _asked(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # folders and servers go with it
    clock = time.monotonic()
    with _folder(MEMORY) as memory, _folder(None) as disk:
        world = make_world(memory)
        folders = {"memory": memory, "disk": disk}
        warm(world, memory)
        known = Known(
            {state: undisturbed(world, memory, state) for state in STATES},
            {state: _calls(world, memory, state) for state in STATES},
        )
        points = [parsed(asked.point)] * asked.times if asked.point else chosen(known, asked.count, asked.seed)
        verdicts = list(_judged(world, known, folders, points, asked.workers))
    say(table(verdicts, time.monotonic() - clock))
    for one in verdicts:
        if one.wrong:
            say(complaint(one))
    return 1 if any(one.wrong for one in verdicts) else 0


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="how many points")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--point", help="one case, as STATE/DISK/COMMAND/HURT,… (see points.py)")
    parser.add_argument("--times", type=int, default=1, help="how often to try the one case")
    return parser.parse_args(words)


@contextmanager
def _folder(below: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=below, prefix="firn-crash-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def warm(world: World, below: Path) -> None:
    """Import whatever a run imports: what this process has, its children need not read."""

    def names() -> list[str]:
        with world.place(below) as place:
            run_artifact(place.artifact, Edge(place.environ, place.folder))
        return sorted(sys.modules)

    for name in in_child(names):
        if name.partition(".")[0] != "__main__":
            import_module(name)


def _calls(world: World, below: Path, state: StateAt) -> list[Call]:
    with world.place(below, state) as place:
        return calls_of(place)


def chosen(known: Known, count: int, seed: int) -> list[Point]:
    """Return `count` points: a kill at every call and every event where there is room for them, otherwise at some.

    To these come calls that fail, and kills at random instants. The same seed and calls give the same points.
    """
    rng = random.Random(seed)
    every = [*_on_calls(known), *_on_events(known)]
    rng.shuffle(every)
    kept = every[: round(count * 0.6)] if count < 1.5 * len(every) else every
    failing = _failing(known, rng, round(count * 0.15))
    left = count - len(kept) - len(failing)
    points = [*kept, *failing, *(_at_random(known, rng) for _ in range(left))]
    rng.shuffle(points)
    return [_harder(known, point, rng) for point in points]


def _on_calls(known: Known) -> Iterator[Point]:
    for state, calls in known.calls.items():
        for one in calls:
            hurt = OnCall(one.thread, one.syscall, one.number)
            yield Point(state, "memory", "forked", (hurt,), one.kind)


def _on_events(known: Known) -> Iterator[Point]:
    for state, expected in known.expected.items():
        for number, name in enumerate(expected.events, 1):
            yield Point(state, "memory", "forked", (OnEvent(number),), f"event: {name}")


def _failing(known: Known, rng: random.Random, count: int) -> list[Point]:
    """Return calls that fail; none to a server, for a driver waits for the reset that comes with a real failure."""
    every = [(state, call) for state, calls in known.calls.items() for call in calls if call.syscall != "sendto"]
    return [_error(*rng.choice(every), ERRORS[number % len(ERRORS)]) for number in range(count)]


def _error(state: StateAt, call: Call, error: str) -> Point:
    hurt = OnCall(call.thread, call.syscall, call.number, error)
    return Point(state, "memory", "forked", (hurt,), f"failing call: {error}")


def _at_random(known: Known, rng: random.Random) -> Point:
    """Return a kill at any instant; a share of them of the installed command."""
    state = rng.choice(STATES)
    seconds = known.expected[state].seconds
    if rng.random() < 0.2:
        return _installed(state, seconds, rng)
    return Point(state, "memory", "forked", (At(rng.uniform(0, seconds * 1.1)),), "random instant")


def _installed(state: StateAt, seconds: float, rng: random.Random) -> Point:
    """Return a kill of the installed command: at an instant, or at a call of whichever thread makes so many first."""
    if rng.random() < 0.5:
        return Point(state, "memory", "firn", (At(rng.uniform(0.1, 0.5 + seconds)),), "installed command: instant")
    hurt = OnCall(MAIN, rng.choice(OFTEN), rng.randrange(1, 20))
    return Point(state, "memory", "firn", (hurt,), "installed command: call")


def _harder(known: Known, point: Point, rng: random.Random) -> Point:
    """Let a third of the points be hurt again while they recover, up to three times; let a tenth be on a real disk."""
    again: list[Hurt] = []
    while len(again) < 3 and rng.random() < 0.33:
        again.append(_again(known, point, rng))
    disk = "disk" if rng.random() < 0.1 else "memory"
    return point._replace(hurts=(*point.hurts, *again), disk=disk)  # type: ignore[arg-type]  # it is one of the two


def _again(known: Known, point: Point, rng: random.Random) -> Hurt:
    if point.command == "firn" or rng.random() < 0.3:
        return At(rng.uniform(0, known.expected[point.state].seconds))
    if rng.random() < 0.3:
        return OnEvent(rng.randrange(1, 40))
    call = rng.choice(known.calls[point.state])
    thread = MAIN if rng.random() < 0.1 else call.thread
    return OnCall(thread, call.syscall, rng.randrange(1, call.number + 1))


def _judged(
    world: World, known: Known, folders: dict[str, Path], points: Sequence[Point], workers: int
) -> Iterator[Verdict]:
    """Judge every point, each worker a share of them; what comes is told as it comes."""
    context = multiprocessing.get_context("fork")
    receivers: list[Connection] = []
    processes = []
    for share in range(workers):
        receiver, sender = context.Pipe(duplex=False)
        work = (world, known, folders, points[share::workers], sender)
        processes.append(context.Process(target=_work, args=work, daemon=True))
        processes[-1].start()
        sender.close()
        receivers.append(receiver)
    try:
        for number, verdict in enumerate(_received(receivers), 1):
            if verdict.wrong or number % 250 == 0:
                say(f"{number} of {len(points)}" + (f": {complaint(verdict)}" if verdict.wrong else ""))
            yield verdict
    finally:
        for one in processes:
            one.terminate()
            one.join()


def _received(receivers: list[Connection]) -> Iterator[Verdict]:
    while receivers:
        for one in [one for one in receivers if one in wait(receivers)]:
            try:
                yield one.recv()
            except EOFError:
                receivers.remove(one)


def _work(world: World, known: Known, folders: dict[str, Path], points: Sequence[Point], results: Connection) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for point in points:
        results.send(judged(world, known.expected[point.state], folders[point.disk], point))


def say(text: str) -> None:
    """Print it at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(verdicts: Sequence[Verdict], seconds: float) -> str:
    """Return what became of the points, by kind."""
    rows: list[tuple[str, ...]] = [("kind of hurt", "points", "hurt", "hurt again", "recovered", "wrong")]
    for kind in sorted({one.point.kind for one in verdicts}):
        rows.append((kind, *_counts([one for one in verdicts if one.point.kind == kind])))
    rows.append(("all", *_counts(verdicts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    shares = Counter(word for one in verdicts for word in (f"state in {one.point.state}", f"on {one.point.disk}"))
    named = ", ".join(f"{count} {word}" for word, count in sorted(shares.items()))
    sessions = sum(one.sessions for one in verdicts)
    return "\n".join([*lines, f"{named}; {sessions} sessions in {seconds:.0f} s"])


def _counts(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    wrong = sum(bool(one.wrong) for one in verdicts)
    hurt, again = (sum(one.hurt > number for one in verdicts) for number in (0, 1))
    return str(len(verdicts)), str(hurt), str(again), str(len(verdicts) - wrong), str(wrong)


def complaint(verdict: Verdict) -> str:
    """Return what is wrong with one case, and how to do it again."""
    command = f"python tests/crash/harness.py --point '{verdict.point}'"
    return "\n".join([f"wrong: {verdict.point.kind}", *(f"  {one}" for one in verdict.wrong), f"  again: {command}"])


if __name__ == "__main__":
    raise SystemExit(main())
