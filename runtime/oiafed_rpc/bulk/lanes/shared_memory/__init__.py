"""A lane within one host: the sender writes shared memory once, and receivers map it."""
