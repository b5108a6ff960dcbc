"""Rows that break a rule, for people: few, short, and without the values of classified columns.

A long value is left out whole: a part of a secret would not be recognised as one when output is masked.
"""

import json
from collections.abc import Sequence
from typing import Any

from firn_runtime.engine import Relation
from firn_runtime.identifiers import identifier, literal
from firn_runtime.step import StepContext
from firn_schemas.base import Json

HIDDEN = "[sensitive]"
_CELL = 60
"""Characters of a value, at most."""
_COLUMNS = 12
_ROOM = 16 * 1024
"""Characters of all samples of a step."""


class Samples:
    """The samples of one step, at most `count` rows for each rule."""

    def __init__(self, count: int, context: StepContext) -> None:
        self.taken: list[Json] = []
        self._count, self._context = count, context
        self._left = _ROOM

    def beside(self, sentence: str, breaking: Relation | None, first: Sequence[str] = (), dataset: str = "") -> str:
        """Return a sentence with the rows that it is about, the columns `first` before others.

        They are rows of `dataset`; where it is empty, their columns may be computed from anything.
        """
        if not self._count or breaking is None:
            return sentence
        rows = self._rows(breaking, first, dataset)
        self.taken.append({"rule": sentence, "rows": [*rows]})
        return f"{sentence}, such as {', '.join(map(_shown, rows))}" if rows else sentence

    def _rows(self, breaking: Relation, first: Sequence[str], dataset: str) -> list[dict[str, Json]]:
        session = self._context.session
        lowered = [name.lower() for name in first]
        columns = sorted(session.described(breaking), key=lambda name: name.lower() not in lowered)[:_COLUMNS]
        hidden = self._context.hidden(dataset, columns)
        chosen = ", ".join(
            f"{literal(HIDDEN)} as {identifier(name)}" if name in hidden else identifier(name) for name in columns
        )
        few = Relation(f"select {chosen} from ({breaking.sql}\n) limit {self._count}", breaking.params)
        found = [{name: _cell(value) for name, value in row.items()} for row in session.records(few, self._count)]
        return [row for row in found if self._fits(row)]

    def _fits(self, row: dict[str, Json]) -> bool:
        self._left -= len(json.dumps(row))
        return self._left >= 0


def _cell(value: Json) -> Json:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"[{len(text)} characters]" if len(text) > _CELL else value


def _shown(row: dict[str, Any]) -> str:
    cells = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in row.items())
    return f"({cells})"
