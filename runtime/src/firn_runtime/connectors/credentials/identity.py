"""What a machine or pod has to be known by, and how those are asked who exchange it: metadata servers, token services.

No redirect is followed, an answer is small, and the environment comes in by what the run passes on alone.
"""

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from firn_runtime.connectors.credentials.bearer import FORM, LARGEST
from firn_runtime.connectors.credentials.issued import Learn
from firn_runtime.connectors.http.hosts import Answer, Host, Request, address
from firn_runtime.errors import ConnectorError
from firn_runtime.plain_file import plain_content
from firn_schemas.secret import Secret

_SILENCE = 10.0
"""Seconds to wait for an answer."""
_CONNECT = 2.0
"""Seconds to wait for a connection: where there is no metadata server, often nothing says so."""
_TRIES = 3

Head = Callable[[], Mapping[str, str]]
"""Makes headers anew for each time that a request is sent."""


class Machine(NamedTuple):
    """Where an identity comes from."""

    environ: Mapping[str, str]
    base: Path
    """What relative paths are taken from."""
    learn: Learn
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def content(self, file: str) -> bytes:
        """Return what is in a small file; raise ConnectorError."""
        try:
            found = plain_content(self.base / file, LARGEST)
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "it is no path").lower()
            raise ConnectorError("auth", f"the file `{file}` cannot be read: {reason}") from None
        if found is None or len(found) > LARGEST:
            reason = "it is no regular file" if found is None else f"it is larger than {LARGEST // 1024} KiB"
            raise ConnectorError("auth", f"the file `{file}` cannot be read: {reason}")
        return found

    def token(self, file: str) -> Secret:
        """Return the token in a file, as it is now: whoever puts it there puts another before it ends."""
        return self.known(self.content(file).decode("ascii", "replace"), f"the file `{file}`")

    def known(self, text: str, place: str) -> Secret:
        """Return a token that was found in a place, known to the redactor; raise ConnectorError where it is none."""
        found = text.strip()
        if not (found.isascii() and found.isprintable() and found):
            reason = "holds no token" if found else "is empty"
            raise ConnectorError("auth", f"{place} {reason}", "look at what gives this machine or pod its identity")
        secret = Secret(found)
        self.learn(secret)
        return secret


def asked(
    name: str, method: str, url: str, head: Head, body: bytes = b"", context: ssl.SSLContext | None = None
) -> Answer:
    """Return an answer, whatever its status; raise ConnectorError, its message beginning with `name`, or Ended.

    Asks again, up to three times in all, where the service is busy, broken or not there yet.
    """
    try:
        if not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError
        parts = urlsplit(url)
        place = address(f"{parts.scheme}://{parts.netloc}")
    except (ValueError, ConnectorError):
        raise ConnectorError("connection", f"{name}: its address is not one of HTTP") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    trust = (context or ssl.create_default_context()) if place.tls else None
    host = Host(place, _SILENCE, trust, _TRIES, _CONNECT)
    request = Request(method, target, lambda: {"host": place.authority, **head()}, lambda: [body], len(body))
    try:
        answer = host.send(request)
    except ConnectorError as error:
        raise ConnectorError(error.error_class, f"{name}: {error.message}", error.help) from None
    finally:
        host.close()
    if len(answer.body) > LARGEST:
        raise ConnectorError("data", f"{name}: the answer is larger than {LARGEST // 1024} KiB")
    return answer


def posted(name: str, url: str, form: Mapping[str, str]) -> Answer:
    """Return an answer to a form, as `asked` does."""
    return asked(name, "POST", url, lambda: FORM, urlencode(form).encode())


def seconds_until(end: str, answer: Answer, now: datetime) -> float | None:
    """Return how far a moment (RFC 3339) lies ahead by the clock of who answered; None for what is no moment.

    That clock rather than this machine's: the two may differ by more than a token's life. Without one, `now` counts.
    """
    try:
        until = datetime.fromisoformat(end)
    except ValueError:
        return None
    with suppress(ValueError, OverflowError):
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    until, now = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in (until, now))
    return max((until - now).total_seconds(), 0.0)
