"""Whose workload identity a token is of: the providers, each a function that asks for one token."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from firn_runtime.connectors.credentials import azure, google
from firn_runtime.connectors.credentials.bearer import MARGIN
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.credentials.issued import Issued, Kept
from firn_schemas.credentials import ServiceAccountCredentials
from firn_schemas.secret import Secret


class Provider(NamedTuple):
    """A cloud."""

    issue: Callable[[ServiceAccountCredentials, Machine], Issued[Secret]]
    ambient: tuple[str, ...]
    """The variables by which a pod says who it is."""


PROVIDERS: Mapping[str, Provider] = {
    "azure": Provider(azure.issue, azure.AMBIENT),
    "gcp": Provider(google.issue, google.AMBIENT),
}


def bearer_tokens(settings: ServiceAccountCredentials, machine: Machine) -> Kept[Secret]:
    """Return the tokens of an identity, one that is kept fresh."""
    issue = PROVIDERS[settings.provider].issue
    return Kept(lambda: issue(settings, machine), machine.learn, MARGIN)
