import pytest
from hypothesis import given
from hypothesis import strategies as st

from avance.edge.http.rate import Rate
from avance.errors import RateLimited
from avance.testing.clock import FakeClock


def a_rate(per_minute: int, clock: FakeClock, keys_max: int = 10) -> Rate:
    return Rate(per_minute, clock, keys_max=keys_max, what="test")


def test_so_many_pass_at_once_and_the_next_is_told_when_to_come() -> None:
    clock = FakeClock()
    rate = a_rate(3, clock)
    for _ in range(3):
        rate.take("ana")
    with pytest.raises(RateLimited) as refused:
        rate.take("ana")
    assert refused.value.retry_after_s == pytest.approx(20)
    rate.take("bob")
    clock.advance(20)
    rate.take("ana")
    with pytest.raises(RateLimited):
        rate.take("ana")


def test_zero_is_no_limit() -> None:
    rate = a_rate(0, FakeClock())
    for _ in range(1_000):
        rate.take("ana")


def test_checking_does_not_count() -> None:
    rate = a_rate(1, FakeClock())
    for _ in range(5):
        rate.check("ana")
    rate.take("ana")


def test_the_longest_silent_key_is_forgotten_beyond_the_limit() -> None:
    rate = a_rate(1, FakeClock(), keys_max=2)
    for key in ("a", "b", "c"):
        rate.take(key)
    rate.take("a")
    with pytest.raises(RateLimited):
        rate.take("c")


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=30), st.integers(1, 20))
def test_in_no_minute_more_than_twice_the_rate_passes(
    steps: list[tuple[float, int]], per_minute: int
) -> None:
    clock = FakeClock()
    rate = a_rate(per_minute, clock)
    passed: list[float] = []
    for wait_s, tries in steps:
        clock.advance(wait_s)
        for _ in range(tries):
            try:
                rate.take("ana")
            except RateLimited:
                continue
            passed.append(clock.monotonic_s())
    for start in passed:
        assert sum(start <= moment < start + 60 for moment in passed) <= 2 * per_minute
