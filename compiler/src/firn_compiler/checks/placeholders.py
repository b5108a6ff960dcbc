"""Placeholders of a query and the values that a step gives them."""

import re
from collections.abc import Iterator, Mapping

from firn_compiler.checks.sql_text import Text
from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import Diagnostic, counted, finding, suggestion
from firn_compiler.document import Mapping as MappingNode
from firn_compiler.document import Path, Sequence, key_span
from firn_compiler.model.project import Step
from firn_schemas.placeholders import DIALECTS
from firn_schemas.placeholders import placeholders as in_dialect


def used(step: Step, text: Text, dialect: str, parsed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the placeholders as the run finds them: the engine's as they were `parsed`, a server's by its tokens.

    To PostgreSQL a `?` is an operator, but where `params` is a list and no place has a number.
    """
    if dialect not in DIALECTS:
        return parsed
    found = in_dialect(text.query, dialect)
    listed = isinstance(step.inputs.entries.get("params"), Sequence)
    marks = dialect != "postgres" or (listed and set(found) == {"?"})
    return found if marks else tuple(name for name in found if name != "?")


def placeholders(step: Step, text: Text, found: tuple[str, ...], path: Path) -> Iterator[Diagnostic]:
    """Report placeholders without a value, and values without a placeholder."""
    params = step.inputs.entries.get("params")
    given = params.entries if isinstance(params, MappingNode) else {}
    named = dict.fromkeys(name for name in found if name != "?" and not name.isdigit())
    if isinstance(params, Sequence):
        yield from _numbered(step, params, found, named) if not text.guessed else ()
        return
    if params is not None and not named and any(name == "?" or name.isdigit() for name in found):
        message = "the query's placeholders have no names, and `params` has"
        help = "write `params` as a list: one value for each, in order"
        yield finding("E506", message, key_span(step.inputs, ("params",)), help, (*step.inputs_path, "params"))
        return
    missing = [name for name in named if name not in given]
    meant = {misspelt(name, [key for key in given if key not in named]) for name in missing}
    for name in named:
        if name not in given:
            match = re.search(rf"\${re.escape(name)}\b", text.query)
            place = text.place(*match.span()) if match else key_span(step.inputs, ("sql",))
            help = suggestion(name, given, "params:") if given else f"add `params: {{{name}: …}}`"
            yield finding("E506", f"`${name}` has no value in `params`", place, help, path)
    for name in given:
        unused = name not in named and name not in meant and not text.guessed
        if unused and isinstance(params, MappingNode):
            help = suggestion(name, named, "placeholders:")
            message = f"the query has no placeholder `${name}`"
            yield finding("E506", message, params.keys[name], help, (*step.inputs_path, "params", name))
    if not given and params is None and any(name == "?" or name.isdigit() for name in found):
        message = "the query's placeholders have no values"
        place = key_span(step.inputs, ("sql",)) if "sql" in step.inputs.keys else step.node.span.opening
        yield finding("E506", message, place, "add `params: [ … ]`", path)


def _numbered(step: Step, params: Sequence, found: tuple[str, ...], named: Mapping[str, None]) -> Iterator[Diagnostic]:
    """Report a list of values whose length is not the number of placeholders."""
    numbers = {int(name) for name in found if name.isdigit()}
    needed = max(numbers, default=0) or sum(name == "?" for name in found)
    place = key_span(step.inputs, ("params",))
    path = (*step.inputs_path, "params")
    if named:
        help = "write `params` as a mapping of names to values"
        yield finding("E506", "the query's placeholders have names, and `params` has none", place, help, path)
    elif needed != len(params.items):
        values = counted(len(params.items), "value")
        message = f"the query has {counted(needed, 'placeholder')}, and `params` {values}"
        yield finding("E506", message, place, "give one value for each, in order", path)
