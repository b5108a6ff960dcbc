"""Records as pydantic models, for the published JSON Schemas alone: nothing is checked with them."""

import types
import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, StringConstraints, create_model
from pydantic import Field as ModelField

from firn_compiler.model.closed import SecretReference
from firn_compiler.model.names import TEXTS
from firn_schemas.decode import hints, spelling, tag
from firn_schemas.secret import Secret

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

CLOSED = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)
TEMPLATE = {"type": "string", "pattern": r"\{\{.*\}\}", "description": "A template, such as `{{ var.name }}`."}


class Closed(BaseModel):
    """A mapping with a closed set of keys and exact types."""

    model_config = CLOSED


class Templated:
    """Lets a value that is known only at run time stand where the field's type is asked for."""

    def __get_pydantic_json_schema__(self, core: "CoreSchema", handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        inner = handler(core)
        if inner.get("type") in ("string", None) and not {"enum", "const", "anyOf", "$ref"} & inner.keys():
            return inner
        alternatives = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
        return {"anyOf": [*alternatives, TEMPLATE]}


@cache
def closed_model(record: type) -> type[BaseModel]:
    """Return the model of a record; aliases are not known to it, they are spelled out before the check."""
    members: dict[str, Any] = {}
    kinds = hints(record)
    for field in fields(record):
        taken = hasattr(BaseModel, field.name)  # pydantic keeps some names for itself; the alias is what counts
        members[f"{field.name}_" if taken else field.name] = (_annotation(kinds[field.name]), _model_field(field))
    docstring = (record.__doc__ or "").strip()
    return create_model(record.__name__, __config__=CLOSED, __doc__=docstring, **members)


def _model_field(field: "Field[Any]") -> Any:
    meta = field.metadata
    arguments: dict[str, Any] = {"description": meta.get("description"), "alias": spelling(field)}
    if meta.get("examples"):
        arguments["examples"] = list(meta["examples"])
    for ours, theirs in (("minimum", "ge"), ("maximum", "le")):
        if meta.get(ours) is not None:
            arguments[theirs] = meta[ours]
    if field.default is not MISSING:
        arguments["default"] = field.default
    elif field.default_factory is not MISSING:
        arguments["default_factory"] = field.default_factory
    return ModelField(**arguments)


def _annotation(kind: Any) -> Any:
    if kind is Secret:
        return closed_model(SecretReference)
    if kind in TEXTS:
        return Annotated[str, StringConstraints(pattern=f"^{TEXTS[kind].pattern}$")]
    if is_dataclass(kind):
        return closed_model(typing.cast(type, kind))
    if kind is Any:
        return Any
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, Union):
        return _union(arguments)
    if origin is list:
        return Annotated[list[_annotation(arguments[0])], Templated()]  # type: ignore[misc]  # built from data
    if origin is dict:
        key, item = map(_annotation, arguments)
        return Annotated[dict[key, item], Templated()]  # type: ignore[valid-type]  # built from data
    if origin is Literal and len(arguments) == 1:
        return kind  # the word that tells one record from another is never a template
    return Annotated[kind, Templated()]


def _union(arguments: tuple[Any, ...]) -> Any:
    models = [kind for kind in arguments if is_dataclass(kind)]
    tagged = [kind for kind in models if tag(kind)]
    if len(tagged) > 1:
        chosen_by = next(found[0] for kind in tagged if (found := tag(kind)))
        choices: Any = Union[tuple(map(_annotation, tagged))]  # noqa: UP007  # as below
        chosen: Any = Annotated[choices, ModelField(discriminator=chosen_by)]
        rest = [kind for kind in arguments if kind not in tagged]
        return Union[(chosen, *map(_annotation, rest))]
    plain = tuple(_annotation(kind) if is_dataclass(kind) or kind is Secret else _bare(kind) for kind in arguments)
    joined: Any = Union[plain]  # noqa: UP007  # a union of types known only now has no other spelling
    if Secret in arguments or models:
        return joined
    return Annotated[joined, Templated()]


def _bare(kind: Any) -> Any:
    origin = typing.get_origin(kind)
    return kind if origin is None or origin is Literal else _annotation(kind)
