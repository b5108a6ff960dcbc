"""The decode hook: built in or the platform's own file, allowed by its hash; it fails closed and shows no value."""

import base64
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firn_runtime.decode_hook import Hook, decoded, expanded, from_base64, load_hook
from firn_runtime.errors import InputsMissing
from firn_schemas.artifact import DecodeHook, Security
from firn_schemas.secret import Secret
from runtime.volumes import CANARY

REVERSES = "def decode(value):\n    return value[::-1]\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let no module of a test stay for the next one."""
    before = set(sys.modules)
    yield
    for name in {name for name in sys.modules if name.startswith("acme")} - before:
        del sys.modules[name]


def policy(module: str | None, sha256: str | None = None, mode: str | None = "internal_fast", **more: Any) -> Security:
    hook = DecodeHook(module=module, sha256=sha256) if module else None
    return Security(mode=mode, secret_mounts=[], decode_hook=hook, **more)


def installed(folder: Path, source: str | bytes, module: str = "acme_hook") -> str:
    """Write a module, and return its digest."""
    file = folder / (module.replace(".", "/") + ".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    content = source if isinstance(source, bytes) else source.encode()
    file.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def hook_of(folder: Path, source: str, **more: Any) -> Hook:
    installed(folder, source)
    hook = load_hook(policy("acme_hook", **more), [str(folder)])
    assert hook is not None
    return hook


def refused(security: Security, *search: Path) -> str:
    with pytest.raises(InputsMissing) as caught:
        load_hook(security, [*map(str, search)])
    return said(caught.value)


def said(error: InputsMissing) -> str:
    """Return all that is said; nothing that the hook raised can be reached from the error."""
    text = f"{error} {error.help}"
    assert (error.code, error.exit_code) == ("R205", 4)
    assert CANARY not in text
    assert error.__cause__ is None
    behind = error.__context__
    while behind is not None:
        assert CANARY not in repr(behind)
        behind = behind.__context__
    return text


def failure(hook: Hook | None, value: object, path: str = "config.password") -> str:
    with pytest.raises(InputsMissing) as caught:
        decoded(hook, "shop", [path], {"config": {"password": value, "nested": {"a": value}}, "options": {}})
    return said(caught.value)


def password(hook: Hook | None, value: object) -> Any:
    return decoded(hook, "shop", ["config.password"], {"config": {"password": value}, "options": {}})["config"][
        "password"
    ]


def test_a_marked_secret_is_decoded_and_stays_a_secret(tmp_path: Path) -> None:
    found = password(hook_of(tmp_path, REVERSES), Secret("terces"))
    assert isinstance(found, Secret)
    assert found.reveal() == "secret"


def test_a_marked_setting_that_is_none_stays_none(tmp_path: Path) -> None:
    assert password(hook_of(tmp_path, REVERSES), "resu") == "user"


def test_only_what_is_marked_is_decoded(tmp_path: Path) -> None:
    token, host = Secret("nekot"), Secret("as it is")
    given = {"config": {"headers": {"X.Api": token}, "host": host}, "options": {"mode": "tsaf"}}
    found = decoded(hook_of(tmp_path, REVERSES), "api", ["config.headers.X.Api", "options.mode"], given)
    assert found["config"]["headers"]["X.Api"].reveal() == "token"
    assert found["config"]["host"] is host
    assert found["options"] == {"mode": "fast"}
    assert given["config"]["headers"] == {"X.Api": token}  # type: ignore[index]  # what was given is not changed


def test_without_marks_nothing_is_asked() -> None:
    settings = {"config": {"password": Secret(CANARY)}, "options": {}}
    assert decoded(None, "shop", [], settings) == settings


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError(value)", "it raised ValueError"),
        ("raise SystemExit(value)", "it raised SystemExit"),
        ("raise BaseException(value)", "it raised BaseException"),
        ("return decode(value)", "it raised RecursionError"),
        ("return {}[value]", "it raised KeyError"),
        ("return None", "it returned no text"),
        ("return value.encode()", "it returned no text"),
        ("return type('Text', (str,), {})(value)", "it returned no text"),
        ("return value + chr(0)", "it returned no text"),
        ("return value + chr(0xd800)", "it returned no text"),
        ("return ''", "it returned an empty text"),
        ("return value[:4]", "it returned a secret that is shorter than 5 characters"),
    ],
)
def test_a_hook_that_fails_ends_the_run_without_the_value(tmp_path: Path, body: str, why: str) -> None:
    hook = hook_of(tmp_path, f"def decode(value):\n    {body}\n")
    text = f"the decode hook `acme_hook` failed on `config.password` of the resource `shop`: {why}"
    assert text in failure(hook, Secret(CANARY))


