"""What comes from outside: env files, variables, secrets and the decode hook. Values are looked at, never shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from firn_runtime.decode_hook import Hook, expanded, load_hook
from firn_runtime.env_files import EnvFile, with_env_files
from firn_runtime.preflight.running import Check, Checked, side_by_side
from firn_runtime.prepare import required_secrets, required_variables, secret_mounts
from firn_runtime.probing import Seen
from firn_runtime.redaction.redactor import Redactor
from firn_runtime.resolve import Scope
from firn_runtime.secret_sources import Found, Key, resolve_secrets
from firn_schemas.artifact import Payload, RequiredSecret
from firn_schemas.base import Json

_SOURCES = {"environment": "in the environment, as `$", "mount": "in a mounted file, `"}


class Inputs:
    """What was found of it."""

    def __init__(self, payload: Payload, environ: Mapping[str, str], base: Path, redactor: Redactor) -> None:
        self.environ = environ
        self.hook: Hook | None = None
        self.found: dict[Key, Found] = {}
        self._payload, self._base, self._redactor = payload, base, redactor

    def look(self, files: Sequence[EnvFile], values: Sequence[Json], seconds: float) -> list[Checked]:
        """Find everything that the flow's `values` need; what is missing is among the results."""
        read: dict[int, Mapping[str, str]] = {}
        of_files = side_by_side([self._env_file(*one, read) for one in enumerate(files)], seconds)
        below = {name: value for number in sorted(read) for name, value in read[number].items()}
        self.environ = below | dict(self.environ)
        of_hook = side_by_side(list(self._hook()), seconds)
        variables = [self._variable(name) for name in sorted(required_variables(values))]
        secrets = [self._secret(one) for one in required_secrets(self._payload, values)]
        return [*of_files, *side_by_side([*variables, *secrets], seconds), *of_hook]

    @property
    def scope(self) -> Scope:
        """What settings may name."""
        return Scope(self.environ, {key: one.secret for key, one in list(self.found.items())})

    @property
    def lacks_hook(self) -> bool:
        """Whether the decode hook that the artifact names cannot be used."""
        return self.hook is None and self._payload.security.decode_hook is not None

    def lacking(self, values: Iterable[Json]) -> list[str]:
        """Return what these values need and was not found, as names for a person."""
        values = list(values)
        secrets = [one for one in required_secrets(self._payload, values) if (one.ref, one.key) not in self.found]
        variables = sorted(required_variables(values) - self.environ.keys())
        return [*(f"`${name}`" for name in variables), *(f"`{one.name}`" for one in secrets)]

    def _env_file(self, number: int, file: EnvFile, read: dict[int, Mapping[str, str]]) -> Check:
        def look() -> Iterator[Seen]:
            read[number] = with_env_files({}, [file])
            yield Seen("env_file", "ok", "it can be read")

        return Check("env_file", str(file.path), look)

    def _hook(self) -> Iterator[Check]:
        named = self._payload.security.decode_hook
        if named is None:
            return

        def look() -> Iterator[Seen]:
            hook = load_hook(self._payload.security)
            self.environ = expanded(hook, self.environ)
            self.hook = hook
            yield Seen("decode_hook", "ok", "it loads")

        yield Check("decode_hook", named.module, look)

    def _variable(self, name: str) -> Check:
        def look() -> Iterator[Seen]:
            if name in self.environ:
                yield Seen("variable", "ok", "it is set")
            else:
                yield Seen("variable", "failed", "it is not set", "set it for this run")

        return Check("variable", name, look)

    def _secret(self, one: RequiredSecret) -> Check:
        mounts = secret_mounts(self._payload, self.environ, self._base)
        allow = self._payload.security.allow_short_secrets

        def look() -> Iterator[Seen]:
            ((key, found),) = resolve_secrets([one], self.environ, mounts, allow_short=allow).items()
            self._redactor.add(found.secret)
            self.found[key] = found
            if found.warning:
                yield Seen("secret", "warning", f"it is there, but {found.warning}", "take these rights away")
            else:
                yield Seen("secret", "ok", f"it is {_SOURCES[found.source]}{found.place}`")

        return Check("secret", one.name, look)
