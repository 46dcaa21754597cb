import json

import pytest
from centrifuge.fossil import apply_delta as stock_apply
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avance.protocol import delta
from avance.protocol.codec import JSON, PROTOBUF
from avance.protocol.messages import Publication

PROGRESS = (
    '{"v":1,"type":"progress","job_id":"job_01HZX3V9Q2K7M8","seq":41,"attempt":1,'
    '"ts":"2026-01-01T00:00:41.123Z","progress":{"percent":41,"phase":"ocr","message":"Procesando página 41 de 100"}}'
).encode()


def edited(draw: st.DrawFn, base: str) -> str:
    """
    Insert, remove and replace a few stretches, as one event differs from the next.
    """
    text = base
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 30)))
        text = text[:at] + draw(st.text(alphabet="ab éèĩ→𝄞😁ня01", max_size=20)) + text[end:]
    return text


@st.composite
def texts(draw: st.DrawFn) -> tuple[bytes, bytes]:
    base = draw(st.text(alphabet='ab éèĩня→𝄞😀😁{}",:0123', min_size=0, max_size=400))
    base *= draw(st.integers(1, 3))
    return base.encode(), edited(draw, base).encode()


@given(base=st.binary(max_size=300), target=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_come_back_from_a_patch_in_our_reader_and_the_stock_one(
    base: bytes, target: bytes
) -> None:
    made = delta.create(base, target)
    assert delta.apply(base, made) == target
    assert stock_apply(base, made) == target


@given(pair=texts())
@settings(max_examples=400, deadline=None)
@example(pair=('{"m":"é"}'.encode() * 9, '{"m":"è"}'.encode() + '{"m":"é"}'.encode() * 8))
@example(pair=("я".encode() * 40, "я".encode() * 20 + "ю".encode() + "я".encode() * 19))
def test_a_patch_for_text_is_text_and_smaller_and_right(pair: tuple[bytes, bytes]) -> None:
    base, target = pair
    made = delta.patch_for_text(base, target)
    if made is not None:
        made.decode()
        assert len(made) < len(target)
        assert delta.apply(base, made) == target
        assert stock_apply(base, made) == target


def test_one_letter_edits_of_russian_text_are_patched_and_never_cut_a_character() -> None:
    base = "Обработка страницы номер один документа пользователя завершена успешно".encode()
    letters = base.decode()
    for at in range(len(letters)):
        for letter in "абвгдя":
            target = (letters[:at] + letter + letters[at + 1 :]).encode()
            made = delta.patch_for_text(base, target)
            assert made is not None
            made.decode()
            assert stock_apply(base, made) == target


@pytest.mark.parametrize(
    ("changes", "bytes_max"),
    [
        ([(b"41", b"42")], 60),
        ([(b'"percent":41', b'"percent":41.5')], 50),
        ([(b'"seq":41', b'"seq":100'), (b"ocr", b"layout")], 60),
        ([(b'"attempt":1,', b"")], 40),
    ],
)
def test_the_next_progress_event_becomes_a_small_patch(
    changes: list[tuple[bytes, bytes]], bytes_max: int
) -> None:
    target = PROGRESS
    for old, new in changes:
        target = target.replace(old, new)
    made = delta.patch_for_text(PROGRESS, target)
    assert made is not None
    assert len(made) <= bytes_max
    assert stock_apply(PROGRESS, made) == target


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("é", "è"),  # the same first byte
        ("é", "ĩ"),  # the same last byte
        ("→", "ǒ"),  # the same last byte, another length
        ("😀", "😁"),
        ("😀", "𐀀"),
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "{} text that stays as it was", "text that stays as it was {}"]
)
def test_a_border_inside_a_character_moves_to_its_edge(old: str, new: str, around: str) -> None:
    base = (around.format(old) + "😀" + around.format(old) + " grows").encode()
    target = (around.format(new) + "😀" + around.format(new) + " grows longer").encode()
    made = delta.patch_for_text(base, target)
    if made is None:
        assert len(target) < 40
    else:
        made.decode()
        assert stock_apply(base, made) == target