def test_a_platform_may_allow_short_secrets(tmp_path: Path) -> None:
    hook = hook_of(tmp_path, "def decode(value):\n    return value[:1]\n", allow_short_secrets=True)
    assert password(hook, Secret("abcdef")).reveal() == "a"
    assert password(hook_of(tmp_path, "def decode(value):\n    return value[:1]\n"), "no secret") == "n"


@pytest.mark.parametrize("value", [1, True, None, [CANARY], {"a": CANARY}])
def test_only_text_is_decoded(tmp_path: Path, value: object) -> None:
    assert "the setting is not text" in failure(hook_of(tmp_path, REVERSES), value)


@pytest.mark.parametrize(
    "path", ["config.pasword", "config.password.x", "config.nested.b", "params.password", "config."]
)
def test_a_mark_on_nothing_is_an_error(tmp_path: Path, path: str) -> None:
    assert f"`{path}` of the resource `shop`: the setting is not there" in failure(
        hook_of(tmp_path, REVERSES), Secret(CANARY), path
    )


def test_marks_without_a_hook_are_an_error() -> None:
    assert "the artifact names none" in failure(None, Secret(CANARY))


def test_all_paths_that_fail_are_said_together(tmp_path: Path) -> None:
    hook = hook_of(tmp_path, "def decode(value):\n    return 1\n")
    with pytest.raises(InputsMissing) as caught:
        decoded(hook, "shop", ["config.a", "config.b"], {"config": {"a": Secret(CANARY), "b": CANARY}, "options": {}})
    text = said(caught.value)
    assert "`config.a`" in text
    assert "`config.b`" in text


@given(st.text(st.characters(codec="utf-8")))
def test_base64_of_any_text_is_decoded_in_every_spelling(text: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        spelled = encode(text.encode()).decode()
        assert from_base64(spelled) == text
        assert from_base64(spelled.rstrip("=")) == text


@pytest.mark.parametrize(
    "value",
    [
        "Zm9v YmFy",
        "Zm9vYmFy\n",
        "Zm9vYg=",
        "Zm9vYg===",
        "Zm9vYmFy=",
        "=Zm9v",
        "Zm9v=YmFy",
        "A",
        "AAAAA",
        "-_+/",
        "Zm9vYh==",
        "ümlaut",
        "𝟏𝟐𝟑𝟒",
        "*",
    ],
)
def test_what_is_not_base64_is_refused(value: str) -> None:
    hook = load_hook(policy("base64", mode="enterprise"))
    assert (
        "the decode hook `base64` failed on `config.password` of the resource `shop`: it raised NotBase64"
        in failure(hook, Secret(value))
    )


def test_what_base64_holds_must_be_text() -> None:
    hook = load_hook(policy("base64"))
    assert "it raised UnicodeDecodeError" in failure(hook, Secret(base64.b64encode(b"\xff" + CANARY.encode()).decode()))
    assert "it returned an empty text" in failure(hook, "")
    assert password(hook, Secret("aHVudGVyMg")).reveal() == "hunter2"


def test_a_hook_may_return_a_new_snapshot(tmp_path: Path) -> None:
    hook = hook_of(
        tmp_path,
        REVERSES + "made = {}\ndef expand_env(env):\n"
        "    env['B'] = env.pop('A') + '!'\n    made.update(env)\n    return made\n",
    )
    environ = {"A": "value"}
    found = expanded(hook, environ)
    assert found == {"B": "value!"}
    assert environ == {"A": "value"}
    hook.expand_env({"A": "later"})  # type: ignore[misc]  # it is there
    assert found == {"B": "value!"}
    with pytest.raises(TypeError):
        found["B"] = "changed"  # type: ignore[index]  # that is what is tried


def test_a_hook_need_not_expand_anything(tmp_path: Path) -> None:
    environ = {"A": "value"}
    for hook in (None, hook_of(tmp_path, REVERSES), load_hook(policy("base64"))):
        assert expanded(hook, environ) is environ


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError(env)", "raised ValueError"),
        ("return None", "must return a dict from text to text"),
        ("return {**env, 'A': 1}", "must return a dict from text to text"),
        ("return {**env, 1: 'A'}", "must return a dict from text to text"),
        ("return list(env)", "must return a dict from text to text"),
    ],
)
def test_a_snapshot_that_cannot_be_one_ends_the_run(tmp_path: Path, body: str, why: str) -> None:
    hook = hook_of(tmp_path, f"{REVERSES}def expand_env(env):\n    {body}\n")
    with pytest.raises(InputsMissing) as caught:
        expanded(hook, {"A": CANARY})
    assert f"`expand_env` of the decode hook `acme_hook` {why}" in said(caught.value)


