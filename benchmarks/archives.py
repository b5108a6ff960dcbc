"""Archives: Firn's connectors against `unzip` and `tar`, on one large file, on a thousand and on ten thousand others.

Each side is a process of its own that unpacks into an empty folder; the time of an interpreter that starts and imports
is told beside it, for a run pays that once. `unzip` and GNU tar come from the machine.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from measure import Cost, once

TIMES = 4
UNPACK = """
import sys
from pathlib import Path
from firn_runtime.connectors import connector_class
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import decode
driver, archive, root = sys.argv[1:]
row = CONNECTORS["archive", driver]
options = {"max_files": 100_000, "max_bytes": 1 << 40}
made = connector_class("archive", driver)(
    config=decode(row.config, {"root": root}), options=decode(row.options, options)
)
made.connect()
if archive:
    made.unpack([archive], "out", lambda name: True, "mark", lambda: None)
else:
    import zlib, firn_runtime.connectors.archives.streams, firn_runtime.connectors.archives.tar_headers
"""
"""Unpacks an archive below a folder; with an empty name only imports."""

PEERS = {
    "zip": ["unzip", "-qq", "a.zip", "-d", "out"],
    "tar": ["tar", "-xf", "a.tar", "-C", "out"],
    "tar.gz": ["tar", "-xzf", "a.tar.gz", "-C", "out"],
    "tar.zst": ["tar", "--zstd", "-xf", "a.tar.zst", "-C", "out"],
}


def large(folder: Path, megabytes: int) -> list[str]:
    """Write one file of rows that compress to about a third."""
    chance = random.Random(7)  # the same rows in every run
    states = ("paid", "open", "shipped")
    rows = [
        f"{number},{chance.randrange(100_000)},{chance.choice(states)},{chance.uniform(1, 9999):.2f}\n"
        for number in range(100_000)
    ]
    part = "".join(rows).encode()
    with open(folder / "rows.csv", "wb") as file:
        written = 0
        while written < megabytes * 1_000_000:
            written += file.write(part)
    return ["rows.csv"]


def several(folder: Path, count: int, lines: int) -> list[str]:
    """Write files of some 26 bytes a line in a hundred folders."""
    chance = random.Random(7)
    for number in range(count):
        parent = folder / f"d{number % 100}"
        parent.mkdir(exist_ok=True)
        rows = "".join(f"{row},{chance.random()},paid\n" for row in range(lines))
        (parent / f"f{number}.csv").write_text(rows)
    return sorted(one.name for one in folder.iterdir())


def packed(folder: Path, names: Sequence[str]) -> None:
    """Make every archive of the files, with the tools that they are compared with, or Python."""
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted(one for name in names for one in [folder / name, *(folder / name).rglob("*")]):
            if file.is_file():
                made.write(file, file.relative_to(folder))
    for ending, flag in (("tar", []), ("tar.gz", ["-z"]), ("tar.zst", ["--zstd"])):
        subprocess.run(["tar", *flag, "-cf", f"a.{ending}", *names], cwd=folder, check=True)


def medians(commands: Sequence[Sequence[str]], folder: Path, times: int) -> list[Cost]:
    """Return the median cost of every command: they take turns, each time into a folder that is not there yet.

    Who is first in one turn is last in the next, and the disk is settled before each: what a file system still has to
    do for one would be counted for the next. What was unpacked stays until the end, for ext4 looks at every inode that
    was given back lately before it makes a new file: that took up to ten times as long as all else.
    """
    found: list[list[Cost]] = [[] for _ in commands]
    past = folder / "past"
    past.mkdir()
    for turn in range(times + 1):
        for command, costs in list(zip(commands, found, strict=True))[:: -1 if turn % 2 else 1]:
            os.sync()
            if command[0] == "tar":
                (folder / "out").mkdir()
            costs.append(once(command, folder))
            if (folder / "out").exists():
                (folder / "out").rename(past / f"{turn}-{len(list(past.iterdir()))}")
    shutil.rmtree(past)
    return [Cost(*(statistics.median(part) for part in zip(*costs[1:], strict=True))) for costs in found]


def compare(title: str, folder: Path, names: Sequence[str], times: int) -> None:
    packed(folder, names)
    print(f"\n{title}")
    print(f"  {'':8} {'peer wall':>10} {'cpu':>7} {'firn wall':>10} {'cpu':>7} {'MB':>6} {'wall ×':>8} {'cpu ×':>7}")
    for ending, peer in PEERS.items():
        driver = "zipfile" if ending == "zip" else "tarfile"
        own = [sys.executable, "-c", UNPACK, driver, f"a.{ending}", str(folder)]
        theirs, ours = medians([peer, own], folder, times)
        print(
            f"  {ending:8} {theirs.wall:9.2f}s {theirs.cpu:6.2f}s {ours.wall:9.2f}s {ours.cpu:6.2f}s"
            f" {ours.megabytes:6.0f} {ours.wall / theirs.wall:8.2f} {ours.cpu / theirs.cpu:7.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, once")
    parser.add_argument("--small", action="store_true", help="the small files alone")
    arguments = parser.parse_args()
    quick = arguments.quick
    if shutil.which("unzip") is None:
        sys.exit("`unzip` is not there: apt-get install unzip")
    times = 1 if quick else TIMES
    with tempfile.TemporaryDirectory(prefix="firn-archives-") as made:
        (start,) = medians([[sys.executable, "-c", UNPACK, "zipfile", "", made]], Path(made), times)
        print(f"Firn's interpreter alone: {start.wall:.2f}s wall, {start.cpu:.2f}s CPU; it is part of what follows")
        megabytes, count = (100, 1000) if quick else (1000, 10_000)
        work = [(f"{count:,} files of 2 kB", lambda at: several(at, count, 80))]
        if not arguments.small:
            work.insert(0, (f"{count // 10:,} files of 100 kB", lambda at: several(at, count // 10, 4000)))
            work.insert(0, (f"one file of {megabytes} MB", lambda at: large(at, megabytes)))
        for title, fill in work:
            folder = Path(made) / title.split()[0]
            folder.mkdir()
            compare(title, folder, fill(folder), times)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
