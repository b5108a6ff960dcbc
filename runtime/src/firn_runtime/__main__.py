"""`firn`, and `python -m firn_runtime`."""

from firn_runtime.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
