"""Texts that a spreadsheet would take for a formula, kept from being one in files for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from firn_runtime.engine import Session
from firn_runtime.identifiers import identifier, literal

_FORMULA = r"""^[\s"\x{A0}\x{FEFF}]*[=+\-@\t\r\n\x{0}＝＋－＠]"""  # the signs in full width too
"""Beginnings that a spreadsheet may take for a formula (OWASP, CSV Injection; ASVS 1.2.10), also after what some of
them leave out: spaces and quotes."""
_PLAIN = ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "UUID", "FLOAT", "DOUBLE", "DECIMAL")
"""Types whose values are no texts, by how they begin; whole numbers end with INT or INTEGER."""


@contextmanager
def viewed(session: Session, dataset: str, cells: list[str]) -> Iterator[str]:
    """Lend the name of a view over a dataset; the dataset is scanned when the view is, once."""
    view = f"view_{uuid4().hex}"
    session.execute(f"CREATE TEMP VIEW {view} AS SELECT {', '.join(cells)} FROM {identifier(dataset)}")
    try:
        yield view
    finally:
        session.execute(f"DROP VIEW {view}")


def guarded_cells(session: Session, kinds: dict[str, str], chosen: list[str]) -> list[str]:
    """Return columns whose texts and names begin with `'` where they would look like a formula."""
    sql = f"SELECT {_guarded('name')} FROM (SELECT unnest($names) AS name)"
    names = [str(row[0]) for row in session.execute(sql, {"names": chosen})]
    values = [_guarded(identifier(one)) if _is_text(kinds[one]) else identifier(one) for one in chosen]
    return [f"{value} AS {identifier(name)}" for value, name in zip(values, names, strict=True)]


def _guarded(text: str) -> str:
    text = f"CAST({text} AS VARCHAR)"
    return f"CASE WHEN regexp_matches({text}, {literal(_FORMULA)}) THEN '''' || {text} ELSE {text} END"


def _is_text(kind: str) -> bool:
    return (not kind.startswith(_PLAIN) and not kind.endswith(("INT", "INTEGER"))) or kind.endswith("]")
