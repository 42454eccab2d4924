"""Tickets of lanes."""

from __future__ import annotations

import logging
import time

import pytest
from oiafed_rpc.bulk.lanes.tickets import SIZE, Tickets


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets()
    ticket, proof = tickets.issue()
    assert len(ticket) == len(proof) == SIZE
    assert tickets.redeem(ticket) == proof
    assert tickets.redeem(ticket) is None


def test_an_unknown_ticket_is_none() -> None:
    tickets = Tickets()
    tickets.issue()
    assert tickets.redeem(bytes(SIZE)) is None
    assert tickets.redeem(b"") is None


def test_a_ticket_is_good_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tickets = Tickets()
    early, late = tickets.issue()[0], tickets.issue()[0]
    now += 29.9
    assert tickets.redeem(early) is not None
    now += 0.2
    assert tickets.redeem(late) is None


def test_the_oldest_of_too_many_is_void(caplog: pytest.LogCaptureFixture) -> None:
    tickets = Tickets()
    issued = [tickets.issue()[0] for _ in range(1026)]
    assert tickets.redeem(issued[0]) is None
    assert tickets.redeem(issued[1]) is None
    assert tickets.redeem(issued[2]) is not None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_what_has_run_out_makes_room(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tickets = Tickets()
    for _ in range(1024):
        tickets.issue()
    now += 31
    kept = [tickets.issue()[0] for _ in range(1024)]
    assert all(tickets.redeem(ticket) for ticket in kept)
    assert not caplog.records
