"""As whom a system is asked: what is exchanged for keys and tokens that hold for a while."""
