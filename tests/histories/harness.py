"""Lives through histories of incremental flows, and compares what they come to with what is promised.

    make histories                                    # a thousand, on every core
    python tests/histories/harness.py --count 100 --seed 7
    python tests/histories/harness.py --one 4711      # one of them, told day by day

What is wrong is printed with all that came before it. Exit 1 where anything is. All lies on the disk: in memory a
kill may tear a DuckDB file, see docs/connectors/db-duckdb.md.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from crash.sinks import in_child
from firn_runtime.errors import FirnError
from histories import far
from histories.history import History
from histories.server import database

COUNT = 1000


def main(words: Sequence[str] | None = None) -> int:
    """Live through what is asked for, tell what is wrong, and return the exit code."""
    asked = _asked(words)
    database()
    far.begun()
    _warm()
    seeds = [asked.one] if asked.one is not None else range(asked.seed, asked.seed + asked.count)
    wrong = 0
    with multiprocessing.get_context("fork").Pool(asked.workers) as pool:
        for number, (seed, told, found) in enumerate(pool.imap_unordered(lived, seeds), 1):
            wrong += bool(found)
            if found or asked.one is not None:
                sys.stdout.write("\n".join([f"history {seed}", *told, *(f"WRONG: {one}" for one in found), ""]))
            elif number % 100 == 0:
                sys.stdout.write(f"{number} histories, {wrong} wrong\n")
            sys.stdout.flush()
    sys.stdout.write(f"all {len(seeds)} histories, {wrong} wrong\n")
    return 1 if wrong else 0


def lived(seed: int) -> tuple[int, list[str], list[str]]:
    """Return a history's seed, what happened in it, and what is wrong."""
    with tempfile.TemporaryDirectory(prefix="firn-history-") as folder:
        history = History(seed, Path(folder))
        told = [f"  {history.flow}"]
        try:
            found = history.wrong()
        except (FirnError, RuntimeError) as error:  # of a look: what nobody can read any more is wrong, too
            found = [f"it cannot be looked at: {error}"]
        finally:
            history.ground.end()
        return seed, [*told, *history.told], found


def _warm() -> None:
    """Import whatever a run imports: what this process has, its children need not read."""

    def names() -> list[str]:
        lived(0)
        return sorted(sys.modules)

    for name in in_child(names):
        if name.partition(".")[0] != "__main__":
            import_module(name)


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="how many histories")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--one", type=int, help="the one history of this seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
