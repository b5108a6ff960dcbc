"""Records of firn_schemas as pydantic models: the same fields, checked strictly and published as JSON Schema."""

import types
import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, create_model
from pydantic import Field as ModelField
from pydantic_core import core_schema

from firn_compiler.document import Deferred
from firn_schemas.decode import hints, spelling
from firn_schemas.secret import Secret

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

CLOSED = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True)
TEMPLATE = {"type": "string", "pattern": r"\{\{.*\}\}", "description": "A template, such as `{{ var.name }}`."}


class Closed(BaseModel):
    """A mapping with a closed set of keys and exact types."""

    model_config = CLOSED


class SecretReference(Closed):
    """A reference to a secret; its value is fetched at run time."""

    secret_ref: str = ModelField(description="The secret's name.", examples=["shop-db"])
    key: str | None = ModelField(None, description="One key of a secret that has several.", examples=["password"])


class Templated:
    """Lets a value that is known only at run time stand where the field's type is asked for."""

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        return core_schema.no_info_wrap_validator_function(_let_pass, handler(source))

    def __get_pydantic_json_schema__(self, core: "CoreSchema", handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        inner = handler(core)
        if inner.get("type") in ("string", None) and not {"enum", "const", "anyOf", "$ref"} & inner.keys():
            return inner
        alternatives = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
        return {"anyOf": [*alternatives, TEMPLATE]}


def _let_pass(value: Any, check: Any) -> Any:
    return value if type(value) is Deferred else check(value)


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
        return SecretReference
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
        return Annotated[dict[str, _annotation(arguments[1])], Templated()]  # type: ignore[misc]
    if origin is Literal and len(arguments) == 1:
        return kind  # the word that tells one record from another is never a template
    return Annotated[kind, Templated()]


def _union(arguments: tuple[Any, ...]) -> Any:
    models = [kind for kind in arguments if is_dataclass(kind)]
    tagged = [kind for kind in models if typing.get_origin(hints(kind).get("type")) is Literal]
    if len(tagged) > 1:
        chosen: Any = Annotated[Union[tuple(map(_annotation, tagged))], ModelField(discriminator="type")]  # noqa: UP007
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


def checked_name(pattern: Any, words: str) -> Any:
    """Return a validator that holds text to `pattern`; its message says `words`, never the text."""

    def check(text: str) -> str:
        if not pattern.match(text):
            raise ValueError(words)
        return text

    return AfterValidator(check)
