"""What type checkers must accept in code that uses generated stubs, and what they must refuse."""
