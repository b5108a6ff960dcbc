"""Every folder R… of tests/corpus/invalid is one refusal or failure of the runtime, with all that the command says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[1] / "corpus" / "invalid"
CASES = sorted(path.parent for path in CORPUS.glob("R*/*/expected.txt"))
EXIT_CODES = {"R0": 2, "R1": 3, "R2": 4, "R3": 1}
CANARY = "CANARY-5up3r-s3cret"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_failure_is_answered_with_exactly_this_text(case: Path, tmp_path: Path) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    shutil.copytree(case, work)
    out.mkdir()
    command = (case / "command.txt").read_text().replace("OUT", str(out))
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    answer = subprocess.run(
        ["bash", "-c", f"({command}) 2>&1"], cwd=work, env=environ, text=True, check=False, stdout=subprocess.PIPE
    )
    text = normalised(answer.stdout, tmp_path)
    if os.environ.get("FIRN_ACCEPT"):
        (case / "expected.txt").write_text(text)
    assert text == (case / "expected.txt").read_text()
    assert answer.returncode == EXIT_CODES[case.parent.name[:2]]
    assert f"error[{case.parent.name}]" in text
    assert CANARY not in text
    assert "Traceback" not in text
    assert not (work / "out").exists() or list((work / "out").iterdir()) == []


def normalised(text: str, folder: Path) -> str:
    """Replace what differs from run to run: folders, times and digests."""
    text = text.replace(str(folder), "FOLDER")
    return re.sub(r"\d+\.\d\d s", "0.00 s", re.sub(r"sha256:(?![01]{64})\w{64}", "sha256:…", text))


def test_the_corpus_is_there() -> None:
    assert len(CASES) > 20
