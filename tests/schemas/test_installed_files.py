"""The digest over a distribution's own files: one wheel has one, whoever installs it wherever."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from firn_schemas.installed_files import BadRecord, digest, own_files

EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
RECORD = f"""\
acme/__init__.py,sha256={EMPTY},0
acme/a b.py,sha256={EMPTY},0
"acme/a,b.json",sha256={EMPTY},0
acme-1.dist-info/METADATA,sha256={EMPTY},0
"""


def test_it_is_what_sha256sum_says_of_the_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = own_files(RECORD)
    for path in files:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    names = sorted(files, key=str.encode)
    printed = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert digest(files) == sha256(printed).hexdigest()


def test_what_installers_write_is_left_out() -> None:
    ours = f"""\
acme-1.dist-info/RECORD,,
acme-1.dist-info/INSTALLER,sha256={EMPTY},0
acme-1.dist-info/REQUESTED,sha256={EMPTY},0
acme-1.dist-info/direct_url.json,sha256={EMPTY},0
acme-1.dist-info/uv_cache.json,sha256={EMPTY},0
acme/__pycache__/__init__.cpython-311.pyc,,
../../../bin/acme,sha256={EMPTY},0
/usr/share/acme,sha256={EMPTY},0
"""
    assert own_files(RECORD + ours) == own_files(RECORD)
    assert digest(own_files(RECORD + ours)) == digest(own_files(RECORD))


@pytest.mark.parametrize("change", [("0", "1"), ("acme/__init__.py", "acme/_init_.py"), (RECORD[:20], "")])
def test_whatever_else_differs_makes_another_digest(change: tuple[str, str]) -> None:
    other = RECORD.replace("47DE", "48DE", 1) if change == ("0", "1") else RECORD.replace(*change, 1)
    try:
        found = digest(own_files(other))
    except BadRecord:
        return
    assert found != digest(own_files(RECORD))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("acme/x.py,,", "has no SHA-256 for `acme/x.py`"),
        ("acme/x.py,md5=abc,1", "has no SHA-256"),
        ("acme/x.py,sha256=abc,1", "has no SHA-256"),
        ("acme/x.py", "has no SHA-256"),
        (f"acme/../x.py,sha256={EMPTY},0", "lies nowhere"),
        (f"acme//x.py,sha256={EMPTY},0", "lies nowhere"),
        (f"./x.py,sha256={EMPTY},0", "lies nowhere"),
        (f"acme\\x.py,sha256={EMPTY},0", "lies nowhere"),
        (f"acme/x\x1b.py,sha256={EMPTY},0", "lies nowhere"),
        (f"acme/__init__.py,sha256=48{EMPTY[2:]},0", "names `acme/__init__.py` twice"),
        ("acme/x.pyc,,", "has no SHA-256"),
    ],
)
def test_a_record_that_pins_not_every_file_is_refused(row: str, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        own_files(RECORD + row)
