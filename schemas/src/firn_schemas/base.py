"""The vocabulary that every schema is written in: JSON values, closed records and their fields.

A schema is a frozen dataclass; its fields carry their own documentation. From it come the compiler's checks, the
published JSON Schemas and the runtime's decoder, so it imports nothing that would cost the runtime its cold start.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, dataclass_transform

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
    """A value of a JSON document."""
    JsonObject: TypeAlias = dict[str, Json]
else:
    Json = Any  # a recursive alias cannot be evaluated, and decoding has nothing to check in it
    JsonObject = dict[str, Any]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a closed record: frozen, slotted, and built by keyword only.

    Records are neither compared nor shown, and each method made here is compiled again at every cold start.
    """
    return dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)(cls)


def doc(
    description: str,
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | Any = MISSING,
    aliases: Sequence[str] = (),
    examples: Sequence[Json] = (),
    minimum: int | None = None,
    maximum: int | None = None,
    local_path: bool = False,
    place: bool = False,
) -> Any:
    """Declare a record's field.

    `aliases` are other spellings that a source file may use; the artifact holds the field's own name only.
    `minimum` and `maximum` bound a number, both inclusive.
    `local_path` marks a path of the machine that the run takes from its base folder.
    `place` marks a path, URL or table name: where it is made of run-time values, it keeps a literal beginning.
    """
    metadata = {
        "description": description,
        "aliases": tuple(aliases),
        "examples": tuple(examples),
        "minimum": minimum,
        "maximum": maximum,
        "local_path": local_path,
        "place": place,
    }
    return field(default=default, default_factory=default_factory, metadata=metadata)
