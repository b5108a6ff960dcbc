"""The vocabulary that every schema is written in: JSON values, closed records and their fields.

A schema is a frozen dataclass; its fields carry their own documentation. From it come the compiler's checks, the
published JSON Schemas and the runtime's decoder, so it imports nothing that would cost the runtime its cold start.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from firn_schemas.form import Form

    Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
    """A value of a JSON document."""
    JsonObject: TypeAlias = dict[str, Json]
else:
    Json = Any  # a recursive alias cannot be evaluated, and decoding has nothing to check in it
    JsonObject = dict[str, Any]

T = TypeVar("T")


def _init(self: Any, **values: Any) -> None:
    own = vars(self)
    for name, one in self.__dataclass_fields__.items():
        if name in values:
            own[name] = values.pop(name)
        elif one.default is not MISSING:
            own[name] = one.default
        elif one.default_factory is not MISSING:
            own[name] = one.default_factory()
        else:
            raise TypeError(f"{type(self).__name__} lacks {name}")
    if values:
        raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(values))}")


def _setattr(self: Any, name: str, _: object) -> None:
    raise FrozenInstanceError(f"cannot assign to {type(self).__name__}.{name}")


def _delattr(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete {type(self).__name__}.{name}")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """Make `cls` a closed record: frozen, and built by keyword only.

    Records are neither compared nor shown, and share three methods: what `dataclass` would write for each of them is
    compiled again at every cold start, and costs four times the rest.
    """
    made: Any = dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
    made.__init__, made.__setattr__, made.__delattr__ = _init, _setattr, _delattr
    return cls


def doc(
    description: str,
    *,
    default: Any = MISSING,
    default_factory: Callable[[], Any] | Any = MISSING,
    aliases: Sequence[str] = (),
    examples: Sequence[Json] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    local_path: bool = False,
    place: bool = False,
    endpoint: bool = False,
    inside: bool = False,
    arguments: bool = False,
    form: "Form | None" = None,
) -> Any:
    """Declare a record's field.

    `aliases` are other spellings that a source file may use; the artifact holds the field's own name only.
    `minimum` and `maximum` bound a number, both inclusive.
    `local_path` marks a path of the machine that the run takes from its base folder.
    `place` marks a path, URL or table name: where it is made of run-time values, it keeps a literal beginning.
    `inside` marks one path or several below a folder, out of which none may lead.
    `arguments` marks a program and its arguments: one that begins with a value of the run is no option of the program.
    `form` is the form of a text, or of each in a list; a source file's, for a run takes what its environment says.
    `endpoint` marks what says where, as whom or on what proof a connection is made: an `enterprise` platform's alone.
    """
    metadata = {
        "description": description,
        "aliases": tuple(aliases),
        "examples": tuple(examples),
        "minimum": minimum,
        "maximum": maximum,
        "local_path": local_path,
        "place": place,
        "endpoint": endpoint,
        "inside": inside,
        "arguments": arguments,
        "form": form,
    }
    return field(default=default, default_factory=default_factory, metadata=metadata)
