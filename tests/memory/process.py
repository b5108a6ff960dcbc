"""One `firn run`, as a process of its own, and the most memory that it had at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from memory.places import KEY, PASSWORD, Place

FIRN = str(Path(sys.executable).with_name("firn"))

_WATCH = """\
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("\\npeak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""A process counts as its own what the one had that started it; this one is small."""

_PLATFORM = """\
version: "1.0.0"
compute: {{default: {{type: duckdb, properties: {{memory_limit: {limit}MB, threads: 2}}}}}}
connectors:
  source: {source}
  target: {target}
"""
_FLOW = """\
name: passing
version: "1.0.0"
resources: {{source: {{profile: source}}, target: {{profile: target}}}}
steps:
  - {{id: moved, type: read, inputs: {{resource: source, {reads}}}}}
{between}  - {{id: publish, type: write, inputs: {{from: {last}, resource: target, {writes}}}}}
"""
_QUERY = '  - {{id: made, type: sql, inputs: {{sql: "{sql}"}}}}\n'


class Peak(NamedTuple):
    """What a run had of memory at once, beside what the engine was allowed, and what it said; in megabytes."""

    megabytes: float
    limit: int
    code: int
    said: str


def passed(folder: Path, source: Place, target: Place, limit: int | None = None, sql: str = "") -> Peak:
    """Run a flow that reads `source` as the dataset `moved`, and writes it, or a query over it, to `target`."""
    folder.mkdir()
    limit = limit or max(source.limit, target.limit)
    reads = ", ".join(filter(None, (source.inputs, source.reads)))
    writes = ", ".join(filter(None, (target.inputs, target.writes)))
    between, last = (_QUERY.format(sql=sql), "made") if sql else ("", "moved")
    (folder / "flow.yaml").write_text(_FLOW.format(reads=reads, between=between, last=last, writes=writes))
    platform = _PLATFORM.format(limit=limit, source=source.connector, target=target.connector)
    (folder / "platform.yaml").write_text(platform)
    words = [FIRN, "compile", "flow.yaml", "-p", "platform.yaml", "-o", "compiled.json"]
    compiled = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    environ = os.environ | {PASSWORD: source.password or target.password, KEY: source.key or target.key}
    watched = [sys.executable, "-I", "-S", "-c", _WATCH, FIRN, "run", "compiled.json"]
    done = subprocess.run(watched, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    said, _, peak = done.stdout.rpartition("\npeak ")
    return Peak(int(peak) / 1024, limit, done.returncode, said + done.stderr)
