"""Values between a source's types and the engine's: kept as they are, or refused."""
