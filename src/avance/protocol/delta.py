"""
Fossil deltas: the target as copies from a base and inserted bytes (https://fossil-scm.org/home/doc/tip/www/delta_format.wiki).
"""

import re
import struct

_DIGITS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_NEWLINE, _COPY, _INSERT, _END, _COMMA = b"\n@:;,"

SEARCH_BYTES_MAX = 8192
"""Between common start and end a longer part is inserted without a search, which takes about 0.2 µs a byte at worst."""
TARGET_BYTES_MAX = 1 << 20
"""`apply` refuses to make more, whatever a patch claims."""


def create(base: bytes, target: bytes) -> bytes:
    """
    Write a patch that turns `base` into `target`, at any byte.
    """
    return _write(target, _copies(base, target))


def patch(base: bytes, target: bytes) -> bytes | None:
    """
    Write a patch, or None when it would not be smaller than the target.
    """
    made = create(base, target)
    return made if len(made) < len(target) else None


def patch_for_text(base: bytes, target: bytes) -> bytes | None:
    """
    Write a patch that is itself UTF-8 text, or None when it would not be smaller than the target or the target is no text.

    In JSON a patch travels as a string, so what it inserts must be whole characters.
    """
    copies = _copies(base, target)
    if not target.isascii():
        if not _is_utf8(target):
            return None
        copies = _at_characters(target, copies)
    made = _write(target, copies)
    return made if len(made) < len(target) else None


def apply(base: bytes, delta: bytes) -> bytes:
    """
    Turn `base` into the target of a patch.

    Raises:
        ValueError: not a patch, or not one for this base.
    """
    size, at = _read_int(delta, 0)
    if size > TARGET_BYTES_MAX:
        raise ValueError(f"the patch makes {size} bytes; {TARGET_BYTES_MAX} is the most")
    if _byte(delta, at) != _NEWLINE:
        raise ValueError("the size of the target is not ended by a newline")
    at += 1
    out = bytearray()
    while True:
        count, at = _read_int(delta, at)
        command = _byte(delta, at)
        at += 1
        if command == _COPY:
            start, at = _read_int(delta, at)
            if _byte(delta, at) != _COMMA:
                raise ValueError(f"the copy command at byte {at} is not ended by a comma")
            at += 1
            if start + count > len(base):
                raise ValueError(f"the patch copies up to byte {start + count} of {len(base)}")
            out += base[start : start + count]
        elif command == _INSERT:
            if at + count > len(delta):
                raise ValueError(f"the patch inserts {count} bytes and has {len(delta) - at}")
            out += delta[at : at + count]
            at += count
        elif command == _END:
            break
        else:
            raise ValueError(f"unknown command {bytes((command,))!r} at byte {at - 1}")
        if len(out) > size:
            raise ValueError(f"the patch makes more than the {size} bytes it promised")
    if len(out) != size:
        raise ValueError(f"the patch makes {len(out)} bytes, not the {size} it promised")
    if count != _checksum(out):
        raise ValueError("the checksum is wrong; the patch was made for another base")
    return bytes(out)


# Finding what to copy


_Copies = list[tuple[int, int, int]]
"""(start in the target, start in the base, count), in the order of the target and without overlap."""


def _copies(base: bytes, target: bytes) -> _Copies:
    """
    Find what stayed: an event mostly differs from the one before in a few values, often of the same length.
    """
    if len(base) == len(target):
        copies = _copies_in_place(base, target)
        if sum([count for _, _, count in copies]) * 4 >= len(target) * 3:
            return copies
    return _copies_moved(base, target)


def _copies_in_place(base: bytes, target: bytes) -> _Copies:
    size = len(base)
    differing = int.from_bytes(base, "big") ^ int.from_bytes(target, "big")
    runs = _EQUAL_RUN.finditer(differing.to_bytes(size, "big"))
    return [(run.start(), run.start(), run.end() - run.start()) for run in runs]


_EQUAL_RUN = re.compile(rb"\0{8,}")