def test_an_enterprise_platform_must_state_the_hash(tmp_path: Path) -> None:
    digest = installed(tmp_path, f"open({str(tmp_path / 'executed')!r}, 'w').close()\n{REVERSES}")
    for mode in ("enterprise", None):
        assert "has no `sha256`, which an `enterprise` platform must state" in refused(
            policy("acme_hook", mode=mode), tmp_path
        )
    assert not (tmp_path / "executed").exists()
    for spelled in (digest, f"sha256:{digest}"):
        assert password(load_hook(policy("acme_hook", spelled, "enterprise"), [str(tmp_path)]), "resu") == "user"
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("mode", ["enterprise", "internal_fast"])
def test_another_file_than_the_one_that_was_hashed_is_not_executed(tmp_path: Path, mode: str) -> None:
    digest = installed(tmp_path, REVERSES)
    other = installed(tmp_path, f"open({str(tmp_path / 'executed')!r}, 'w').close()\n{REVERSES}")
    text = refused(policy("acme_hook", digest, mode), tmp_path)
    assert f"is not the one that the artifact allows: the SHA-256 of its file is {other}" in text
    assert not (tmp_path / "executed").exists()


def test_compiled_files_beside_the_source_are_not_executed(tmp_path: Path) -> None:
    import py_compile

    installed(tmp_path, f"open({str(tmp_path / 'executed')!r}, 'w').close()\n{REVERSES}")
    cached = py_compile.compile(
        str(tmp_path / "acme_hook.py"), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    digest = installed(tmp_path, REVERSES)
    assert cached is not None
    assert password(load_hook(policy("acme_hook", digest, "enterprise"), [str(tmp_path)]), "resu") == "user"
    assert not (tmp_path / "executed").exists()


def test_packages_around_the_module_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "acme/firn").mkdir(parents=True)
    (tmp_path / "acme/__init__.py").write_text("raise RuntimeError")
    digest = installed(tmp_path, REVERSES, "acme.firn.hook")  # `acme.firn` is a namespace
    hook = load_hook(policy("acme.firn.hook", digest, "enterprise"), [str(tmp_path)])
    assert password(hook, "resu") == "user"
    assert sys.modules.pop("acme.firn.hook").__package__ == "acme.firn"
    assert not {"acme", "acme.firn"} & sys.modules.keys()


