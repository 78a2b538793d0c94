"""Pure functions of geometry."""
