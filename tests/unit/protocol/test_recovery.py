import pytest

from avance.protocol.codes import ERROR_UNRECOVERABLE_POSITION, ReplyError
from avance.protocol.messages import HistoryRequest, Publication, StreamPosition
from avance.protocol.recovery import (
    PUBLICATIONS_MAX,
    HistoryWindow,
    history_window,
    recover_cache,
    recover_stream,
)


def kept(*offsets: int) -> list[Publication]:
    return [Publication(offset=offset) for offset in offsets]


@pytest.mark.parametrize(
    ("epoch", "offset", "top", "offsets", "is_recovered"),
    [
        ("e", 0, 0, [], True),
        ("e", 3, 3, [], True),
        ("", 3, 3, [], True),
        ("e", 2, 3, [3], True),
        ("e", 0, 3, [1, 2, 3], True),
        ("", 1, 3, [2, 3], True),
        ("old", 3, 3, [], False),
        ("old", 2, 3, [3], False),
        ("e", 2, 3, [], False),
        ("e", 4, 3, [], False),
        ("e", 1, 3, [3], False),
        ("e", 1, 4, [2, 3], False),
    ],
)
def test_a_stream_is_recovered_when_what_is_kept_closes_the_whole_gap(
    epoch: str, offset: int, top: int, offsets: list[int], is_recovered: bool
) -> None:
    assert recover_stream(epoch, offset, "e", top, kept(*offsets)) is is_recovered


def test_a_gap_of_300_is_recovered_and_a_longer_one_is_not() -> None:
    most = kept(*range(1, PUBLICATIONS_MAX + 1))
    assert recover_stream("e", 0, "e", PUBLICATIONS_MAX, most)
    more = kept(*range(1, PUBLICATIONS_MAX + 2))
    assert not recover_stream("e", 0, "e", PUBLICATIONS_MAX + 1, more)


def test_a_cache_is_recovered_when_its_latest_is_the_top() -> None:
    assert recover_cache(3, Publication(offset=3))
    assert recover_cache(0, None)
    assert not recover_cache(3, None)
    assert not recover_cache(3, Publication(offset=2))


@pytest.mark.parametrize(
    ("limit", "taken"),
    [(0, 0), (1, 1), (300, 300), (301, 300), (-1, 300), (-(2**31), 300), (2**31 - 1, 300)],
)
def test_a_limit_of_history_is_brought_into_its_bounds(limit: int, taken: int) -> None:
    window = history_window(HistoryRequest(channel="c", limit=limit), epoch="e")
    assert window == HistoryWindow(limit=taken)


def test_since_is_exclusive_in_both_directions() -> None:
    since = StreamPosition(offset=7, epoch="e")
    ahead = history_window(HistoryRequest(channel="c", limit=5, since=since), epoch="e")
    assert ahead == HistoryWindow(limit=5, after=7)
    back = history_window(
        HistoryRequest(channel="c", limit=5, since=since, reverse=True), epoch="e"
    )
    assert back == HistoryWindow(limit=5, before=7, is_reverse=True)


def test_history_without_since_may_be_read_from_its_end() -> None:
    request = HistoryRequest(channel="c", limit=1, reverse=True)
    assert history_window(request, epoch="e") == HistoryWindow(limit=1, is_reverse=True)


def test_since_in_another_epoch_is_an_unrecoverable_position() -> None:
    request = HistoryRequest(channel="c", limit=5, since=StreamPosition(offset=7, epoch="old"))
    with pytest.raises(ReplyError) as raised:
        history_window(request, epoch="e")
    assert raised.value.error is ERROR_UNRECOVERABLE_POSITION


def test_since_without_an_epoch_is_of_any() -> None:
    request = HistoryRequest(channel="c", limit=5, since=StreamPosition(offset=7))
    assert history_window(request, epoch="e").after == 7
