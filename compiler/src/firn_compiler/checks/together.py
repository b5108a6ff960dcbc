"""What a resource's settings say together, after the merge."""

from collections.abc import Callable
from types import EllipsisType
from typing import Any

from firn_compiler.checks.given import Found
from firn_compiler.closest import misspelt
from firn_compiler.diagnostics import finding
from firn_compiler.document import Deferred, Mapping, Path, Span, key_span, lookup, nearest, value_of
from firn_compiler.model.project import Flow, Platform, Settled
from firn_compiler.stages.settle import resources
from firn_schemas.decode import words
from firn_schemas.visible import listing


def together(flow: Flow, platform: Platform | None) -> Found:
    """Report settings that exclude each other, and those that lack another."""
    for name, settled in resources(flow, platform):
        for rule in (_exactly_one, *_RULES.get((settled.kind, settled.driver), ())):
            for one in rule(settled, ("resources", name, "config")):
                yield one.or_at(settled.place)


def said(settled: Settled, key: str) -> Any | EllipsisType:
    """Return a setting of `config`: None where it is absent, `...` where the run alone knows it."""
    node = lookup(settled.config, (key,))
    value = value_of(node) if node is not None else None
    return ... if isinstance(value, Deferred) or f"config.{key}" in settled.decode else value


def _place(settled: Settled, key: str) -> Span:
    return key_span(settled.config, (key,)) if said(settled, key) is not None else settled.place


def _exactly_one(settled: Settled, path: Path) -> Found:
    """Report settings of which not exactly one is given."""
    row = settled.row
    given = settled.config.entries if isinstance(settled.config, Mapping) else {}
    choices = row.exactly_one if row else ()
    named = [key for key in choices if said(settled, key) is not None]
    if row and not named and any(misspelt(key, choices) for key in given.keys() - words(row.config)):
        return  # one of them is there, misspelt, and another finding says so
    if row and choices and len(named) != 1:
        listed = listing(choices)
        message = f"`{settled.kind}/{settled.driver}` takes exactly one of {listed}"
        help = "remove all but one" if named else "add one of them"
        yield finding("E205", message, given[named[1]].span if named else settled.place, help, path)


def _mail(settled: Settled, path: Path) -> Found:
    """Report a login without its other half, mail in the clear, and a sender who is not one address."""
    from firn_schemas.loopback import is_loopback  # only mail needs these
    from firn_schemas.mail_address import parsed

    sender, host, user = (said(settled, key) for key in ("from_addr", "host", "user"))
    if (user is None) != (said(settled, "password") is None):
        key = "password" if user is None else "user"
        yield finding("E205", "`user` and `password` go together", _place(settled, key), "name both, or neither", path)
    if isinstance(sender, str) and parsed(sender) is None:
        help = "write `a@b.example` or `Name <a@b.example>`"
        place = nearest(settled.config, ("from_addr",)).span
        yield finding("E204", "`from_addr` is not one address", place, help, path)
    if said(settled, "tls") != "none":
        return
    if user is not None:
        help = "write `tls: starttls`, or remove `user` and `password`"
        yield finding("E205", "with `tls: none` nobody logs in", _place(settled, "tls"), help, path)
    elif isinstance(host, str) and not is_loopback(host) and said(settled, "allow_plaintext") is False:
        message = "with `tls: none` mail does not leave this machine"
        help = "write `tls: starttls`; or `allow_plaintext: true`, if everybody on the way may read the mail"
        yield finding("E205", message, _place(settled, "tls"), help, path)


def _ssh(settled: Settled, path: Path) -> Found:
    """Report a user who could not log in."""
    if said(settled, "password") is None and said(settled, "private_key") is None:
        message = f"nothing says how the user of `{settled.kind}/{settled.driver}` logs in"
        help = "add `password: {secret_ref: NAME}` or `private_key: {secret_ref: NAME}`"
        yield finding("E203", message, settled.place, help, path)


def _api(settled: Settled, path: Path) -> Found:
    """Report a login that is said in two ways, and one that lacks its other half."""
    logins = [key for key in ("credentials", "bearer_token", "basic_password") if said(settled, key) is not None]
    if len(logins) > 1:
        message = f"the API's login is given twice: by {' and by '.join(f'`{key}`' for key in logins)}"
        yield finding("E205", message, _place(settled, logins[1]), "remove all but one", path)
    if said(settled, "basic_user") is not None and said(settled, "basic_password") is None:
        message, help = "`basic_user` is not sent without `basic_password`", "add it, or remove `basic_user`"
        yield finding("E205", message, _place(settled, "basic_user"), help, path)


_RULES: dict[tuple[str, str], tuple[Callable[[Settled, Path], Found], ...]] = {
    ("mail", "smtp"): (_mail,),
    ("rest", "httpx"): (_api,),
    ("sftp", "asyncssh"): (_ssh,),
}
"""What a connector asks of its settings beyond their records."""
