"""`firn`, and `python -m firn_runtime`."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the current folder: what lies there is data, whatever it is named


def main() -> None:
    """Run the command; who interrupts it while its modules are loaded sees no traceback either."""
    try:
        from firn_runtime.cli import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


__all__ = ["main"]

if __name__ == "__main__":
    main()
