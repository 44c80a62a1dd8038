"""Identifiers never repeat, in one process or in a forked one, and sort by time."""

from __future__ import annotations

import os

from hazina.ids import SystemIds


def test_identifiers_differ_and_sort_by_the_millisecond_they_were_made_in() -> None:
    ids = SystemIds()
    made = [ids.new("pi") for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert {len(one) for one in made} == {29}
    moments = [one[:13] for one in made]  # The prefix and the first 50 bits: milliseconds and more.
    assert moments == sorted(moments)


def test_a_forked_process_makes_other_identifiers_than_its_parent() -> None:
    ids = SystemIds()
    ids.uuid()  # Random bits are now in store.
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, ids.uuid().int.to_bytes(16))
        os._exit(0)
    mine = ids.uuid().int
    theirs = int.from_bytes(os.read(reading, 16))
    os.waitpid(child, 0)
    assert theirs & 0x3FFFFFFFFFFFFFFF != mine & 0x3FFFFFFFFFFFFFFF