def _copies_moved(base: bytes, target: bytes) -> _Copies:
    """
    Find the common start, the common end, and blocks between them.
    """
    prefix = _common_start(base, target)
    rest = min(len(base), len(target)) - prefix
    suffix = _common_end(base[len(base) - rest :], target[len(target) - rest :]) if rest else 0
    copies: _Copies = []
    if prefix:
        copies.append((0, 0, prefix))
    if rest > suffix and len(target) - prefix - suffix <= SEARCH_BYTES_MAX:
        copies += _blocks(base, target, prefix, suffix)
    if suffix:
        copies.append((len(target) - suffix, len(base) - suffix, suffix))
    return copies


def _blocks(base: bytes, target: bytes, prefix: int, suffix: int) -> _Copies:
    base_end, end = len(base) - suffix, len(target) - suffix
    size = _block_size(base_end - prefix)
    # The first of equal blocks wins, as later ones overwrite from the back.
    where = {base[at : at + size]: at for at in range(base_end - size, prefix - 1, -size)}
    found = where.get
    copies: _Copies = []
    done = at = prefix
    last = end - size
    while at <= last:
        start = found(target[at : at + size])
        if start is None:
            at += 1
            continue
        count = size + _common_start(base[start + size : base_end], target[at + size : end])
        room = min(at - done, start - prefix)
        before = _common_end(base[start - room : start], target[at - room : at]) if room else 0
        copies.append((at - before, start - before, count + before))
        done = at = at + count
    return copies


def _block_size(size: int) -> int:
    """
    Small blocks find more and cost more; the index stays at some hundred blocks.
    """
    return 8 if size <= 2048 else 16 if size <= 8192 else 64


def _common_start(a: bytes, b: bytes) -> int:
    size = min(len(a), len(b))
    differing = int.from_bytes(a[:size], "big") ^ int.from_bytes(b[:size], "big")
    return size - (differing.bit_length() + 7) // 8


def _common_end(a: bytes, b: bytes) -> int:
    size = min(len(a), len(b))
    differing = int.from_bytes(a[-size:], "little") ^ int.from_bytes(b[-size:], "little")
    return size - (differing.bit_length() + 7) // 8


def _at_characters(target: bytes, copies: _Copies) -> _Copies:
    """
    Move the borders of the copies inwards to the starts of characters.
    """
    moved: _Copies = []
    for at, start, count in copies:
        end = at + count
        while at < end and _is_inside_character(target, at):
            at += 1
            start += 1
        while at < end and _is_inside_character(target, end):
            end -= 1
        if at < end:
            moved.append((at, start, end - at))
    return moved


def _is_inside_character(text: bytes, at: int) -> bool:
    return at < len(text) and text[at] & 0xC0 == 0x80


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


# Writing


def _write(target: bytes, copies: _Copies) -> bytes:
    parts = [_int(len(target)), b"\n"]
    done = 0
    for at, start, count in copies:
        command = b"%b@%b," % (_int(count), _int(start))
        if len(command) >= count:
            continue
        if at > done:
            parts.append(b"%b:" % _int(at - done))
            parts.append(target[done:at])
        parts.append(command)
        done = at + count
    if done < len(target):
        parts.append(b"%b:" % _int(len(target) - done))
        parts.append(target[done:])
    parts.append(b"%b;" % _int(_checksum(target)))
    return b"".join(parts)


def _int(value: int) -> bytes:
    if value < 64:
        return _DIGITS[value : value + 1]
    digits = bytearray()
    while value:
        digits.append(_DIGITS[value & 63])
        value >>= 6
    digits.reverse()
    return bytes(digits)


def _checksum(data: bytes | bytearray) -> int:
    """
    The sum of the big-endian 32-bit words, padded with zeros.
    """
    count = (len(data) + 3) // 4
    words: tuple[int, ...] = struct.unpack(f">{count}I", data.ljust(count * 4, b"\0"))
    return sum(words) & 0xFFFFFFFF


# Reading


def _read_int(delta: bytes, at: int) -> tuple[int, int]:
    value, start = 0, at
    while at < len(delta) and delta[at] in _VALUES:
        value = value << 6 | _VALUES[delta[at]]
        at += 1
        if value > 0xFFFFFFFF:
            raise ValueError(f"the number at byte {start} is larger than 32 bits")
    if at == start:
        raise ValueError(f"there is no number at byte {start}")
    return value, at


def _byte(delta: bytes, at: int) -> int:
    if at >= len(delta):
        raise ValueError("the patch ends in the middle")
    return delta[at]
