"""The fuzzer of the compiler: seeded inputs that are nearly right, and what must hold for every one of them.

Input number n is a function of the seed n alone: `python tests/fuzz/fuzz.py --only n` makes and checks it again.
"""

import argparse
import multiprocessing
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import orjson

from compiler.places import astray
from compiler.test_hostile_yaml import BOMBS
from firn_compiler.assembly import Request
from firn_compiler.pipeline import Compilation, compile_project, validate_project
from firn_compiler.render.machine import as_json
from firn_compiler.render.text import render
from firn_compiler.sources import project_request
from firn_compiler.yaml_source import Source
from firn_runtime.artifact_file import load_any

ROOT = Path(__file__).parents[2]
SAVED = ROOT / ".fuzz"
LIMIT_SECONDS = 5
LIMIT_BOMB_SECONDS = 1
LIMIT_BOMB_MEGABYTES = 300


class Input(NamedTuple):
    """A flow and a platform, and the files that they may name."""

    flow: bytes
    platform: bytes
    others: dict[str, bytes]


class Failure(NamedTuple):
    """What did not hold, and for which seed."""

    seed: int
    sentence: str


class TooSlow(Exception):
    """An input took longer than LIMIT_SECONDS."""


# The corpus, and the words of the language.


@cache
def corpus() -> tuple[Input, ...]:
    """Return every project of the corpus and the examples."""
    return tuple(_projects())


def _projects() -> Iterator[Input]:
    for flow in sorted([*ROOT.glob("tests/corpus/**/flow.y*ml"), *ROOT.glob("platform-examples/**/flow.y*ml")]):
        platforms = sorted([*flow.parent.glob("**/platform.yaml"), *flow.parent.parent.glob("platform/**/*.yaml")])
        near = [path for path in sorted(flow.parent.rglob("*")) if path.suffix in (".yaml", ".yml", ".sql")]
        others = {str(path.relative_to(flow.parent)): path.read_bytes() for path in near}
        for platform in platforms[:3]:
            yield Input(flow.read_bytes(), platform.read_bytes(), others)


@cache
def vocabulary() -> tuple[str, ...]:
    """Return the keys and words of the published schemas."""
    words: set[str] = set()

    def collect(value: object, key: str = "") -> None:
        if isinstance(value, dict):
            if key in ("properties", "$defs"):
                words.update(value)
            for name, item in value.items():
                collect(item, name)
        elif isinstance(value, list):
            for item in value:
                collect(item, key)
        elif isinstance(value, str) and key in ("enum", "const", "default"):
            words.add(value)

    for name in ("flow", "platform"):
        collect(orjson.loads((ROOT / "schemas" / f"{name}.schema.json").read_bytes()))
    return tuple(sorted(words))


SIGNS = (
    "&a",
    "*a",
    "<<: *a",
    "!!python/object:x {}",
    "!t ",
    "? ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "|\n",
    ">-\n",
    "'",
    '"',
    "\\",
    "#",
    " #",
    "\t",
    "\r",
    "\r\n",
    "\n",
    "\n---\n",
    "\n...\n",
    "%YAML 1.1\n",
    "\x00",
    "\x0b",
    "\x0c",
    "\x1e",
    "\x85",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ufeff",
    "é",
    "e\u0301",
    "😀",
    "\U0010ffff",
)
VALUES = (
    "~",
    "null",
    "true",
    "0x1F",
    "010",
    ".nan",
    "1e400",
    "-0.0",
    "1.0",
    "9007199254740993",
    "2026-99-99",
    "{{ var.x }}",
    "'{{ var.x }}'",
    "'{{ env.X:y }}'",
    "'{{ run.id }}'",
    "'{{ steps.a.outputs.n }}'",
    "'{{ jobs.a.outputs.n[0].x }}'",
    "'{{ '",
    "'${X}'",
    "{secret_ref: a}",
    "{secret_ref: a, key: b}",
    "extends: platform.yaml\n",
    "extends: ../base/platform.yaml\n",
    "a" * 300,
    "AKIAIOSFODNN7EXAMPLE",
    "postgres://u:pw@h/d",
    "[[[[[[[[[[",
    "{a: {a: {a: {a: ",
)
FRAGMENTS = (*SIGNS, *VALUES)

# One change each: a text and a source of chance in, a text out.

Change = Callable[[bytes, random.Random], bytes]


def _flip(text: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(text) or 1)
    return text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]


def _cut(text: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.randrange(1, 20) :]


def _truncate(text: bytes, chance: random.Random) -> bytes:
    return text[: chance.randrange(len(text) + 1)]


