"""
How a replay is thinned.
"""

from hypothesis import given
from hypothesis import strategies as st

from avance.edge.dialect.dialect import Close, Effect, Send, thin

_effects = st.lists(
    st.one_of(st.builds(Send, st.binary(max_size=3), st.booleans()), st.just(Close(1000, "end"))),
    max_size=400,
)


@given(_effects, st.integers(1, 60))
def test_what_is_not_ordinary_stays_and_the_newest_of_the_ordinary_too(
    effects: list[Effect], frames_max: int
) -> None:
    kept = thin(effects, frames_max)
    essential = [
        effect for effect in effects if not (isinstance(effect, Send) and effect.is_ordinary)
    ]
    ordinary = [effect for effect in effects if isinstance(effect, Send) and effect.is_ordinary]
    assert [
        effect for effect in kept if not (isinstance(effect, Send) and effect.is_ordinary)
    ] == essential
    assert not ordinary or ordinary[-1] in kept
    frames = sum(isinstance(effect, Send) for effect in kept)
    others = sum(isinstance(effect, Send) for effect in essential)
    assert frames <= max(frames_max, others + 1)


@given(_effects)
def test_order_is_kept(effects: list[Effect]) -> None:
    numbered: list[Effect] = [
        Send(str(n).encode(), is_ordinary=n % 2 == 0) for n in range(len(effects))
    ]
    kept = [int(effect.text) for effect in thin(numbered, 20) if isinstance(effect, Send)]
    assert kept == sorted(kept)
