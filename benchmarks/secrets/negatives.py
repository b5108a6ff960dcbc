"""What looks like a secret and is none: values under their keys, pairs as people write them, and whole files."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from forms import Lines, Marked, Node, Verbatim, emit
from negative_texts import DOCUMENTS, PAIRS, SNIPPETS, VALUES
from placements import (
    COMMANDS,
    FILES,
    KEYED,
    NEUTRAL,
    PLACEMENTS,
    PLATFORM,
    PROCESS,
    REQUEST,
    RESOURCE,
    SQL,
    STEP,
    TOP,
    Names,
    Placement,
    possible_forms,
    written,
)
from values import fill

SEED = "firn-harmless-1"
PER_VALUE, PER_PAIR, PER_SNIPPET, PER_DOCUMENT = 3, 2, 2, 2
UNDER_A_KEY = [placement for placement in KEYED if placement.name not in ("header", "list below its key")]
VALUES_OF_CONTEXTS = {
    "token": "orders",
    "command": "acme-export --all",
    "sql": "select 1",
    "file": "LOG_LEVEL=info\nREGION=eu",
}
COMMON = ("config", "options", "env", "variables", "nested")
"""Where such a value stands most often: each row has one of these, and then rarer ones."""
PLACES: dict[str, list[Placement]] = {
    "value": UNDER_A_KEY,
    "named": [placement for placement in UNDER_A_KEY if placement.name != "alias below its key"],
    "bare": [placement for pair in zip(UNDER_A_KEY, NEUTRAL * 2, strict=False) for placement in pair],
    "header": [placement for placement in KEYED if placement.name in ("header", "config", "commented-out pair")],
    "block": [placement for placement in (*KEYED, *NEUTRAL) if "block" in placement.fits],
    "command": list(COMMANDS),
    "sql": list(SQL),
    "file": list(FILES),
    "prose": [placement for placement in (*KEYED, *NEUTRAL) if placement.name in ("config", "comment", "options")],
}


class Negative(NamedTuple):
    """A sample but for its secret, which there is none."""

    name: str
    family: str
    placement: str
    form: str
    file: str
    text: str


def _turned(fits: str, index: int) -> list[Placement]:
    """Return the places of a row, another one first for each row; where there are common ones, one of those."""
    places = PLACES[fits]
    start = index * 5 % len(places)
    common = [placement for placement in places if placement.name in COMMON]
    first = [common[index % len(common)]] if common else []
    return first + [place for place in (*places[start:], *places[:start]) if place not in first]


def _values() -> Iterator[Negative]:
    """Yield every row of the tables of values in some of its places and forms."""
    index = 0
    for (family, fits), table in VALUES.items():
        places = PLACES[fits]
        for row, line in enumerate(table.strip().splitlines()):
            key, template = line.split(maxsplit=1)
            index += 1
            count = 0
            for turn in range(len(places)):
                placement = places[turn]
                random = Random(f"{SEED}/{family}/{row}/{placement.name}")
                value = Marked(fill(template.replace("\\n", "\n"), random))
                names = Names(key, "acme")
                forms = possible_forms(placement, names, value, random) if placement.can(value) else []
                if count < PER_VALUE and forms:
                    count += 1
                    text, form = written(placement, names, value, random, forms[(index * 3 + turn * 7) % len(forms)])
                    name = f"{family}/{row} {key}/{placement.name}/{form}"
                    yield Negative(name, family, placement.name, form, placement.file, text)


def _contexts() -> Iterator[Negative]:
    """Yield every placement once with nothing of note in it: what is found in a positive is not the file around it."""
    for placement in PLACEMENTS:
        fits = next(word for word in (*placement.fits.split(), "token") if word in VALUES_OF_CONTEXTS)
        value, random = Marked(VALUES_OF_CONTEXTS[fits]), Random(f"{SEED}/{placement.name}")
        text, form = written(placement, Names("note", "acme"), value, random, "double")
        name = f"placements without a secret/{placement.name}/{form}"
        yield Negative(name, "placements without a secret", placement.name, form, placement.file, text)


HOLES: dict[str, tuple[str, str]] = {
    "config": (PLATFORM, "platform.yaml"),
    "options": (RESOURCE, "flow.yaml"),
    "request": (REQUEST, "flow.yaml"),
    "inputs": (STEP, "flow.yaml"),
    "process": (PROCESS, "flow.yaml"),
    "top": (TOP, "flow.yaml"),
}


def into(document: str, node: Node) -> str:
    """Put a node as it is into the hole of a document."""
    lines = []
    for line in document.splitlines():
        pad = line[: len(line) - len(line.lstrip())]
        lines += emit(node, "plain", pad) if line.strip() == "%%" else [line]
    return "\n".join(lines) + "\n"


def _pair_node(place: str, form: str, lines: list[str]) -> Node:
    pair: dict[str, Node] = {"host": "crm.acme.example", "": Lines(lines)}
    nodes: dict[tuple[str, str], Node] = {
        ("config", "as written"): {"config": pair},
        ("options", "as written"): {"config": {"host": "crm.acme.example"}, "options": pair},
        ("config", "flow"): {"config": Verbatim("{host: crm.acme.example, " + lines[0] + "}")},
        ("config", "comment"): {"config": {"host": "crm.acme.example", "": Lines([f"# {line}" for line in lines])}},
    }
    return nodes[place, form]


PAIR_PLACES = (("config", "as written"), ("config", "comment"), ("options", "as written"), ("config", "flow"))


def _pairs() -> Iterator[Negative]:
    """Yield every pair as it is written, in a connector's settings, in flow style or commented out."""
    index = 0
    for family, table in PAIRS.items():
        for row, line in enumerate(table.strip().splitlines()):
            index += 1
            places = PAIR_PLACES[:3] if " #" in line or line.endswith((":", "|")) else PAIR_PLACES
            for turn in range(PER_PAIR):
                place, form = places[(index + turn) % len(places)]
                text = fill(line.strip(), Random(f"{SEED}/{family}/{row}/{turn}"))
                document, file = HOLES[place]
                name = f"{family}/{row} {line.split(':')[0]}/{place}/{form}"
                yield Negative(name, family, place, form, file, into(document, _pair_node(place, form, [text])))


def _snippets() -> Iterator[Negative]:
    for row, (family, place, snippet) in enumerate(SNIPPETS):
        document, file = HOLES[place]
        for turn in range(PER_SNIPPET):
            lines = fill(snippet.strip("\n"), Random(f"{SEED}/snippet/{row}/{turn}")).splitlines()
            name = f"{family}/snippet {row}.{turn}/{place}"
            yield Negative(name, family, place, "as written", file, into(document, Lines(lines)))


def _documents() -> Iterator[Negative]:
    for row, (file, document) in enumerate(DOCUMENTS):
        for turn in range(PER_DOCUMENT):
            text = fill(document.lstrip("\n"), Random(f"{SEED}/document/{row}/{turn}"))
            yield Negative(f"whole files/{row}.{turn} {file}", "whole files", "document", "as written", file, text)


def negatives() -> Iterator[Negative]:
    """Yield every harmless sample, the same ones in the same order each time."""
    yield from _contexts()
    yield from _values()
    yield from _pairs()
    yield from _snippets()
    yield from _documents()
