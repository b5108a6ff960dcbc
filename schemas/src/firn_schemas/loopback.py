"""Whether a host is this machine, by its spelling alone: no name is resolved."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Return whether it is `localhost`, or an address of the loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
