"""Asking an API: with its login, at its pace, and never another host. What comes back is of a status that is wanted.

Credentials go to the host of `base_url` alone: redirects and addresses that lead elsewhere are refused.
"""

import re
from collections.abc import Container, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from firn_runtime.confined_paths import leads_out
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.http.addresses import addresses
from firn_runtime.connectors.http.client import REPEATABLE, Answer, Call, Client, Limits
from firn_runtime.connectors.rest.credentials import Carried, login
from firn_runtime.connectors.rest.pace import LONGEST_PAUSE, MOST_PAUSES, Pace, asked_to_wait
from firn_runtime.errors import ConnectorError, ErrorClass
from firn_schemas.connectors.rest import OWN_HEADERS, RestConfig, RestOptions

MAX_REDIRECTS = 5
SUCCESS = range(200, 300)
_STATUS: dict[int, tuple[ErrorClass, str]] = {
    401: ("auth", "check the resource's credentials"),
    403: ("auth", "the credentials are not allowed to do this"),
    404: ("data", "check the path"),
    405: ("data", "check the method"),
    408: ("timeout", ""),
    409: ("conflict", ""),
    429: ("rate_limited", "set the resource's `rate_limit`"),
}

_VALUE = re.compile(r"(?![ \t])[\t -~]*(?<![ \t])")
"""What a header can hold (RFC 9110, section 5.5), without the bytes beyond ASCII that no two servers read alike."""
_STORED = "it holds a line break, letters beyond ASCII, or white space around it: look at how the secret was stored"

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Whom credentials are meant for."""

    scheme: str
    host: str
    port: int


class Refused(ConnectorError):
    """An answer of a status that is not wanted."""

    def __init__(self, status: int, error_class: ErrorClass, message: str, help: str = "") -> None:
        super().__init__(error_class, message, help)
        self.status = status


class Asking:
    """One API; its connections are kept until it is closed. May be used by several threads at once."""

    def __init__(
        self,
        config: RestConfig,
        options: RestOptions,
        ca_file: str | None,
        machine: Machine,
        *,
        renews: bool = True,
    ) -> None:
        self._config, self._options = config, options
        self.base = config.base_url.rstrip("/") + "/"
        found = origin(self.base)
        if found is None:
            raise ConnectorError("data", "`base_url` must be `http://host` or `https://host`, without a user")
        self.origin = found
        self._client = Client(self._addresses, verify=options.verify, ca_file=ca_file)
        self._pace = Pace(options.rate_limit, options.max_concurrency)
        self.login = login(config, self._client.exchange, options.timeout, machine, renews=renews)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, call: Call, wanted: Container[int] = SUCCESS, *, repeatable: bool = False) -> Answer:
        """Return an answer of a status that is wanted; raise ConnectorError of the class that the failure has.

        Redirects on the same host are followed, where the method allows it, pauses are kept, and a token that was
        refused is renewed once.
        """
        pauses = redirects = 0
        renewed = False
        while True:
            carried = self.login.carried()
            with self._pace.turn():
                answer = self.exchange(call, carried)
            if answer.status in wanted:
                return answer
            if answer.status == 401 and not renewed and self.login.renew(carried):
                renewed = True
            elif _leads_on(call.method, answer.status):
                redirects += 1
                if redirects > MAX_REDIRECTS:
                    raise ConnectorError("data", f"{call.name}: more than {MAX_REDIRECTS} redirects")
                address = self.joined(call.address, answer.headers.get("location", ""))
                call = call._replace(address=self.without_key(address), params={})
            elif pauses < MOST_PAUSES and self._pauses(call, answer, repeatable=repeatable):
                pauses += 1
            else:
                raise refusal(call.name, answer)

    def _pauses(self, call: Call, answer: Answer, *, repeatable: bool) -> bool:
        """Say whether the API asks for a pause that is short enough, and hold everybody off until then.

        After 503 the request may have been done: only one that may be done twice is made again.
        """
        again = answer.status == 429 or (answer.status == 503 and (repeatable or call.method in REPEATABLE))
        seconds = asked_to_wait(answer.headers) if again else None
        if seconds is None or seconds > LONGEST_PAUSE:
            return False
        self._pace.pause(seconds)
        return True

    def exchange(self, call: Call, carried: Carried) -> Answer:
        """Send a call once, with what the login gives it, and return what came back."""
        proof = lower(carried.headers)
        headers = lower(self._config.headers) | dict(call.headers) | proof
        for name, value in headers.items():
            if name in OWN_HEADERS:
                raise ConnectorError("data", f"the header `{name}` is not to be said", "remove it: Firn says it itself")
            if not _VALUE.fullmatch(value):
                raise ConnectorError(
                    "auth" if name in proof else "data", f"the header `{name}` cannot be sent", _STORED
                )
        call = call._replace(headers=headers, params={**call.params, **carried.params})
        return self._client.exchange(call, Limits(self._options.timeout, self._options.max_response_bytes))

    def _addresses(self, host: str, port: int) -> list[str]:
        return addresses(host, port, allow_private=self._options.allow_private_hosts)

    def below_base(self, path: str) -> str:
        """Return the address of a path; raise ConnectorError where it is not below `base_url`."""
        found = self.joined(self.base, path.lstrip("/"))
        if leads_out(re.split("[?#]", path)[0]) or not urlsplit(found).path.startswith(urlsplit(self.base).path):
            raise ConnectorError("data", "a path must stay below `base_url`", "write it without `..`")
        return found

    def joined(self, before: str, address: str) -> str:
        """Return an address, seen from another one; raise ConnectorError for any but of the host of `base_url`."""
        with suppress(ValueError):
            whole = urljoin(before, address)
            if origin(whole) == self.origin:
                return whole
        raise ConnectorError("data", "the API leads to another host", "only the host of `base_url` is asked")

    def without_key(self, address: str) -> str:
        """Return an address without the API's key: it is set again for each request, and kept nowhere."""
        if self._config.api_key is None or self._config.api_key_in == "header":
            return address
        parts = urlsplit(address)
        rest = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != self._config.api_key_name]
        return parts._replace(query=urlencode(rest)).geturl()


def _leads_on(method: str, status: int) -> bool:
    """Say whether a redirect asks for the same again elsewhere; others would turn a POST into a GET."""
    return status in (307, 308) or (status in (301, 302, 303) and method in ("GET", "HEAD"))


def refusal(name: str, answer: Answer) -> Refused:
    """Return what an answer means that is not wanted."""
    error_class, help = _STATUS.get(answer.status, ("server_error" if answer.status >= 500 else "data", ""))
    seconds = asked_to_wait(answer.headers)
    after = f", to be tried again after {seconds:.0f} s" if seconds is not None else ""
    return Refused(answer.status, error_class, f"{name}: the API answered {answer.status}{after}", help)


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Names of headers have no case: what comes later wins however it is spelled."""
    return {name.lower(): value for name, value in headers.items()}


def origin(address: str) -> Origin | None:
    """Return the origin of an address (RFC 6454); None where it is none of HTTP, or names a user."""
    with suppress(ValueError):
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
        if port and parts.scheme in _PORTS and parts.hostname and not (parts.username or parts.password):
            return Origin(parts.scheme, parts.hostname, port)
    return None
