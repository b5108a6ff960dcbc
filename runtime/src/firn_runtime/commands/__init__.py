"""The runtime's own commands, one module each, read when asked for. They translate, and decide nothing."""
