"""The language as types: the shapes that a file may have, and the values that it becomes."""
