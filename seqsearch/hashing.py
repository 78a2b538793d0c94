"""Pure functions of binary codes."""
