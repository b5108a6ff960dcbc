"""Every folder of tests/corpus/invalid is one mistake, with the whole text that the compiler answers."""

import os
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from firn_compiler.cli import compile_command

CORPUS = Path(__file__).parents[1] / "corpus" / "invalid"
CASES = sorted(path for path in CORPUS.glob("[!R]*/*") if path.is_dir())
CANARY = "CANARY-5up3r-s3cret"


def answer(case: Path, tmp_path: Path) -> tuple[int, str]:
    """Compile the case as its author would, from its own folder, and return the exit code and all output."""
    arguments = case / "arguments.txt"
    words = shlex.split(arguments.read_text()) if arguments.exists() else ["flow.yaml", "-p", "platform.yaml"]
    output = [] if "-o" in words else ["-o", str(tmp_path / "out.json")]
    result = CliRunner().invoke(compile_command, [*words, *output])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output.replace(str(tmp_path), "OUT")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_mistake_is_answered_with_exactly_this_text(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case)
    code, text = answer(case, tmp_path)
    if os.environ.get("FIRN_ACCEPT"):
        (case / "expected.txt").write_text(text)
    assert text == (case / "expected.txt").read_text()
    assert CANARY not in text
    assert f"[{case.parent.name}]" in text or case.parent.name == "several"
    warning_only = case.parent.name.startswith("W")
    assert code == (0 if warning_only else 1)
    assert (tmp_path / "out.json").exists() is warning_only


def test_the_corpus_is_there() -> None:
    assert len(CASES) > 60
