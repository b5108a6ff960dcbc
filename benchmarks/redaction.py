"""Redaction: the share of encoded forms that stay readable, lines changed by mistake, cost per line, memory."""

import statistics
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from firn_runtime.redaction.redactor import Redactor
from firn_schemas.secret import Secret
from runtime.redaction_corpus import documents, lines, secrets
from runtime.redaction_forms import ENCODINGS, SHAPES, forms, readable

LINE = (
    "2026-01-02T03:04:05.123Z INFO warehouse.loader run=20260102T030405-ab12cd34 job=load step=orders rows=336776 "
    "seconds=0.512 path=/data/in/orders-2026-01-02.parquet status=SUCCESS no warning at all in this"
)
ESCAPED = LINE.replace(" ", "%20").replace("/", "\\/")[:200]


def masking(values: list[str]) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add(Secret(value))
    return redactor


def share() -> None:
    masks = {shape.name: masking([shape.value]) for shape in SHAPES}
    total: Counter[str] = Counter()
    left: Counter[str] = Counter()
    by_encoding: Counter[str] = Counter()
    for shape, name in forms():
        total[shape.name] += 1
        if readable(shape, ENCODINGS[name], masks[shape.name].text):
            left[shape.name] += 1
            by_encoding[name] += 1
    rate = left.total() / total.total()
    print(f"readable: {left.total()} of {total.total()} forms, {rate:.1%} (goal: 5 %)")
    print("  by shape: " + ", ".join(f"{name} {left[name]}/{total[name]}" for name in total))
    print("  by encoding: " + ", ".join(f"{name} {count}" for name, count in by_encoding.most_common()))


def mistakes() -> None:
    changed, ordinary = 0, [*lines(5_000), *documents()]
    for seed in range(200, 220):
        redactor = masking(list(secrets(seed)))
        changed += sum(redactor.text(line) != line for line in lines(5_000, seed + 5_000))
    fixed = masking(list(secrets()))
    print(f"changed by mistake: {changed} of 100000 made-up lines, 20 sets of 50 secrets")
    print(
        f"changed by mistake: {sum(fixed.text(one) != one for one in ordinary)} of {len(ordinary)}, the set of the test"
    )


def cost() -> None:
    redactor = masking([value for value in secrets() if len(value) < 200][:20])
    bare = Redactor()
    for name, one, text in (
        ("no secret", bare, LINE),
        ("20 secrets", redactor, LINE),
        ("20 secrets, a line full of escapes", redactor, ESCAPED),
        ("20 secrets, one in the line", redactor, LINE[:150] + next(secrets()) + LINE[150:]),
    ):
        print(f"a line of {len(text)} characters, {name}: {_micro(one, text):.1f} µs")
    for size in (10_000, 100_000, 1_000_000):
        text = (LINE + "\n") * (size // len(LINE))
        print(f"{size:,} characters, 20 secrets: {_micro(redactor, text, 3) / 1000:.1f} ms")


def _micro(redactor: Redactor, text: str, times: int = 300) -> float:
    def once() -> float:
        start = time.perf_counter()
        redactor.text(text)
        return (time.perf_counter() - start) * 1e6

    return statistics.median(once() for _ in range(times))


def memory() -> None:
    random_lines = lines(2000)
    for name, values in (
        ("a password", ["k7#Vq!9x$TfL2@"]),
        ("50 secrets of usual shapes", list(secrets())),
        ("one of 64 KiB", ["".join(random_lines).replace(" ", "")[:65_536]]),
        ("one of 64 KiB, in lines", ["\n".join(random_lines)[:65_536]]),
    ):
        start = time.perf_counter()
        masking(values)
        seconds = time.perf_counter() - start
        tracemalloc.start()
        held = masking(values)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        print(f"adding {name}: {seconds * 1000:.1f} ms, {size / 1e6:.2f} MB")
        del held


if __name__ == "__main__":
    share()
    mistakes()
    cost()
    memory()
