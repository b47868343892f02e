"""LiteRT as an oracle: the same inputs through both, every tensor compared."""
