"""A secret that is written into a file never compiles and is never shown, wherever it stands and however it is spelled.

The places are those of `canary_places.py`. A canary is made anew, by chance, for each: no file of this repository holds
a text that looks like a secret.
"""

import json
import os
import random
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner

from compiler.canary_places import BESIDE_A_FLOW, PLACES, PROJECT, Place
from firn_compiler import matrix, pipeline
from firn_compiler.assembly import Request
from firn_compiler.pipeline import Compilation, compile_project, validate_project
from firn_runtime.cli import firn

MIXED = ascii_letters + digits
WINDOW = 12
"""No more signs of a secret than this, less one, may be shown in a row."""


class Canary(NamedTuple):
    """A secret: the text that is written, and the stretches of it that nobody may see."""

    text: str
    secret: tuple[str, ...]


# --- the canaries ---


def some(chance: random.Random, signs: str, number: int) -> str:
    """Return signs by chance; every sort that is among them comes."""
    while True:
        made = "".join(chance.choices(signs, k=number))
        sorts = [sort for sort in (ascii_lowercase, ascii_uppercase, digits) if set(sort) & set(signs)]
        if all(set(made) & set(sort) for sort in sorts):
            return made


def token(chance: random.Random) -> Canary:
    body = some(chance, MIXED, 36)
    return Canary("ghp_" + body, (body,))


def aws(chance: random.Random) -> Canary:
    body = some(chance, ascii_uppercase + "234567", 16)
    return Canary("AKIA" + body, (body,))


def word(chance: random.Random) -> str:
    """Return the beginning of a password that a person made up: a word with digits for some of its letters."""
    return f"{some(chance, 'BDFGKLMPRST', 1)}{some(chance, 'aeiou47013', 4)}{some(chance, 'bdfgklmprst', 3)}"


def password(chance: random.Random) -> Canary:
    made = f'{word(chance)}{chance.randrange(10)}&{chance.randrange(10)}"x/{word(chance)}é!'
    return Canary(made, (made,))


def url(chance: random.Random) -> Canary:
    made = f"{word(chance)}{some(chance, digits, 3)}{word(chance)}"
    return Canary(f"postgresql://reader:{made}@db.example.com:5432/shop", (made,))


def pem(chance: random.Random) -> Canary:
    lines = [some(chance, MIXED + "+/", 64) for _ in range(4)]
    label = "PRIVATE KEY-----"
    return Canary("\n".join([f"-----BEGIN {label}", *lines, f"-----END {label}"]), tuple(lines))


