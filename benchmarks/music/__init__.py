"""Music for the matching benchmark, from installable parts: tunes, their families, corruption, rendering, features."""
