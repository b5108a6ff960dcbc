"""Which addresses of a host may be connected to: a name must not lead into the platform's own network.

A `base_url` that spells an address, or `localhost`, is meant as it stands.
"""

import ipaddress
import socket

from firn_runtime.errors import ConnectorError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last four bytes are the address that is reached."""
_TAKEN_FOR_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10"),  # RFC 6890, RFC 8215, RFC 3879
            *("::/96", "::ffff:0:0:0/96"),  # RFC 4291 and RFC 2765: an IPv4 address in an old spelling
            "168.63.129.16/32",  # what an Azure machine is told by its host: no other machine reaches it
        ),
    )
)
"""What `ipaddress` says of these is otherwise, in some versions of Python or in all."""


def addresses(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses to connect to, in the resolver's order; raise ConnectorError.

    One private address among public ones is enough to refuse the name: which of them is used is chance.
    """
    try:
        found = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise ConnectorError("connection", f"the host `{host}` cannot be resolved") from None
    if not (allow_private or is_spelled_out(host)) and any(is_private(address) for address in found):
        help = "the platform allows it with `allow_private_hosts: true`"
        raise ConnectorError("connection", f"the host `{host}` resolves to a private address", help)
    return list(dict.fromkeys(found))


def is_spelled_out(host: str) -> bool:
    """Say whether a host is an address, or `localhost`, and no name that somebody else resolves."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_private(address: str) -> bool:
    """Say whether an address is not one of the public internet, by itself or by the IPv4 address that it stands for."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(found.packed[-4:])
        if inner is not None:
            return is_private(str(inner))
    return not found.is_global or found.is_multicast or any(found in one for one in _TAKEN_FOR_PUBLIC)
