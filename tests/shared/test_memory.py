"""Values for a while, in memory."""

from trunkline.clock import FakeClock
from trunkline.shared.memory import MemoryShared


def test_kept_for_its_time() -> None:
    """A value is there until its time is over."""
    clock = FakeClock()
    shared = MemoryShared(clock)
    shared.put(b"k", b"v", 10)
    clock.advance(9)
    assert shared.get(b"k") == b"v"
    clock.advance(1)
    assert shared.get(b"k") is None
    assert repr(shared) == "MemoryShared(0 entries, 0 bytes)"


def test_replaced() -> None:
    """A newer value takes the older one's place, and its time."""
    clock = FakeClock()
    shared = MemoryShared(clock)
    shared.put(b"k", b"old", 10)
    shared.put(b"k", b"new", 20)
    clock.advance(15)
    assert shared.get(b"k") == b"new"


def test_bounded() -> None:
    """The oldest values go first when there is no room, and what is far too large is not kept."""
    shared = MemoryShared(FakeClock(), limit_bytes=100_000)
    for number in range(1000):
        shared.put(b"%d" % number, bytes(700), 60)
    assert shared.get(b"999") == bytes(700)
    assert shared.get(b"0") is None
    assert 50 < sum(shared.get(b"%d" % number) is not None for number in range(1000)) < 101
    shared.put(b"huge", bytes(3000), 60)
    assert shared.get(b"huge") is None


def test_no_content_in_its_looks() -> None:
    """Its repr tells sizes alone."""
    shared = MemoryShared(FakeClock())
    shared.put(b"secret-key", b"secret-value", 60)
    assert "secret" not in repr(shared)
