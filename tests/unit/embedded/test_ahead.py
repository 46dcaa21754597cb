"""
How much work is fetched before a child is free for it.
"""

from avance.backends.embedded.ahead import Ahead


def an_ahead() -> Ahead:
    return Ahead(places=2, window_s=0.05, most=256)


def test_nothing_is_fetched_ahead_before_anything_is_known() -> None:
    assert an_ahead().room(0) == 0


def test_short_jobs_are_fetched_ahead_as_many_as_fit_into_the_window() -> None:
    ahead = an_ahead()
    ahead.took(0.001)
    assert ahead.room(0) == 100
    assert ahead.room(60) == 0
    assert ahead.room(40) == 60


def test_the_number_is_bounded() -> None:
    ahead = an_ahead()
    ahead.took(0.0)
    assert ahead.room(0) == 256


def test_long_jobs_are_never_fetched_ahead() -> None:
    ahead = an_ahead()
    ahead.took(1.0)
    assert ahead.room(0) == 0


def test_one_long_job_among_short_ones_ends_it_until_the_next_are_short_again() -> None:
    ahead = an_ahead()
    ahead.took(0.001)
    ahead.stalled()
    assert ahead.room(0) == 0
    ahead.took(0.001)
    assert ahead.room(0) == 100
