"""What `firn compile` imports: each module costs a third of a millisecond, at every compile."""

import subprocess
import sys
from pathlib import Path

PLATFORM = 'version: "1.0.0"\nenvironment: test\nstorage: {default: {type: local, root: out}}\n'
FLOW = """\
name: orders
version: "1.0.0"
steps:
  - {id: orders, type: read, inputs: {resource: storage, path: orders.csv}}
  - {id: publish, type: write, inputs: {from: orders, resource: storage, path: orders.parquet, mode: replace}}
"""
FOR_SOME = (
    *("sqlglot", "pydantic", "pydantic_core", "jsonschema", "detect_secrets", "importlib.metadata", "logging"),
    *("tempfile", "random", "shutil", "csv", "firn_schemas.mail_address", "firn_compiler.render.text"),
    *(
        "firn_compiler.recovery",
        "firn_compiler.syntax",
        "firn_compiler.yaml_source.loose",
        "firn_compiler.stages.levels",
    ),
)
"""What only some flows, findings or commands need."""
SCRIPT = f"""
import sys
from firn_runtime.cli import firn
firn.main(["compile", "flow.yaml", "-p", "platform.yaml"], standalone_mode=False)
print([name for name in {FOR_SOME!r} if name in sys.modules])
print(len(sys.modules))
"""


def test_a_flow_without_sql_loads_nothing_that_only_others_need(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded, count = done.stdout.splitlines()[-2:]
    assert loaded == "[]"
    assert int(count) <= 292
