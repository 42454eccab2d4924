"""Federations of real processes whose links and nodes break at every step of a call, and the ledger of what came of it.

`python -m tests.chaos` plays many stories, each made of its seed; `docs/reliability.md` says what they show.
"""
