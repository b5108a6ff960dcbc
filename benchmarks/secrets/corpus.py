"""The labelled corpus: every kind of secret in some of its places and forms, and everything harmless beside them.

The same values on every machine and run. `python benchmarks/secrets/corpus.py` checks it and prints its size.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import NamedTuple
from urllib.parse import unquote

from forms import FORMS, Marked
from negatives import negatives
from placements import PLACEMENTS, Names, Placement, possible_forms, written
from positives import KINDS, Kind

SEED = "firn-secrets-1"
PER_KIND = 8
FORM_NAMES = list(FORMS)


class Sample(NamedTuple):
    """One file: what it is called, what it is of, and the secret in it, if there is one."""

    name: str
    family: str
    placement: str
    form: str
    file: str
    text: str
    secret: str | None


def fair(kind: Kind, placement: Placement) -> bool:
    """Say whether whoever reads the file could know: a value without a shape needs its key."""
    return kind.fits in placement.fits.split() and (placement.keyed or not kind.needs_key)


def _sample(kind: Kind, placement: Placement, turn: int) -> Sample | None:
    random = Random(f"{SEED}/{kind.name}/{placement.name}")
    made = kind.make(random)
    value, names = Marked(*made), Names(random.choice(kind.keys), kind.vendor)
    if not placement.can(value):
        return None
    forms = possible_forms(placement, names, value, random)
    if not forms:
        return None
    form = forms[turn % len(forms)]
    text, form = written(placement, names, value, Random(random.random()), form)
    return Sample(
        f"{kind.name}/{placement.name}/{form}", kind.group, placement.name, form, placement.file, text, value.secret
    )


def positives() -> Iterator[Sample]:
    """Yield up to eight placements of each kind; each kind begins with another placement and another form."""
    for index, kind in enumerate(KINDS):
        fitting = [placement for placement in PLACEMENTS if fair(kind, placement)]
        count = 0
        for turn in range(len(fitting)):
            sample = _sample(kind, fitting[(index * 5 + turn) % len(fitting)], index * 3 + turn * 7)
            if sample and count < PER_KIND:
                count += 1
                yield sample


@cache
def samples() -> tuple[Sample, ...]:
    return (*positives(), *(Sample(*negative, None) for negative in negatives()))


# The check of the corpus itself

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_ESCAPE = re.compile(r"\\n|\\\"|\\\\|\\'")


def scalars(text: str) -> list[str]:
    """Return every scalar of a YAML text, keys too, and every comment; what is not YAML raises."""
    from ruamel.yaml import YAML  # type: ignore[import-untyped,unused-ignore]

    values = [event.value for event in YAML(typ="safe", pure=True).parse(text) if hasattr(event, "value")]
    comments = [line.strip("# ") for line in re.findall(r"(?:^|\s)#(.*)$", text, re.MULTILINE)]
    return [*values, *comments, "\n".join(comments)]


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64.findall(text):
        try:
            yield base64.b64decode(match, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def views(text: str, depth: int = 2) -> Iterator[str]:
    """Yield `text`, and what it is when it is decoded once or twice."""
    yield text
    if depth:
        further = [unquote(text), text.replace("''", "'"), *_decoded(text)]
        unescaped = _ESCAPE.sub(lambda m: {"\\n": "\n"}.get(m[0], m[0][1:]), text)
        for view in {*further, unescaped} - {text}:
            yield from views(view, depth - 1)


def squeezed(text: str) -> str:
    return re.sub(r"\s|\\\n", "", text)


def holds(sample: Sample) -> bool:
    """Say whether the secret is in the file, in the clear or encoded; white space may have been folded."""
    assert sample.secret is not None
    wanted = squeezed(sample.secret)
    everything = [view for scalar in scalars(sample.text) for view in views(scalar)]
    quoted = json.dumps(sample.secret)[1:-1]
    return any(wanted in squeezed(view) or quoted in view for view in everything)


def check() -> None:
    names = Counter(sample.name for sample in samples())
    assert not [name for name, count in names.items() if count > 1], [n for n, c in names.items() if c > 1][:9]
    assert samples() == (*positives(), *(Sample(*negative, None) for negative in negatives()))
    for sample in samples():
        try:
            found = sample.secret is None or holds(sample)
            scalars(sample.text)
        except Exception as error:
            raise AssertionError(f"{sample.name}: {error}\n{sample.text}") from error
        assert found, f"{sample.name} does not hold {sample.secret!r}:\n{sample.text}"


def main() -> None:
    check()
    secret = [sample for sample in samples() if sample.secret is not None]
    print(f"{len(secret)} positives of {len(KINDS)} kinds, {len(samples()) - len(secret)} negatives")


if __name__ == "__main__":
    main()
