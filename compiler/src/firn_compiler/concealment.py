"""Findings and texts as they may be shown: without the secrets that were found."""

from collections.abc import Iterable
from collections.abc import Mapping as Map

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.scan.conceal import concealed, covered


def findings_without(secrets: frozenset[str], found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return findings in whose words no secret stands."""
    if not secrets:
        return tuple(found)

    def say(text: str) -> str:
        return concealed(text, secrets)

    return tuple(
        one._replace(
            message=one.message if one.code == "E604" else say(one.message),  # which says nothing of the value
            help=one.help if one.code == "E604" else say(one.help),
            path=say(one.path),
            related=tuple(other._replace(message=say(other.message)) for other in one.related),
        )
        for one in found
    )


def texts_without(secrets: frozenset[str], texts: Map[str, str]) -> Map[str, str]:
    """Return files' texts, of the same lines and columns, in which no secret stands."""
    return {file: covered(text, secrets) for file, text in texts.items()} if secrets else texts
