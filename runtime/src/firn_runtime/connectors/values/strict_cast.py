"""A column as another type: the same values, or an error that names the column and both types.

The engine's own casts round, cut off hours, and take 2 for true.
"""

from firn_runtime.connectors.values.lists import each, elements, of_length
from firn_runtime.connectors.values.texts import WHOLE, list_of_text, of_text
from firn_runtime.identifiers import failing, identifier

_NEAREST = ("DOUBLE", "FLOAT")
"""Who asks for one of these takes the nearest that it has, as of a text."""
_SPELLED = ("VARCHAR", "JSON")
"""Every value has a text."""


def strict_cast(name: str, own: str, wanted: str) -> str:
    """Return SQL for the column `name` of the type `own` as `wanted`, both as the engine names them."""
    said = f"the column `{name}` is {own} and holds what is no {wanted}: give it another type in `schema`"
    return _value(identifier(name), own, wanted, failing(said))


def _value(value: str, own: str, wanted: str, error: str) -> str:
    if own == wanted:
        return value
    if elements(wanted)[1]:
        return _list(value, own, wanted, error)
    if own == "VARCHAR":
        return of_text(value, wanted, error)
    if own == "JSON" and wanted != "VARCHAR":
        return of_text(f"({value} ->> '$')", wanted, error)
    if wanted in _SPELLED:
        return f"CAST({value} AS {wanted})"
    return _scalar(value, own, wanted, error)


def _list(value: str, own: str, wanted: str, error: str) -> str:
    if own in _SPELLED:
        text = f"CAST({value} AS VARCHAR)" if own == "JSON" else value
        return list_of_text(text, wanted, error, is_json=own == "JSON")
    (element, depth), (other, levels) = elements(own), elements(wanted)
    if depth != levels:
        return f"if({value} IS NULL, NULL, {error})"
    made = value if element == other else each(value, depth, _value("x", element, other, error))
    return of_length(f"CAST({made} AS {other}{'[]' * depth})", wanted, error)


def _scalar(value: str, own: str, wanted: str, error: str) -> str:
    cast = f"TRY_CAST({value} AS {wanted})"
    never_rounds = own in WHOLE and (wanted in WHOLE or wanted.startswith("DECIMAL"))
    if not (never_rounds or wanted in _NEAREST):
        cast = f"if(TRY_CAST({cast} AS {own}) IS NOT DISTINCT FROM {value}, {cast}, NULL)"
    return f"if({value} IS NULL, NULL, coalesce({cast}, {error}))"
