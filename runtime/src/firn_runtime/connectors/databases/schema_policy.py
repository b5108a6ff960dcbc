"""What is done where the columns of a dataset and those of the table that it is written to differ.

All differences are one error, which names columns and types and never a value; it comes before anything is changed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from firn_runtime.connectors.values.assignment import takes
from firn_runtime.connectors.values.lists import refuse_nameless
from firn_runtime.errors import ConnectorError
from firn_runtime.identifiers import identifier
from firn_schemas.steps.data import WriteInputs


class TableColumn(NamedTuple):
    """A column of a table that is there."""

    name: str
    kind: str
    """The engine's type for it when it is read."""
    declared: str
    """Its type in the database's words, spelled as `Types.declared` spells it."""
    is_nullable: bool = True
    has_default: bool = False
    """Gets a value where a row gives none."""
    is_generated: bool = False
    """Takes no values: the table makes them."""


class Types(NamedTuple):
    """How a database names columns and types."""

    declared: Callable[[str], str]
    """The type of a new column for one of the engine's types."""
    stored: Callable[[str], str]
    """The engine's type for such a column when it is read again."""
    folded: Callable[[str], str] = str.lower
    """What of a column's name counts."""
    quoted: Callable[[str], str] = identifier
    lists_in: tuple[str, ...] = ()
    """The engine's types of columns that keep lists too."""

    def takes(self, column: str, kind: str) -> bool:
        """Say whether a column keeps or refuses values of `kind`, as they are or as a new column has them."""
        is_kept = kind.endswith("]") and column in self.lists_in
        return is_kept or takes(column, kind) or takes(column, self.stored(kind))


class Fit(NamedTuple):
    """How a dataset goes into its table."""

    statements: tuple[str, ...]
    """What makes the table fit, in order."""
    names: tuple[str, ...]
    """The table's columns that the dataset fills, in the dataset's order."""
    anew: str = ""
    """Why the table is made anew, where it is."""


def fitted(
    inputs: WriteInputs, dataset: Mapping[str, str], table: Sequence[TableColumn], target: str, types: Types
) -> Fit:
    """Return how a dataset of these columns and types goes into `target`; no columns: the table is missing.

    Without `on_schema_change`, `replace` makes the table anew where its columns are not those of the dataset.
    """
    for column, kind in dataset.items():
        refuse_nameless(column, kind)
    made = _made(dataset, target, types)
    if not table:
        return Fit((made,), tuple(dataset))
    policy = inputs.on_schema_change or ("fail" if inputs.mode != "replace" else None)
    compared = _Compared(dataset, table, types, inputs.keys or inputs.partition_by or ())
    if policy is None:
        anew = "; ".join((*compared.missing(), *compared.unfit(), *compared.left()))
        if anew:
            return Fit((f"drop table {target}", made), tuple(dataset), anew)
    found = [found for rule in _RULES[policy or "fail"] for found in rule(compared)]
    if found:
        help = _HELP[policy or "fail"]
        raise ConnectorError("data", f"the dataset does not fit the table `{inputs.table}`: {'; '.join(found)}", help)
    added = [_defined(name, dataset[name], types) for name in compared.lacking]
    adding = tuple(f"alter table {target} add column {one}" for one in added)
    return Fit(adding, tuple(compared.names.get(name, name) for name in dataset))


def _made(dataset: Mapping[str, str], target: str, types: Types) -> str:
    columns = ", ".join(_defined(name, kind, types) for name, kind in dataset.items())
    return f"create table {target} ({columns})"


def _defined(name: str, kind: str, types: Types) -> str:
    return f"{types.quoted(name)} {types.declared(kind)}"


class _Compared:
    """The columns of a dataset beside those of a table. Each rule yields what it finds, in a person's words."""

    def __init__(
        self, dataset: Mapping[str, str], table: Sequence[TableColumn], types: Types, keys: Sequence[str]
    ) -> None:
        self.dataset, self.table, self.types = dataset, table, types
        self.keys = {key.lower() for key in keys}
        known = {types.folded(column.name): column for column in table}
        self.pairs = {name: known[types.folded(name)] for name in dataset if types.folded(name) in known}
        self.names = {name: column.name for name, column in self.pairs.items()}
        self.lacking = [name for name in dataset if name not in self.pairs]
        given = set(self.names.values())
        self.unfilled = [column for column in table if column.name not in given]

    def missing(self) -> Iterator[str]:
        """Columns that the table lacks."""
        yield from map(self._lacks, self.lacking)

    def nameless(self) -> Iterator[str]:
        """Columns by which rows are found, and that the table lacks: added, they would find none of its rows."""
        yield from (self._lacks(name) for name in self.lacking if name.lower() in self.keys)

    def _lacks(self, name: str) -> str:
        near = _near(name, [column.name for column in self.unfilled])
        return f"the table has no column `{name}` ({self.dataset[name]})" + (f", but `{near}`" if near else "")

    def unfit(self) -> Iterator[str]:
        """Columns that would change values, and those that would stay without the one they need."""
        for name, column in self.pairs.items():
            kind = self.dataset[name]
            if column.is_generated:
                yield f"`{name}` is filled by the table itself"
            elif not self.types.takes(column.kind, kind):
                yield f"`{name}` is {kind}, and {column.declared} in the table"
        for column in self.unfilled:
            if not (column.is_nullable or column.has_default or column.is_generated):
                yield f"the dataset has no column `{column.name}`, which the table requires"

    def left(self) -> Iterator[str]:
        """Columns that nothing would fill, but for those that the table requires."""
        for column in self.unfilled:
            if column.is_nullable and not (column.has_default or column.is_generated):
                yield f"the dataset has no column `{column.name}` ({column.declared})"

    def other(self) -> Iterator[str]:
        """Every difference."""
        yield from self.missing()
        for name, column in self.pairs.items():
            kind, declared = self.dataset[name], self.types.declared(self.dataset[name])
            if column.is_generated or column.declared != declared:
                yield f"`{name}` is {kind}, and {column.declared} in the table where a new one has {declared}"
        for column in self.unfilled:
            yield f"the dataset has no column `{column.name}` ({column.declared})"


_Rule = Callable[[_Compared], Iterator[str]]
_RULES: dict[str, tuple[_Rule, ...]] = {
    "add_columns": (_Compared.nameless, _Compared.unfit),
    "fail": (_Compared.missing, _Compared.unfit),
    "strict": (_Compared.other,),
}
_HELP = {
    "add_columns": "only missing columns that are no keys are added: cast or rename in a `sql` step before, or change "
    "the table",
    "fail": "change the table, cast in a `sql` step before, or write `on_schema_change: add_columns` for new columns",
    "strict": "`on_schema_change: strict` takes exactly the table's columns and types",
}


def _near(name: str, names: Sequence[str]) -> str | None:
    """Return the one of some names that a person may have meant."""
    from difflib import get_close_matches

    folded = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), folded, n=1)
    return folded[found[0]] if found else None
