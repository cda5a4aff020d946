"""For a developer's machine: the demo, an embedded Redis and the stand-in for Mercately."""
