"""A folder of plug-ins of an `internal_fast` platform: made by pip, found when compiling and when running."""

from pathlib import Path

from runtime.plugin_places import FLOW, PLATFORM, environment, install, project, run, wheel

FAST = "security: {mode: internal_fast, plugin_folders: [plugins]}\n"


def test_a_folder_that_pip_made_is_found_beside_the_run_and_the_compiler(tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    base = tmp_path / "base"
    code = "import acme_helper\nfrom firn_runtime.api import ConnectorBase, StepResult\n"
    code += "class Table(ConnectorBase):\n    def connect(self): ...\n    def close(self): ...\n"
    code += "    def read(self, inputs, context): return [{'id': acme_helper.NUMBER}]\n"
    code += "def add(inputs, context): return StepResult({'sum': sum(inputs.of)})\n"
    install(python, "--target", base / "plugins", wheel(project(tmp_path / "project", code), tmp_path / "dist"))
    (base / "plugins/acme_helper.py").write_text("NUMBER = 7\n")
    (base / "flow.yaml").write_text(FLOW)
    (base / "platform.yaml").write_text(PLATFORM + FAST)
    firn = (python, "-I", "-m", "firn_runtime")
    run(*firn, "compile", "flow.yaml", "-p", "platform.yaml", cwd=base)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    artifact, environ = base / "compiled_artifacts.json", {"TOKEN": "a-token-that-is-none"}
    run(*firn, "run", artifact, "--base-dir", base, cwd=elsewhere, environ=environ)
    assert (base / "out/rows.csv").read_text() == "id\n7\n"
    lost = run(*firn, "run", artifact, cwd=elsewhere, ok=False, environ=environ)
    assert (lost.returncode, "`acme-table` cannot be used: it is not installed" in lost.stderr) == (3, True)
