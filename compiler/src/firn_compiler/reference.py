"""Reference pages: what stands below MARKER on the pages of docs/connectors, docs/steps and docs/platform.

`python -m firn_compiler.reference docs` renews them. What the runtime can do is read from standard input, one feature a
word: the compiler does not import the runtime, and a page says what is compiled but not run.
"""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import fill

from firn_compiler.checks.credentials import MODES, TAKES
from firn_compiler.checks.references import COMPUTE_ABILITIES, VERBS
from firn_compiler.keys import grid, section, table
from firn_compiler.model.shapes import (
    CompatibilityShape,
    GovernanceShape,
    LayerShape,
    PlatformObservabilityShape,
    PostgresState,
    SecurityShape,
    SqliteState,
    WorkspaceShape,
)
from firn_compiler.scan import harmless
from firn_compiler.scan.rules import STRUCTURE
from firn_compiler.scan.upstream import UPSTREAM
from firn_compiler.scan.vendors import BESIDE, FORMATS
from firn_compiler.stages.settle import connector_names
from firn_schemas.compute import COMPUTE
from firn_schemas.connectors import CATALOGS, CONNECTORS, STORAGE, Connector
from firn_schemas.decode import hints, tag
from firn_schemas.steps import STEPS, StepType
from firn_schemas.visible import listing

MARKER = "<!-- from the schema: make schemas -->"
PLACED = {"catalogs": CATALOGS, "storage": STORAGE}
RECORDS: dict[str, Mapping[str, type]] = {"compute": COMPUTE, "credentials": MODES}
SECTIONS: dict[str, tuple[type, ...]] = {
    "layers": (LayerShape,),
    "security": (SecurityShape,),
    "state": (SqliteState, PostgresState),
    "workspace": (WorkspaceShape,),
    "observability": (PlatformObservabilityShape,),
    "governance": (GovernanceShape,),
    "compatibility": (CompatibilityShape,),
}
"""Parts of a platform with one shape, or one of several."""
PARTS = {
    "step.check": ("check.freshness", "check.relationship"),
    "step.read": ("read.incremental",),
    "step.write": ("write.append", "write.upsert", "write.insert_overwrite", "write.strict", "write.add_columns"),
}
"""Features that parts of a step need beside its own."""
REFUSED = "This version's runtime refuses {} with [R106](../diagnostics/R106.md): {}."

_GAP = re.compile(r"(?m)^(- .*(?:\n  .*)*)\n\n(?=- )")

Features = Collection[str]


def names() -> dict[str, str]:
    """Return the page of everything that has one, by each of its names."""
    rows = {key: f"connectors/{'-'.join(key)}" for key in CONNECTORS}
    found = dict.fromkeys(("connectors", *(kind for kind, _ in rows)), "connectors/README") | {"steps": "steps/README"}
    found |= {name: f"platform/{part}" for part, known in (PLACED | RECORDS).items() for name in (*known, part)}
    found |= {word: rows[key] for word, key in connector_names().items()}
    found |= dict.fromkeys(SECTIONS, "platform/parts")
    found |= dict.fromkeys(("secrets", "allow_findings"), "platform/secrets")
    return found | {"/".join(key): page for key, page in rows.items()} | {name: f"steps/{name}" for name in STEPS}


def subjects() -> dict[str, dict[str, str]]:
    """Return what has a page, each with a line about it, in groups."""
    return {
        "Connectors": {"/".join(key): str(row.config.__doc__) for key, row in CONNECTORS.items()},
        "Steps": {name: str(row.inputs.__doc__) for name, row in STEPS.items()},
        "Parts of a platform": {part: ", ".join(known) for part, known in (PLACED | RECORDS).items()}
        | {"secrets": "what the secret scanner looks for, and its exceptions"}
        | {part: " ".join(str(one.__doc__) for one in shapes) for part, shapes in SECTIONS.items()},
    }


