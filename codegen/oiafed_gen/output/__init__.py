"""The folder that is written to: what has to change in it, and changing that as a whole or not at all."""
