"""The platform's decode hook: `decode` for marked settings, `expand_env` for the snapshot of the environment.

It fails closed. No message holds a value: of what the module raises, only the type is told.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from firn_runtime.errors import InputsMissing
from firn_runtime.secret_sources.value import SHORTEST
from firn_schemas.artifact import Security
from firn_schemas.secret import Secret
from firn_schemas.visible import is_unicode

BUILT_IN = "base64"
_BASE64 = re.compile("[A-Za-z0-9+/]*|[A-Za-z0-9_-]*")


class Hook(NamedTuple):
    """A hook that is ready to be called."""

    module: str
    decode: Callable[[str], object]
    expand_env: Callable[[dict[str, str]], object] | None = None
    allow_short: bool = False


class NotBase64(ValueError):
    """A value is not base64 in the standard or the URL-safe alphabet; its name is all that is told of it."""


class _Refused(Exception):
    """Why a value was not decoded; never holds any of it."""


def load_hook(security: Security, search: Sequence[str] | None = None) -> Hook | None:
    """Return the hook that the artifact names, or None; raise InputsMissing R205.

    It is looked for in `sys.path`, in `enterprise` only in the interpreter's own folders; `search` stands for these.
    """
    named = security.decode_hook
    if named is None:
        return None
    if named.module == BUILT_IN:
        return Hook(BUILT_IN, from_base64, allow_short=security.allow_short_secrets)
    if named.sha256 is None and security.mode != "internal_fast":
        message = f"the decode hook `{named.module}` has no `sha256`, which an `enterprise` platform must state"
        raise InputsMissing("R205", message, "add `security.decode_hook.sha256` to the platform, and compile again")
    from firn_runtime.own_folders import own
    from firn_runtime.pinned_module import Refused, load

    search = own() if search is None and security.mode == "enterprise" else search
    try:
        members = vars(load(named.module, named.sha256, search))
    except Refused as error:
        help = "install the module that the platform names in `security.decode_hook`"
        raise InputsMissing("R205", f"the decode hook `{named.module}` {error}", help) from None
    decode, expand = members.get("decode"), members.get("expand_env")
    if not callable(decode) or not (expand is None or callable(expand)):
        help = "write `def decode(value: str) -> str` in it"
        raise InputsMissing("R205", f"the decode hook `{named.module}` has no function `decode`", help)
    return Hook(named.module, decode, expand, security.allow_short_secrets)


def expanded(hook: Hook | None, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the snapshot that `expand_env` makes of this one, or this one; raise InputsMissing R205."""
    if hook is None or hook.expand_env is None:
        return environ
    result, raised = _call(hook.expand_env, dict(environ))
    about = f"`expand_env` of the decode hook `{hook.module}`"
    if raised:
        raise InputsMissing("R205", f"{about} raised {raised}", "check the module; its error is not shown")
    if type(result) is not dict or not all(type(word) is str for pair in result.items() for word in pair):
        raise InputsMissing("R205", f"{about} must return a dict from text to text", "check the module")
    return MappingProxyType(dict(result))


def decoded(hook: Hook | None, resource: str, paths: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{"config": …, "options": …}` of a resource with the settings at `paths` decoded.

    What was a Secret is one again. Raises InputsMissing R205 with every path that failed.
    """
    problems: list[str] = []
    changed = dict(settings)
    for path in paths:
        try:
            changed = _replaced(changed, path, lambda value: _decoded(hook, value))
        except _Refused as error:
            name = f" `{hook.module}`" if hook else ""
            problems.append(f"the decode hook{name} failed on `{path}` of the resource `{resource}`: {error}")
    if problems:
        raise InputsMissing("R205", "\n  ".join(problems), "check the value's encoding and the module")
    return changed


def from_base64(value: str) -> str:
    """Return the text that base64 spells: one of its two alphabets, padding whole or left out, one spelling only."""
    from base64 import b64decode, b64encode

    digits = value.rstrip("=")
    spelled = digits.translate({ord("-"): "+", ord("_"): "/"})
    spelled += "=" * (-len(digits) % 4)
    if not _BASE64.fullmatch(digits) or value not in (digits, digits + spelled[len(digits) :]) or len(digits) % 4 == 1:
        raise NotBase64
    content = b64decode(spelled)
    if b64encode(content).decode() != spelled:  # bits that stand for nothing are set
        raise NotBase64
    return content.decode()


def _decoded(hook: Hook | None, value: Any) -> Any:
    text = value.reveal() if isinstance(value, Secret) else value
    if hook is None:
        raise _Refused("the artifact names none")
    if type(text) is not str:
        raise _Refused("the setting is not text")
    result, raised = _call(hook.decode, text)
    if raised:
        raise _Refused(f"it raised {raised}")
    return _checked(result, Secret if isinstance(value, Secret) else str, hook.allow_short)


def _checked(result: object, kind: type, allow_short: bool) -> Any:
    if type(result) is not str or "\0" in result or not is_unicode(result):
        raise _Refused("it returned no text")
    if not result:
        raise _Refused("it returned an empty text")
    if kind is Secret and len(result) < SHORTEST and not allow_short:
        raise _Refused(f"it returned a secret that is shorter than {SHORTEST} characters")
    return kind(result)


def _replaced(value: Any, path: str, act: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a mapping with what stands at a dotted path changed; a last key may hold dots itself."""
    head, _, rest = path.partition(".")
    if isinstance(value, dict) and path in value:
        return value | {path: act(value[path])}
    if rest and isinstance(value, dict) and head in value:
        return value | {head: _replaced(value[head], rest, act)}
    raise _Refused("the setting is not there")


def _call(function: Callable[[Any], object], argument: object) -> tuple[object, str]:
    """Return what the platform's code gives, and the type of what it raised instead, which is let go of here."""
    try:
        return function(argument), ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit, whose text Python would print
        return None, type(error).__name__
