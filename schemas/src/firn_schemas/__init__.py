"""What the compiler and the runtime agree on. It reads no file, no environment and no clock."""

__version__ = "0.1.0"