def test_a_module_is_found_on_the_path_of_the_process(tmp_path: Path) -> None:
    installed(
        tmp_path, "from dataclasses import dataclass\n@dataclass\nclass Box:\n    value: 'str'\n" + REVERSES, "a.hook"
    )
    program = (
        "from firn_runtime.decode_hook import load_hook\n"
        "from firn_schemas.artifact import DecodeHook, Security\n"
        "hook = DecodeHook(module='a.hook')\n"
        "print(load_hook(Security(mode='internal_fast', secret_mounts=[], decode_hook=hook)).decode('resu'))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (answer.stdout, answer.stderr) == ("user\n", "")


@pytest.mark.parametrize(
    "name", ["gone", "acme_hook.inner", "pkg.gone", "", ".", "acme_hook.", "../acme_hook", "a/b", "sys"]
)
def test_a_module_that_cannot_be_found(tmp_path: Path, name: str) -> None:
    installed(tmp_path, REVERSES)
    installed(tmp_path, REVERSES, "pkg.hook")
    hook = DecodeHook(module=name, sha256=None)
    security = Security(mode="internal_fast", secret_mounts=[], decode_hook=hook)
    assert f"the decode hook `{name}` cannot be found" in refused(security, tmp_path)


@pytest.mark.parametrize("name", ["pkg", "space", "native"])
def test_a_hook_is_one_file_of_source(tmp_path: Path, name: str) -> None:
    installed(tmp_path, REVERSES, "pkg.__init__")
    (tmp_path / "space").mkdir()
    (tmp_path / "native.abi3.so").touch()
    assert "is not one file of Python source" in refused(policy(name), tmp_path)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"raise ValueError({CANARY!r})", "cannot be loaded: it raised ValueError"),
        (f"raise SystemExit({CANARY!r})", "cannot be loaded: it raised SystemExit"),
        (f"{CANARY} = = 1", "cannot be loaded: it raised SyntaxError"),
        (b"\xff" + CANARY.encode(), "cannot be loaded: it raised SyntaxError"),
        (f"x = '{CANARY}'", "has no function `decode`"),
        ("decode = 1", "has no function `decode`"),
        (f"{REVERSES}expand_env = 1", "has no function `decode`"),
        ("#" * 2_000_000, "is not one file of Python source, at most 1 MiB"),
    ],
    ids=range(8),
)
def test_a_module_that_cannot_be_used(tmp_path: Path, source: str | bytes, why: str) -> None:
    installed(tmp_path, source, "acme_broken")
    assert f"the decode hook `acme_broken` {why}" in refused(policy("acme_broken"), tmp_path)
    assert ("acme_broken" in sys.modules) == (why == "has no function `decode`")


def test_a_module_that_fails_leaves_another_of_its_name_alone(tmp_path: Path) -> None:
    import secrets

    installed(tmp_path, "raise ValueError", "secrets")
    refused(policy("secrets"), tmp_path)
    assert sys.modules["secrets"] is secrets


def test_no_hook_is_named_and_none_loaded() -> None:
    assert load_hook(policy(None)) is None


def test_the_snapshot_of_a_program_with_a_hook_has_no_trace_of_what_it_raised(tmp_path: Path) -> None:
    """What the interpreter prints of the failure, tracebacks of causes and contexts too."""
    installed(tmp_path, "def decode(value):\n    raise ValueError(value)\n")
    program = (
        "from firn_runtime.decode_hook import decoded, load_hook\n"
        "from firn_schemas.artifact import DecodeHook, Security\n"
        "from firn_schemas.secret import Secret\n"
        "security = Security(mode='internal_fast', secret_mounts=[], decode_hook=DecodeHook(module='acme_hook'))\n"
        "import os\n"
        "value = Secret(os.environ['CANARY'])\n"
        "decoded(load_hook(security), 'shop', ['config.a'], {'config': {'a': value}, 'options': {}})"
    )
    environ = {"PYTHONPATH": str(tmp_path), "CANARY": CANARY}
    answer = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert "it raised ValueError" in answer.stderr
    assert CANARY not in answer.stdout + answer.stderr