def pages(features: Features) -> dict[str, str]:
    """Return the part from the schema of every page; `features` is what the runtime can do."""
    made = {f"connectors/{'-'.join(key)}": _connector(*key, row, features) for key, row in CONNECTORS.items()}
    made |= {f"steps/{name}": _step(name, row, features) for name, row in STEPS.items()}
    made |= {f"platform/{part}": _placed(types, features) for part, types in PLACED.items()}
    made |= {f"platform/{part}": _records(part, known, features) for part, known in RECORDS.items()}
    made |= {"connectors/README": _connectors(features), "steps/README": _steps(features)}
    made |= {"platform/parts": _sections(), "platform/secrets": _rules()}
    return {f"{page}.md": _GAP.sub(r"\1\n", "\n\n".join(map(_wrapped, blocks))) + "\n" for page, blocks in made.items()}


def _wrapped(block: str) -> str:
    """Return a sentence or an item of a list in lines of a page's width; tables stay as they are."""
    if "\n" in block:
        return block
    indent = "  " if block.startswith("- ") else ""
    return fill(block, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def renewed(page: str, made: str) -> str:
    """Return a page's text with its part from the schema as it is now."""
    return f"{page.partition(MARKER)[0].rstrip()}\n\n{MARKER}\n\n{made}"


def _connector(kind: str, driver: str, row: Connector, features: Features) -> Iterator[str]:
    words = sorted(word for word, key in connector_names().items() if key == (kind, driver))
    if words:
        yield f"Named {listing(f'type: {word}' for word in words)}, or `kind: {kind}` and `driver: {driver}`."
    else:
        yield f"Named `{driver}` by the steps of every flow; it is not declared."
    yield f"- Used by the steps {_links('steps', _users(kind, row))}."
    yield from [f"- Its SQL is that of `{row.dialect}`."] if row.dialect else []
    yield from [f"- Exactly one of {listing(row.exactly_one)} is given."] if row.exactly_one else []
    parts = [f"credentials.{kind}.{mode}" for mode in TAKES.get(kind, MODES) if "credentials" in hints(row.config)]
    yield from _refused(f"connector.{kind}.{driver}", parts, features)
    yield from section("config", row.config)
    yield from section("options", row.options)


def _step(name: str, row: StepType, features: Features) -> Iterator[str]:
    able = [f"{kind}-{driver}" for (kind, driver), one in CONNECTORS.items() if name in _users(kind, one)]
    verb = f"can {VERBS[row.needs]}" if row.needs else "is one of these"
    also = ["the flow's `compute`"] if row.needs in COMPUTE_ABILITIES else []
    yield f"Its resource {verb}: {', '.join([_links('connectors', able), *also])}." if able else "It has no resource."
    yield from ["- It makes a dataset of its name."] if row.makes_dataset else []
    yield from [f"- Exactly one of {listing(row.exactly_one)} is given."] if row.exactly_one else []
    key = f" without `{row.key_makes_repeatable}`" if row.key_makes_repeatable else ""
    if not row.repeatable:
        yield f"- Not idempotent: a `retry`{key} can do its work twice ([W306](../diagnostics/W306.md))."
    elif "*" not in row.results:
        yield "- Idempotent: doing it twice is as good as once."
    yield from _refused(f"step.{name}", PARTS.get(f"step.{name}", ()), features)
    yield from section("inputs", row.inputs)
    yield "## results"
    results = [[f"`{key}`", kind] for key, kind in row.results.items() if key != "*"]
    yield grid(["name", "type"], results) if results else "Those of what it calls; their types are not known before."


def _placed(types: Mapping[str, tuple[str, str]], features: Features) -> Iterator[str]:
    for name, (kind, driver) in types.items():
        row = CONNECTORS[kind, driver]
        yield f"## {name}"
        yield f"`config` and `options` of {_links('connectors', [f'{kind}-{driver}'])}, side by side."
        yield from _refused(f"connector.{kind}.{driver}", (), features)
        yield table(row.config, row.options)


def _records(part: str, records: Mapping[str, type], features: Features) -> Iterator[str]:
    for name, record in records.items():
        yield f"## {name}"
        yield str(record.__doc__)
        yield from _refused(f"{part}.{name}", (), features) if part == "compute" else _taken(name, features)
        yield table(record)


def _sections() -> Iterator[str]:
    for part, shapes in SECTIONS.items():
        for shape in shapes:
            word = tag(shape)
            yield from section(f"{part}, {word[0]}: {word[1]}" if word and len(shapes) > 1 else part, shape)


def _taken(mode: str, features: Features) -> Iterator[str]:
    """Say with which kinds of connectors this version's runtime can use a mode of credentials."""
    kinds = sorted({kind for kind, _ in CONNECTORS if f"credentials.{kind}.{mode}" in features})
    if kinds:
        yield f"- This version's runtime uses it for {listing(kinds)}."
    else:
        yield "- **Compiled, not run yet.** " + REFUSED.format("it", f"`credentials.KIND.{mode}`")


def _connectors(features: Features) -> Iterator[str]:
    rows = [
        [_links("connectors", [f"{kind}-{driver}"]), str(row.config.__doc__), listing(_users(kind, row)), run]
        for (kind, driver), row in CONNECTORS.items()
        for run in [_run(f"connector.{kind}.{driver}" in features)]
    ]
    yield grid(["connector", "what it is", "steps", "run"], rows)


def _steps(features: Features) -> Iterator[str]:
    rows = [
        [_links("steps", [name]), str(row.inputs.__doc__), _run(f"step.{name}" in features)]
        for name, row in STEPS.items()
    ]
    yield grid(["step", "what it does", "run"], rows)


def _rules() -> Iterator[str]:
    yield "## By place and by name"
    yield _named_rules((row.name, row.kind) for row in STRUCTURE)
    yield "## By format"
    yield "The published formats of providers' tokens, wherever one stands."
    yield _named_rules((row.rule, row.kind) for row in FORMATS)
    yield "## By a provider's name"
    yield "Tokens without a form of their own, known by the name before them."
    yield grid(["rule", "it finds", "names"], [[f"`{row.rule}`", row.kind, listing(row.names)] for row in BESIDE])
    yield "## By detect-secrets"
    yield "What its own plug-ins report of one value."
    yield _named_rules((row.rule, row.kind) for row in UPSTREAM)
    yield "## No secrets"
    yield "Under every key:"
    yield grid(["text", "why"], [[row.name, row.reason] for row in harmless.ANYWHERE])
    yield "Where neither key nor place asks for a secret:"
    yield grid(["text", "why"], [[row.name, row.reason] for row in harmless.SHAPES])


def _named_rules(rows: Iterable[tuple[str, str]]) -> str:
    return grid(["rule", "it finds"], [[f"`{name}`", kind] for name, kind in rows])


def _run(able: bool) -> str:
    return "yes" if able else "not yet"


def _users(kind: str, row: Connector) -> list[str]:
    """Return the step types that can use a connector."""
    return [name for name, step in STEPS.items() if (getattr(row, step.needs) if step.needs else step.kind == kind)]


def _refused(feature: str, parts: Iterable[str], features: Features) -> Iterator[str]:
    """Say what an artifact may not ask of this version's runtime."""
    lacking = [one for one in parts if one not in features]
    if feature not in features:
        yield "- **Compiled, not run yet.** " + REFUSED.format("it", f"`{feature}`")
    elif lacking:
        yield "- " + REFUSED.format("parts of it", listing(lacking))


def _links(folder: str, stems: Iterable[str]) -> str:
    return ", ".join(f"[{stem.replace('-', '/', 1)}](../{folder}/{stem}.md)" for stem in stems)


def main(folder: Path, features: Features) -> None:
    """Renew every page below a folder; one that is not there yet is begun with its name."""
    for name, made in pages(features).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        text = place.read_text(encoding="utf-8") if place.exists() else f"# {place.stem.replace('-', ' / ', 1)}\n"
        place.write_text(renewed(text, made), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read().split())
