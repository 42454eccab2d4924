"""Folders of schemas with what the generator makes of them: `schema/`, and `expected/` or `stderr`."""
