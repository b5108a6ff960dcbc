"""The nodes of a query's tree by their kind: gone through once, however many checks look for something in it."""

from typing import Any

from sqlglot import exp


class Nodes:
    """A tree and all its nodes."""

    def __init__(self, tree: exp.Expr) -> None:
        self.tree = tree
        self._by_kind: dict[type, list[tuple[int, Any]]] = {}
        for at, node in enumerate(tree.walk()):
            self._by_kind.setdefault(type(node), []).append((at, node))

    def of(self, *kinds: type) -> list[Any]:
        """Return the nodes of these kinds, in the order in which `find_all` yields them: outer ones come first."""
        found = [pair for kind, pairs in self._by_kind.items() if issubclass(kind, kinds) for pair in pairs]
        return [node for _, node in sorted(found, key=_place)]

    def kinds(self, kind: type) -> list[Any]:
        """Return the kinds of nodes that are of this one, and occur."""
        return [one for one in self._by_kind if issubclass(one, kind)]

    def let_go(self) -> None:
        """Free the tree: its nodes know their parents, and the collector that would find such rings is switched off."""
        for pairs in self._by_kind.values():
            for _, node in pairs:
                node.parent = None


def _place(pair: tuple[int, Any]) -> int:
    return pair[0]