def _splice(text: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(FRAGMENTS).encode() + text[at:]


def _word(text: bytes, chance: random.Random) -> bytes:
    """Replace one word by another of the language, or by a fragment."""
    words = text.split(b" ")
    known = vocabulary() if chance.random() < 0.5 else FRAGMENTS
    words[chance.randrange(len(words))] = chance.choice(known).encode()
    return b" ".join(words)


def _foreign_words(text: bytes, chance: random.Random) -> bytes:
    words, others = text.split(b" "), chance.choice(corpus()).flow.split(b" ")
    words[chance.randrange(len(words))] = chance.choice(others)
    return b" ".join(words)


def _value(text: bytes, chance: random.Random) -> bytes:
    """Replace what follows one colon."""
    lines = text.split(b"\n")
    at = chance.randrange(len(lines))
    key, colon, _ = lines[at].partition(b": ")
    lines[at] = key + colon + chance.choice((*FRAGMENTS, *vocabulary())).encode() if colon else lines[at]
    return b"\n".join(lines)


def _drop_line(text: bytes, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    del lines[chance.randrange(len(lines))]
    return b"\n".join(lines)


def _double_line(text: bytes, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = chance.randrange(len(lines))
    return b"\n".join([*lines[:at], lines[at], *lines[at:]])


def _swap_lines(text: bytes, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def _indent(text: bytes, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    at = chance.randrange(len(lines))
    stripped = lines[at].lstrip(b" ")
    lines[at] = chance.choice((b" ", b"\t")) * chance.randrange(9) + stripped
    return b"\n".join(lines)


def _foreign_lines(text: bytes, chance: random.Random) -> bytes:
    other = chance.choice(corpus())
    theirs = chance.choice((other.flow, other.platform)).split(b"\n")
    lines = text.split(b"\n")
    start = chance.randrange(len(theirs))
    at = chance.randrange(len(lines) + 1)
    return b"\n".join([*lines[:at], *theirs[start : start + chance.randrange(1, 6)], *lines[at:]])


def _rename(text: bytes, chance: random.Random) -> bytes:
    """Replace one name everywhere: what stays consistent reaches the later stages."""
    words = [word.strip(b",{}[]'\":") for word in text.split()]
    old = chance.choice([word for word in words if word] or [b"x"])
    return text.replace(old, chance.choice((*vocabulary(), "x", "a-b", "ä", "1")).encode())


CHANGES: tuple[Change, ...] = (
    _flip,
    _cut,
    _truncate,
    _splice,
    _word,
    _word,
    _foreign_words,
    _value,
    _value,
    _value,
    _drop_line,
    _double_line,
    _swap_lines,
    _indent,
    _foreign_lines,
    _rename,
)


def structure(chance: random.Random, depth: int = 0) -> str:
    """Return a document in flow style that is made of the language's own words."""
    pick = chance.random()
    if depth > 4 or pick < 0.3:
        return chance.choice((*vocabulary(), *VALUES, "1", "x", "'1.0.0'"))
    if pick < 0.5:
        return "[" + ", ".join(structure(chance, depth + 1) for _ in range(chance.randrange(4))) + "]"
    keys = chance.sample(vocabulary(), chance.randrange(1, 6))
    return "{" + ", ".join(f"{key!r}: {structure(chance, depth + 1)}" for key in keys) + "}"


def _skeleton(kind: str, chance: random.Random) -> bytes:
    """Return a flow or platform whose known sections hold whatever."""
    sections = {
        "flow": ("variables", "resources", "steps", "jobs", "storage", "compute", "observability", "description"),
        "platform": ("variables", "storage", "connectors", "compute", "security", "state", "workspace", "layers"),
    }[kind]
    rows = ['version: "1.0.0"', "name: fuzz" if kind == "flow" else "environment: fuzz"]
    for section in chance.sample(sections, chance.randrange(1, 5)):
        rows.append(f"{section}: {structure(chance, 1)}")
    return "\n".join(rows).encode()


def make(seed: int) -> Input:
    """Return the input of a seed."""
    chance = random.Random(seed)
    base = chance.choice(corpus())
    flow, platform = base.flow, base.platform
    if chance.random() < 0.15:
        flow = _skeleton("flow", chance)
    if chance.random() < 0.1:
        platform = _skeleton("platform", chance)
    target = chance.random()
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        change = chance.choice(CHANGES)
        if target < 0.7:
            flow = change(flow, chance)
        else:
            platform = change(platform, chance)
    return Input(flow, platform, base.others)


# What must hold.


def compiled(given: Input) -> Compilation:
    """Compile an input; its other files are read from memory."""

    def read(_: str, path: str) -> Source | None:
        return Source(path, given.others[path]) if path in given.others else None

    flow, platform = Source("flow.yaml", given.flow), Source("platform.yaml", given.platform)
    return compile_project(Request((flow,), platform, "", {}, read, lambda *_: None))


def problems(given: Input) -> Iterator[str]:
    """Yield a sentence for every property that does not hold."""
    try:
        result = compiled(given)
        again = compiled(given)
        yield from astray(result.diagnostics, result.texts)
        if (result.diagnostics, result.artifact) != (again.diagnostics, again.artifact):
            yield "the same input has two answers"
        if result.artifact is None and result.ok:
            yield "neither an error nor an artifact"
        if result.artifact is not None:
            if not result.ok:
                yield "an artifact in spite of an error"
            if load_any(result.artifact).digest != result.digest:
                yield "the runtime reads another digest"
            render(result.diagnostics, result.texts, colour=True)
        as_json(result.diagnostics)
    except Exception as error:
        yield f"{type(error).__name__} at {_origin(error)}: {str(error)[:200]}"


def _origin(error: BaseException) -> str:
    """Return the innermost frame in Firn's own code."""
    place, trace = "?", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if any(part.startswith("firn_") for part in path.parts):
            place = f"{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


# The long run.


def _alarm(number: int, frame: FrameType | None) -> None:
    raise TooSlow(f"longer than {LIMIT_SECONDS} s")


def _check(seed: int) -> tuple[int, list[str], tuple[str, ...], float]:
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(LIMIT_SECONDS)
    start = time.perf_counter()
    try:
        given = make(seed)
        found = list(problems(given))
        codes = tuple({one.code for one in compiled(given).diagnostics}) if not found else ()
    except TooSlow as error:
        found, codes = [str(error)], ()
    finally:
        signal.alarm(0)
    return seed, found, codes, time.perf_counter() - start


def save(seed: int) -> None:
    """Write a failing input where it can be looked at."""
    given = make(seed)
    folder = SAVED / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.yaml").write_bytes(given.flow)
    (folder / "platform.yaml").write_bytes(given.platform)


def measure() -> int:
    """Compile each bomb of the table in a process of its own; say what it cost, and return how many were dear."""
    dear = 0
    with tempfile.TemporaryDirectory() as folder:
        for row in BOMBS:
            file = Path(folder) / "flow.yaml"
            file.write_bytes(row.content if isinstance(row.content, bytes) else row.content())
            done = subprocess.run([sys.executable, __file__, "--compile", str(file)], capture_output=True, check=True)
            seconds, megabytes = map(float, done.stdout.split())
            is_dear = seconds > LIMIT_BOMB_SECONDS or megabytes > LIMIT_BOMB_MEGABYTES
            dear += is_dear
            say(f"{seconds:5.2f} s {megabytes:4.0f} MB {'DEAR ' if is_dear else ''} {row.name}")
    return dear


def compile_file(path: str) -> int:
    """Check one flow as the command does, without showing anything; print seconds and peak megabytes."""
    start = time.perf_counter()
    request, _ = project_request([path], None, None, {})
    validate_project(request)
    seconds = time.perf_counter() - start
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    say(f"{seconds} {int(peak[1]) / 1024 if peak else 0}")
    return 0


def main() -> int:
    """Check many inputs, two at a time; the exit code says whether all held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--measure", action="store_true", help="the bombs alone")
    parser.add_argument("--compile", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compile is not None:
        return compile_file(options.compile)
    if options.measure:
        return measure()
    if options.only is not None:
        save(options.only)
        found = list(problems(make(options.only)))
        say(*(found or ["holds"]))
        return 1 if found else 0
    return measure() + _long(range(options.start, options.start + options.count))


def _long(seeds: range) -> int:
    began, failures, codes, slowest = time.perf_counter(), list[Failure](), dict[str, int](), (0.0, -1)
    with multiprocessing.Pool(2) as pool:
        for done, (seed, found, seen, seconds) in enumerate(pool.imap_unordered(_check, seeds, 50), 1):
            slowest = max(slowest, (seconds, seed))
            for code in seen or ("failed" if found else "an artifact, or nothing to say",):
                codes[code] = codes.get(code, 0) + 1
            for sentence in found:
                failures.append(Failure(seed, sentence))
                say(f"seed {seed}: {sentence}")
                save(seed)
            if done % 5000 == 0:
                say(f"{done} inputs, {done / (time.perf_counter() - began):.0f}/s, {len(failures)} failures")
    say(f"slowest: seed {slowest[1]}, {slowest[0]:.2f} s for all checks")
    say("answers: " + ", ".join(f"{code} {codes[code]}" for code in sorted(codes)))
    say(f"{len(seeds)} inputs, {len(seeds) / (time.perf_counter() - began):.0f}/s, {len(failures)} failures")
    return 1 if failures else 0


def say(*lines: str) -> None:
    """Print at once."""
    print(*lines, sep="\n", flush=True)  # noqa: T201  # a script's report


if __name__ == "__main__":
    raise SystemExit(main())