def jwt(chance: random.Random) -> Canary:
    said = json.dumps({"sub": some(chance, MIXED, 12), "admin": True}).encode()
    parts = [b'{"alg":"HS256","typ":"JWT"}', said, some(chance, MIXED, 32).encode()]
    spelled = [urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
    return Canary(".".join(spelled), (spelled[1], spelled[2]))


def header(chance: random.Random) -> Canary:
    body = some(chance, MIXED, 40)
    return Canary(f"Authorization: Bearer {body}", (body,))


KINDS: dict[str, Callable[[random.Random], Canary]] = {
    "token": token,
    "aws": aws,
    "password": password,
    "url": url,
    "pem": pem,
    "jwt": jwt,
    "header": header,
}


# --- how they are spelled ---


def document(text: str) -> str:
    return json.dumps({"user": "reader", "password": text}, ensure_ascii=False)


def broken(text: str) -> str:
    """Break a text within double quotes over two lines, as YAML joins them again."""
    return f"{text[: len(text) // 2]}\\\n    {text[len(text) // 2 :]}"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "single": lambda text: text.replace("'", "''"),
    "word": lambda text: re.sub(r"[^0-9A-Za-z]", "_", text),
    "value": lambda text: text.partition(": ")[2],
    "first": lambda text: text[: len(text) // 2],
    "second": lambda text: text[len(text) // 2 :],
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64url": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "basic": lambda text: b64encode(f"reader:{text}".encode()).decode(),
    "wrapped": lambda text: "\n".join(re.findall(".{1,76}", text)),
    "url": lambda text: quote(text, safe=""),
    "percent": lambda text: "".join(f"%{one:02X}" for one in text.encode()),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "x": lambda text: "".join(f"\\x{ord(one):02x}" for one in text),
    "u": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "U": lambda text: "".join(f"\\U{ord(one):08x}" for one in text),
    "document": document,
    "broken": broken,
    "commented": lambda text: text.replace("\n", "\n# "),
}
MARK = re.compile(r"«(\w+)((?:\|\w+)*)»")


class Written(NamedTuple):
    """A project with a canary in it."""

    canaries: tuple[Canary, ...]
    files: dict[str, bytes]
    variables: tuple[str, ...]
    spelled: frozenset[str]
    """The forms in which it is written there."""


def written(place: Place) -> Written:
    """Put new canaries where the place says."""
    texts = [*place.files.values(), *place.variables]
    kinds = sorted({match[1] for text in texts for match in MARK.finditer(text)})
    canaries = {kind: KINDS[kind](random.Random(place.name)) for kind in kinds}
    spelled: set[str] = set()

    def put(match: re.Match[str]) -> str:
        made = canaries[match[1]].text
        for name in filter(None, match[2].split("|")):
            made = SPELLINGS[name](made)
        spelled.update(made.splitlines())
        line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
        return made.replace("\n", f"\n{' ' * (len(line) - len(line.lstrip()))}")

    files = PROJECT | {file: MARK.sub(put, text) for file, text in place.files.items()}
    variables = tuple(MARK.sub(put, text) for text in place.variables)
    as_bytes = {file: text.encode("utf-8", "surrogateescape") for file, text in files.items()}
    return Written(tuple(canaries.values()), as_bytes, variables, frozenset(spelled))


def shadows(one: Written) -> Iterator[tuple[str, str]]:
    """Yield every text that would give the secret away, with what it is: a part in clear, or the whole spelled."""
    for secret in (secret for canary in one.canaries for secret in canary.secret):
        yield from (("a part", part) for part in windows(secret, WINDOW))
        for name in ("json", "url", "percent", "hex", "HEX", "u"):
            yield name, SPELLINGS[name](secret)
        yield "json", json.dumps(secret)[1:-1]
        yield "url", quote_plus(secret)
        for skip in range(3):  # base64 begins anew every three bytes
            content = secret.encode()[skip:]
            whole = b64encode(content[: len(content) // 3 * 3]).decode()
            yield "base64", whole
            yield "base64", whole.translate(str.maketrans("+/", "-_"))
    for text in one.spelled:
        hidden = text.replace("postgresql://reader:", "").replace("@db.example.com:5432/shop", "")
        if "-----" not in text and not text.startswith(("eyJhbGci", "Authorization")):
            yield from (("as it is written", part) for part in windows(hidden, 2 * WINDOW))


def windows(text: str, size: int) -> Iterator[str]:
    yield from (text[at : at + size] for at in range(max(len(text) - size, 0) + 1))


# --- what commands say ---

FORMATS = ("text", "json", "sarif", "github")


class Said(NamedTuple):
    """What a command answered."""

    words: str
    code: int
    out: str
    error: BaseException | None


class Outcome(NamedTuple):
    """All that came of a project: what commands said, and what they wrote."""

    project: Written
    said: tuple[Said, ...]
    explained: tuple[Said, ...]
    files: dict[str, str]


def commands() -> Iterator[list[str]]:
    """Yield every way to compile and to check a project; what compiles anew comes first, then what may be kept."""
    for form in FORMATS:
        yield ["compile", ".", "--env", "prod", "--format", form, "--no-cache"]
    for form in (*FORMATS, "text"):
        yield ["compile", ".", "--env", "prod", "--format", form, "-o", "another.json"]
    for form in FORMATS:
        yield ["compile", ".", "--env", "prod", "--format", form, "--check"]
        yield ["validate", ".", "--env", "prod", "--format", form]
        yield ["validate", ".", "--all-envs", "--format", form]
        yield ["validate", "flow.yaml", "--format", form]
        yield ["validate", "platform", "--format", form]


PARTS = ("flows", "variables", "connectors", "storage")


def questions(paths: Iterable[str]) -> Iterator[list[str]]:
    """Yield every way to ask for a value, for what it stands in, and for one that is not there."""
    for path in sorted({*PARTS, *paths, *(path.rpartition(".")[0] for path in paths), *(f"{path}x" for path in paths)}):
        for form in ("text", "json"):
            if path:
                yield ["explain", ".", path, "--env", "prod", "--format", form]


def of_the_artifact() -> Iterator[list[str]]:
    """Yield what is asked of the artifact that was there before."""
    for form in ("text", "json"):
        yield ["explain", "jobs", "--format", form]
        yield ["diff", "compiled_artifacts.json", "another.json", "--format", form]
        yield ["inspect", "compiled_artifacts.json", "--format", form]


def run(words: list[str], variables: tuple[str, ...] = ()) -> Said:
    result = CliRunner().invoke(firn, [*words, *(word for one in variables for word in ("--var", one))])
    return Said(" ".join(words), result.exit_code, result.stdout + result.stderr, result.exception)


def once(function: Callable[[Request], Compilation]) -> Callable[[Request], Compilation]:
    """Return a function that answers from memory what it was asked before: formats differ in how a finding is shown."""
    known: dict[Any, Compilation] = {}

    def answered(request: Request) -> Compilation:
        key = (
            request.flows,
            request.platform,
            request.environment,
            request.kept is None,
            json.dumps(request.variables),
        )
        if key not in known:
            known[key] = function(request)
        return known[key]

    return answered


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what the project is compiled to while no secret stands in it."""
    folder = tmp_path_factory.mktemp("clean")
    put(folder, {name: text.encode() for name, text in PROJECT.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        answer = run(["compile", ".", "--env", "prod"])
        assert answer.code == 0, answer.out
        assert all(run(words).code == 0 for words in commands())
    return {file.name: file.read_bytes() for file in folder.glob("compiled_artifacts*")}


@pytest.fixture(scope="session")
def outcomes(clean: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Place], Outcome]:
    """Return how a place is tried: each once, for all tests."""

    @cache
    def tried(name: str) -> Outcome:
        place = next(one for one in PLACES if one.name == name)
        project, folder = written(place), tmp_path_factory.mktemp("place")
        put(folder, project.files | clean)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(pipeline, "compile_project", once(compile_project))
            patch.setattr(pipeline, "validate_project", known := once(validate_project))
            patch.setattr(matrix, "validate_project", known)
            said = [run(words, project.variables) for words in commands()]
            said += [run(words) for words in of_the_artifact()]
            paths = {one["path"] for one in findings(said) if one.get("path") and one["code"] in ("E601", "E604")}
            explained = [run(words, project.variables) for words in questions(paths)]
        return Outcome(project, tuple(said), tuple(explained), made(folder, project.files))

    return lambda place: tried(place.name)


def findings(said: Iterable[Said]) -> list[dict[str, Any]]:
    """Return what the first command for machines found."""
    return next(list(json.loads(one.out)["diagnostics"]) for one in said if "--format json" in one.words)


def made(folder: Path, given: dict[str, bytes]) -> dict[str, str]:
    """Return the name and the content of every file that nobody gave."""
    places = [Path(base) / name for base, _, names in os.walk(folder) for name in names]
    files = {str(place.relative_to(folder)): place.read_bytes() for place in places}
    return {name: content.decode("utf-8", "replace") for name, content in files.items() if name not in given}


def assert_hidden(project: Written, shown: list[tuple[str, str]]) -> None:
    """Fail where one of the texts, each with where it was seen, gives the secret away."""
    whole = "\n".join(text for _, text in shown)
    for form, shadow in shadows(project):
        if shadow in whole:
            where = [f"{name}:\n{text}" for name, text in shown if shadow in text]
            pytest.fail(f"{form}, `{shadow}`, is seen {len(where)} times: {where[0]}")


# --- the tests ---


each = pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
"""Try every place."""


@each
def test_a_secret_never_compiles(place: Place, outcomes: Callable[[Place], Outcome], clean: dict[str, bytes]) -> None:
    outcome = outcomes(place)
    for one in outcome.said:
        if one.words.startswith("compile"):
            assert one.code == 1, f"{one.words}:\n{one.out}"
    assert "another.json" not in outcome.files
    assert {name: outcome.files[name].encode() for name in clean} == clean


@each
def test_a_secret_is_called_one(place: Place, outcomes: Callable[[Place], Outcome]) -> None:
    codes = {one["code"] for one in findings(outcomes(place).said)}
    assert codes & {"E601", "E604"}, codes


@each
def test_a_secret_is_never_shown(place: Place, outcomes: Callable[[Place], Outcome]) -> None:
    outcome = outcomes(place)
    said = [(one.words, one.out) for one in outcome.said]
    assert_hidden(
        outcome.project, [*said, *outcome.files.items(), *(("a file's name", name) for name in outcome.files)]
    )


@each
def test_a_secret_is_never_explained(place: Place, outcomes: Callable[[Place], Outcome]) -> None:
    outcome = outcomes(place)
    assert_hidden(outcome.project, [(one.words, one.out) for one in outcome.explained])


@each
def test_a_secret_breaks_no_command(place: Place, outcomes: Callable[[Place], Outcome]) -> None:
    outcome = outcomes(place)
    for one in (*outcome.said, *outcome.explained):
        assert one.code in (0, 1, 2), one
        assert one.error is None or isinstance(one.error, SystemExit), one
        assert "Traceback" not in one.out


@pytest.mark.parametrize("place", BESIDE_A_FLOW, ids=[place.name for place in BESIDE_A_FLOW])
def test_a_secret_that_comes_later_is_found_beside_a_flow_that_is_kept(
    place: Place, clean: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, {name: text.encode() for name, text in PROJECT.items()})
    assert run(["compile", ".", "--env", "prod"]).code == 0
    assert any((tmp_path / ".firn" / "cache").iterdir())
    project = written(place)
    put(tmp_path, project.files)
    answers = [run(["compile", ".", "--env", "prod"]) for _ in range(2)]
    assert [one.code for one in answers] == [1, 1]
    assert_hidden(project, [*((one.words, one.out) for one in answers), *made(tmp_path, project.files).items()])


def test_there_are_places_enough_and_each_once() -> None:
    names = [place.name for place in PLACES]
    assert len(names) == len(set(names))
    assert len(names) >= 100