def test_a_moved_block_is_copied() -> None:
    first, second = b"the first part of a text, " * 3, b"and here is quite another one. " * 3
    made = delta.create(first + second, second + first)
    assert len(made) < 40
    assert delta.apply(first + second, made) == second + first


def test_a_patch_that_is_not_smaller_is_none() -> None:
    assert delta.patch_for_text(b"", b"short") is None
    assert delta.patch(b"", b"short") is None
    assert delta.patch_for_text(b"abc" * 40, b"xyz" * 40) is None
    assert delta.patch_for_text(b"", b"") is None


def test_what_is_not_text_has_no_patch_for_text() -> None:
    base = b"\xff" * 100
    assert delta.patch_for_text(base, base) is None
    made = delta.patch(base, base)
    assert made is not None
    assert delta.apply(base, made) == base


def test_equal_payloads_make_one_copy() -> None:
    patch = delta.patch_for_text(b"0123456789" * 10, b"0123456789" * 10)
    assert patch is not None
    assert patch.startswith(b"1_\n1_@0,")
    assert len(patch) < 16


@pytest.mark.parametrize("size", [2_100, 9_000, 40_000])
def test_long_targets_are_right_whatever_the_search_gives_up(size: int) -> None:
    base = b"".join(b"%d:%d;" % (n, n * n) for n in range(size // 8))
    target = base[: size // 4] + b"<<" + base[size // 3 :] + base[:100]
    assert delta.apply(base, delta.create(base, target)) == target
    assert len(delta.create(base, target)) < len(target)


def test_a_target_that_shares_nothing_and_is_longer_than_the_search_is_inserted() -> None:
    target = bytes(range(256)) * 40
    assert len(target) > delta.SEARCH_BYTES_MAX
    assert delta.apply(b"x" * 10, delta.create(b"x" * 10, target)) == target


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        (b"", "no number"),
        (b"5", "ends in the middle"),
        (b"5x", "ends in the middle"),
        (b"5:", "newline"),
        (b"5\n", "no number"),
        (b"5\n5", "ends in the middle"),
        (b"5\n5@", "no number"),
        (b"5\n5@0;", "comma"),
        (b"5\n5@0", "ends in the middle"),
        (b"5\n5@9,", "copies up to byte 14 of 10"),
        (b"5\n5:ab", "inserts 5 bytes and has 2"),
        (b"5\n6@0,", "more than the 5 bytes"),
        (b"5\n4@0,0;", "makes 4 bytes, not the 5"),
        (b"5\n5@0,0;", "checksum"),
        (b"5\n5?0,0;", "unknown command"),
        (b"zzzzzz\n", "larger than 32 bits"),
        (b"zzzz\n", "is the most"),
    ],
)
def test_a_broken_patch_is_refused_with_a_reason(patch: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        delta.apply(b"0123456789", patch)


@given(
    patch=st.binary(max_size=60)
    | st.text(alphabet="0123456789AZaz~@:,;\n", max_size=40).map(str.encode)
)
@settings(max_examples=300, deadline=None)
def test_a_random_patch_raises_nothing_but_value_errors(patch: bytes) -> None:
    try:
        delta.apply(b"some base of a patch", patch)
    except ValueError:
        return


def test_recovered_publications_start_in_full_and_go_on_as_patches() -> None:
    payloads = [PROGRESS.replace(b"41", b"%d" % n) for n in (41, 42, 43)] + [b'"x"']
    publications = [Publication(data=data, offset=n + 1) for n, data in enumerate(payloads)]
    for codec in (JSON, PROTOBUF):
        rewritten = codec.recovered(publications)
        assert [p.delta for p in rewritten] == [False, True, True, False]
        assert [p.offset for p in rewritten] == [1, 2, 3, 4]
        base = b""
        for publication, payload in zip(rewritten, payloads, strict=True):
            carried = publication.data
            if codec.is_text:
                carried = json.loads(carried).encode()
            base = stock_apply(base, carried) if publication.delta else carried
            assert base == payload
