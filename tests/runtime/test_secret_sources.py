"""Secrets: the environment first, then mounted files; all that is missing at once; no value in any message."""

import os
from pathlib import Path

import pytest

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources import resolve_secrets
from firn_schemas.artifact import RequiredSecret

CANARY = "c4n4ry-value"


def wanted(ref: str, key: str | None = None) -> RequiredSecret:
    variable = (ref if key is None else f"{ref}_{key}").upper().replace("-", "_")
    return RequiredSecret(ref=ref, key=key, variable=variable, used_by=["resources.x.config.token"])


def value(ref: str, mount: Path, key: str | None = None, **environ: str) -> str:
    return resolve_secrets([wanted(ref, key)], environ, [mount])[ref, key].reveal()


def complaint(ref: str, mount: Path, key: str | None = None, **environ: str) -> InputsMissing:
    with pytest.raises(InputsMissing) as caught:
        resolve_secrets([wanted(ref, key)], environ, [mount])
    assert CANARY not in str(caught.value)
    assert caught.value.exit_code == 4
    return caught.value


def test_the_environment_comes_before_the_mount(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("from the file")
    assert value("a", tmp_path, A="from the environment") == "from the environment"
    assert value("a", tmp_path) == "from the file"


@pytest.mark.parametrize(
    ("content", "meant"), [("v\n", "v"), ("v\r\n", "v"), ("v\n\n", "v\n"), (" v ", " v "), ("v\r", "v\r")]
)
def test_exactly_one_trailing_newline_is_dropped(tmp_path: Path, content: str, meant: str) -> None:
    (tmp_path / "a").write_bytes(content.encode())
    assert value("a", tmp_path) == meant


def test_a_kubernetes_volume_is_followed_inside_its_mount(tmp_path: Path) -> None:
    folder = tmp_path / "shop-db" / "..2026"
    folder.mkdir(parents=True)
    (folder / "password").write_text(CANARY)
    (tmp_path / "shop-db/..data").symlink_to("..2026")
    (tmp_path / "shop-db/password").symlink_to("..data/password")
    assert value("shop-db", tmp_path, "password") == CANARY
    found = complaint("shop-db", tmp_path)
    assert (found.code, "`password`" in found.message) == ("R203", True)


def test_all_missing_secrets_are_named_with_every_place_that_was_tried(tmp_path: Path) -> None:
    with pytest.raises(InputsMissing) as caught:
        resolve_secrets([wanted("a"), wanted("b", "k")], {}, [tmp_path / "one", tmp_path / "two"])
    text = str(caught.value)
    assert caught.value.code == "R201"
    assert "`a`" in text
    assert "`b/k`" in text
    assert all(place in text for place in ("$A", "$B_K", f"{tmp_path}/one/a", f"{tmp_path}/two/b/k"))


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", CANARY.encode() + b"\0", b"\xff" + CANARY.encode(), CANARY.encode() * 10_000],
    ids=["empty", "only a newline", "NUL", "not UTF-8", "too large"],
)
def test_what_cannot_be_used_is_said_without_showing_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert complaint("a", tmp_path).code == "R203"


def test_no_symlink_leads_out_of_the_mount(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(CANARY)
    mount = tmp_path / "mount"
    mount.mkdir()
    (mount / "a").symlink_to("../outside")
    assert complaint("a", mount).code == "R203"


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    assert complaint("a", tmp_path).code == "R203"


def test_an_empty_variable_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(CANARY)
    assert complaint("a", tmp_path, A="").code == "R203"
