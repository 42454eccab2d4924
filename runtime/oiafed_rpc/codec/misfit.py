"""What to say of a value that does not fit its field."""

from __future__ import annotations


class FieldError(ValueError):
    """A value does not fit its field; the path to it grows as the error travels up."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem

    def below(self, name: str) -> FieldError:
        """The same error, seen from the message around it."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return FieldError(f"{name}{dot}{self.path}", self.problem)


def mismatch(expected: str, value: object, error: Exception) -> str:
    """Say what was expected and what came instead, briefly."""
    if isinstance(error, ValueError) and error.args:
        return f"{error} (expected {expected})"
    shown = repr(value)
    return f"expected {expected}, got {type(value).__name__} {shown if len(shown) <= 60 else shown[:57] + '...'}"
