"""The one type that holds a secret's value, in memory only."""

from typing import NoReturn

MASK = "***"


class Secret:
    """A secret's value: shown nowhere, taken out only by `reveal()`, and never serialised.

    In a source file it is spelled `{secret_ref: name}` or `{secret_ref: name, key: field}`; a schema marks a field as
    sensitive by giving it this type.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value. Call it where it is handed to a driver, and keep no copy."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be serialised")
