"""Secrets: the environment first, then mounted files; all that is missing at once; no value in any message."""

from pathlib import Path

import pytest

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources import Found, Mount, fingerprint, mounts_of, new_salt, resolve_again, resolve_secrets
from firn_schemas.secret import Secret
from runtime.volumes import CANARY, wanted


def found(ref: str, *mounts: Path, key: str | None = None, **environ: str) -> Found:
    return resolve_secrets([wanted(ref, key)], environ, [*map(Mount, mounts)])[ref, key]


def value(ref: str, *mounts: Path, key: str | None = None, **environ: str) -> str:
    return found(ref, *mounts, key=key, **environ).secret.reveal()


def complaint(ref: str, *mounts: Path, key: str | None = None, **environ: str) -> InputsMissing:
    with pytest.raises(InputsMissing) as caught:
        found(ref, *mounts, key=key, **environ)
    assert CANARY not in f"{caught.value} {caught.value.help}"
    assert caught.value.exit_code == 4
    return caught.value


def test_the_environment_comes_before_the_mounts_and_these_in_their_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "a").write_text(f"from {folder.name}")
    assert value("a", one, two, A="from the environment") == "from the environment"
    assert value("a", one, two) == "from one"
    (one / "a").unlink()
    assert value("a", one, two) == "from two"


def test_a_secret_says_where_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(CANARY)
    (tmp_path / "a").chmod(0o400)
    assert found("a", tmp_path)[1:] == ("mount", f"{tmp_path}/a", "")
    assert found("a", tmp_path, A=CANARY)[1:] == ("environment", "A", "")
    assert CANARY not in repr(found("a", tmp_path))


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        ("value\n", "value"),
        ("value\r\n", "value"),
        ("value\n\n", "value\n"),
        (" value ", " value "),
        ("value\r", "value\r"),
    ],
)
def test_exactly_one_trailing_newline_is_dropped(tmp_path: Path, content: str, meant: str) -> None:
    (tmp_path / "a").write_bytes(content.encode())
    assert value("a", tmp_path) == meant


def test_all_missing_secrets_are_named_with_every_place_that_was_tried(tmp_path: Path) -> None:
    mounts = mounts_of([tmp_path / "one"], {"CREDENTIALS_DIRECTORY": f"{tmp_path}/systemd"}, tmp_path / "docker")
    with pytest.raises(InputsMissing) as caught:
        resolve_secrets([wanted("b", "k"), wanted("a")], {}, mounts)
    assert caught.value.code == "R201"
    assert str(caught.value).replace(str(tmp_path), "") == (
        "the secret `a` is missing; `resources.x.config.token` needs it; tried: $A, /one/a, /docker/a, /systemd/a\n"
        "  the secret `b/k` is missing; `resources.x.config.token` needs it; "
        "tried: $B_K, /one/b/k, /docker/b/k, /docker/b_k, /systemd/b/k, /systemd/b_k"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (CANARY.encode() + b"\0", "is binary (it holds a NUL byte)"),
        (b"\xff" + CANARY.encode(), "is binary (it is not UTF-8)"),
        (CANARY.encode() * 10_000, "is larger than 64 KiB"),
        (CANARY[:4].encode(), "is shorter than 5 characters"),
        ("ü".encode() * 4 + b"\r\n", "is shorter than 5 characters"),
    ],
    ids=["empty", "only a newline", "NUL", "not UTF-8", "too large", "short", "short, in bytes long"],
)
def test_what_cannot_be_used_is_said_without_showing_it(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(content)
    said = complaint("a", tmp_path)
    assert said.code == "R203"
    assert f"the secret `a` cannot be used: `{tmp_path}/a` {why}" in str(said)


def test_a_short_secret_is_named_with_the_rule_and_neither_its_value_nor_its_length(tmp_path: Path) -> None:
    one, three = (str(complaint("a", A=text)) for text in ("q", "qzx"))
    assert one == three
    assert one == (
        "the secret `a` cannot be used: $A is shorter than 5 characters and could not be masked; "
        "the platform can allow it with `security.allow_short_secrets`"
    )
    assert resolve_secrets([wanted("a")], {"A": "q"}, [], allow_short=True)["a", None].secret.reveal() == "q"


def test_an_empty_secret_is_never_allowed() -> None:
    with pytest.raises(InputsMissing, match="is empty"):
        resolve_secrets([wanted("a")], {"A": ""}, [], allow_short=True)


def test_an_empty_variable_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(CANARY)
    assert complaint("a", tmp_path, A="").code == "R203"


def test_what_was_rotated_is_found_again_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"{name}, the first")
    secrets = [wanted("a"), wanted("b"), wanted("c")]
    environ, mounts = {"C": "from the environment"}, [Mount(tmp_path)]
    before = resolve_secrets(secrets, environ, mounts)
    assert resolve_again(secrets, before, environ, mounts) == {}
    (tmp_path / "b").write_text("b, the second")
    again = resolve_again(secrets, before, environ, mounts)
    assert {key: one.secret.reveal() for key, one in again.items()} == {("b", None): "b, the second"}


def test_a_secret_that_is_gone_when_it_is_read_again_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(CANARY)
    before = resolve_secrets([wanted("a")], {}, [Mount(tmp_path)])
    (tmp_path / "a").unlink()
    with pytest.raises(InputsMissing, match="`a` is missing"):
        resolve_again([wanted("a")], before, {}, [Mount(tmp_path)])


def test_a_fingerprint_is_the_same_within_a_run_and_for_one_value_only() -> None:
    salt = new_salt()
    one, same, other = (fingerprint(Secret(text), salt) for text in (CANARY, CANARY, f"{CANARY}2"))
    assert one == same
    assert one != other
    assert fingerprint(Secret(CANARY), new_salt()) != one
    assert (len(one), set(one) <= set("0123456789abcdef")) == (8, True)


def test_the_fingerprint_is_hmac_sha256() -> None:
    """RFC 4231, test case 2."""
    assert fingerprint(Secret("what do ya want for nothing?"), b"Jefe") == "5bdcc146"
