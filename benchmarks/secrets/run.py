"""Recall and precision of Firn's secret scanner, and of plain detect-secrets, on the corpus of this folder.

    python benchmarks/secrets/run.py [--only NAME]... [--by-kind] [--misses] [--real FOLDER]... [--clean]

A positive is found where its file has at least one finding; a negative with a finding is a false positive.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from clean import clean
from scanners import SCANNERS, Scanner, reading

from corpus import Sample, samples

Found = dict[str, list[bool]]
"""Per scanner, whether it found something in each sample."""
WIDTH = 20
REAL = ("*.yml", "*.yaml", "*.json", "*.sql", "*.env")


def scanned(scanners: dict[str, Scanner], files: Iterable[tuple[str, bytes]]) -> Found:
    found: Found = {name: [] for name in scanners}
    for file, content in files:
        for name, scanner in scanners.items():
            found[name].append(scanner(file, content) > 0)
    return found


def line(label: str, n: int | str, cells: Iterable[str]) -> str:
    return f"{label:<34}{n:>6}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)


def share(hits: int, n: int) -> str:
    return f"{hits / n:.1%}" if n else ""


def table(title: str, found: Found, rows: list[Sample], of: Callable[[Sample], str], count: bool) -> None:
    """Print one row per group: how many were found, as a share or as a number."""
    groups: dict[str, list[int]] = {}
    for index, sample in enumerate(rows):
        groups.setdefault(of(sample), []).append(index)
    print("\n" + line(title, "n", found))
    for label, indexes in [*groups.items(), ("all", list(range(len(rows))))]:
        hits = [sum(hit[index] for index in indexes) for hit in found.values()]
        cells = [str(hit) if count else share(hit, len(indexes)) for hit in hits]
        print(line(label, len(indexes), cells))


def kind(sample: Sample) -> str:
    return sample.name.split("/")[0]


def precision(positive: Found, negative: Found) -> None:
    """Print precision as a share of all that was flagged; it hangs on how many samples of each sort there are."""
    true = {name: sum(hits) for name, hits in positive.items()}
    false = {name: sum(hits) for name, hits in negative.items()}
    n = len(next(iter(positive.values()), []))
    print("\n" + line("overall", "", true))
    print(line("recall", n, (share(true[name], n) for name in true)))
    print(line("false positives", len(next(iter(negative.values()), [])), (str(false[name]) for name in true)))
    print(line("precision", "", (share(true[name], true[name] + false[name]) for name in true)))


def misses(found: Found, rows: list[Sample], title: str, wanted: bool) -> None:
    for name, hits in found.items():
        print(f"\n{title}, {name}:")
        for sample, hit in zip(rows, hits, strict=True):
            if hit is not wanted:
                print(f"  {sample.name}")


def corpus(scanners: dict[str, Scanner], options: argparse.Namespace) -> None:
    positives = [sample for sample in samples() if sample.secret is not None]
    negatives = [sample for sample in samples() if sample.secret is None]
    found, false = (scanned(scanners, ((s.file, s.text.encode()) for s in part)) for part in (positives, negatives))
    table("recall by family of kinds", found, positives, lambda sample: sample.family, count=False)
    if options.by_kind:
        table("recall by kind", found, positives, kind, count=False)
    table("recall by placement", found, positives, lambda sample: sample.placement, count=False)
    table("recall by form", found, positives, lambda sample: sample.form, count=False)
    table("false positives by family", false, negatives, lambda sample: sample.family, count=True)
    precision(found, false)
    if options.misses:
        misses(found, positives, "missed", wanted=True)
        misses(false, negatives, "false positives", wanted=False)


def real(scanners: dict[str, Scanner], folders: list[Path]) -> None:
    """Scan what people wrote; what is flagged is named, for a person to judge."""
    paths = sorted({path for folder in folders for glob in REAL for path in folder.rglob(glob) if path.is_file()})
    found = scanned(scanners, ((path.name, path.read_bytes()) for path in paths))
    print(line("real files", "n", found))
    print(
        line("flagged per 100", len(paths), (f"{100 * sum(hits) / max(1, len(paths)):.1f}" for hits in found.values()))
    )
    for name, hits in found.items():
        print(f"\nflagged by {name}:")
        for path, hit in zip(paths, hits, strict=True):
            if hit:
                print(f"  {path}")


def timed(scanners: dict[str, Scanner]) -> None:
    content = clean().encode()
    print(line("1 MB of clean YAML", "bytes", scanners))
    cells = []
    gc.disable()  # as the commands do
    for scanner in scanners.values():
        start = time.process_time()
        number = scanner("flow.yaml", content)
        cells.append(f"{time.process_time() - start:.2f} s, {number} found")
    gc.enable()
    print(line("CPU seconds, one scan", len(content), cells))
    if "firn" in scanners:
        print(f"of Firn's, reading the YAML, which a compilation does anyway: {reading(content):.2f} s")


def able(stack: ExitStack, names: list[str]) -> dict[str, Scanner]:
    """Return the scanners that can run here; the others are named as left out."""
    scanners = {}
    for name in names:
        try:
            scanners[name] = SCANNERS[name](stack)
            scanners[name]("flow.yaml", b"name: nothing\n")
        except (NotImplementedError, ImportError) as error:
            scanners.pop(name, None)
            print(f"{name} is left out: {type(error).__name__} {error}", file=sys.stderr)
    return scanners


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", choices=SCANNERS, help="this scanner; can be given several times")
    parser.add_argument("--by-kind", action="store_true", help="recall of every kind")
    parser.add_argument("--misses", action="store_true", help="the names of all missed and of all false positives")
    parser.add_argument(
        "--real", action="append", type=Path, metavar="FOLDER", help="scan the files of a folder instead"
    )
    parser.add_argument("--clean", action="store_true", help="CPU seconds for 1 MB without a secret instead")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    with ExitStack() as stack:
        scanners = able(stack, options.only or list(SCANNERS))
        if options.clean:
            timed(scanners)
        elif options.real:
            real(scanners, options.real)
        else:
            corpus(scanners, options)


if __name__ == "__main__":
    main()
