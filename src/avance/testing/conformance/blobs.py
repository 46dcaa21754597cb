import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from avance.errors import InvalidRequest, NotFound, TooLarge
from avance.ports.blobs import Blobs

SIZE_MAX = 1_000_000


async def stream_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def content(blobs: Blobs, key: str, *, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(key, start=start, length=length)])


@pytest.mark.anyio
class BlobsConformance:
    large_bytes = 3_000_000
    """More than the backend moves at once."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """
        A place of files, empty.
        """
        raise NotImplementedError

    async def test_what_was_put_is_read_back(self, blobs: Blobs) -> None:
        blob = await blobs.put("a/b.txt", stream_of(b"one ", b"", b"two"), bytes_max=SIZE_MAX)
        assert (blob.key, blob.size) == ("a/b.txt", 7)
        assert blob.sha256 == hashlib.sha256(b"one two").hexdigest()
        assert await content(blobs, "a/b.txt") == b"one two"

    async def test_an_empty_file_is_a_file(self, blobs: Blobs) -> None:
        await blobs.put("empty", stream_of(), bytes_max=0)
        found = await blobs.info("empty")
        assert found is not None
        assert found.size == 0
        assert await content(blobs, "empty") == b""

    async def test_a_large_file_comes_back_byte_for_byte(self, blobs: Blobs) -> None:
        whole = bytes(range(256)) * (self.large_bytes // 256 + 1)
        pieces = [whole[at : at + 100_003] for at in range(0, len(whole), 100_003)]
        blob = await blobs.put("large", stream_of(*pieces), bytes_max=len(whole))
        assert (blob.size, blob.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        assert await content(blobs, "large") == whole

    @pytest.mark.parametrize(
        ("start", "length", "part"),
        [
            (0, None, b"0123456789"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (8, 99, b"89"),
            (0, 1, b"0"),
            (0, 0, b""),
            (10, None, b""),
            (99, 5, b""),
        ],
    )
    async def test_a_part_of_a_file_is_read(
        self, blobs: Blobs, start: int, length: int | None, part: bytes
    ) -> None:
        await blobs.put("digits", stream_of(b"0123456789"), bytes_max=10)
        assert await content(blobs, "digits", start=start, length=length) == part

    async def test_a_file_that_is_written_again_is_replaced_as_a_whole(self, blobs: Blobs) -> None:
        await blobs.put("a", stream_of(b"a long first text"), bytes_max=SIZE_MAX)
        await blobs.put("a", stream_of(b"short"), bytes_max=SIZE_MAX)
        assert await content(blobs, "a") == b"short"

    async def test_more_than_the_limit_leaves_what_was_there(self, blobs: Blobs) -> None:
        await blobs.put("a", stream_of(b"kept"), bytes_max=SIZE_MAX)
        with pytest.raises(TooLarge):
            await blobs.put("a", stream_of(b"x" * 6, b"x" * 6), bytes_max=10)
        assert await content(blobs, "a") == b"kept"
        with pytest.raises(TooLarge):
            await blobs.put("new", stream_of(b"x" * 11), bytes_max=10)
        assert await blobs.info("new") is None

    async def test_a_stream_that_breaks_off_leaves_nothing(self, blobs: Blobs) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * self.large_bytes
            raise ConnectionResetError("the client is gone")

        with pytest.raises(ConnectionResetError):
            await blobs.put("a", broken(), bytes_max=2 * self.large_bytes)
        assert await blobs.info("a") is None

    async def test_a_local_file_is_taken(self, blobs: Blobs, tmp_path: Path) -> None:
        path = tmp_path / "result.bin"
        await anyio.Path(path).write_bytes(b"result")
        blob = await blobs.take("results/1", path)
        assert (blob.size, blob.sha256) == (6, hashlib.sha256(b"result").hexdigest())
        assert not await anyio.Path(path).exists()
        assert await content(blobs, "results/1") == b"result"

    async def test_a_file_is_lent_as_a_local_one(self, blobs: Blobs) -> None:
        await blobs.put("a/page.pdf", stream_of(b"%PDF"), bytes_max=SIZE_MAX)
        async with blobs.local("a/page.pdf") as path:
            assert path.suffix == ".pdf"
            assert await anyio.Path(path).read_bytes() == b"%PDF"
        assert await content(blobs, "a/page.pdf") == b"%PDF"

    async def test_what_is_not_there_is_said(self, blobs: Blobs) -> None:
        assert await blobs.info("nothing") is None
        with pytest.raises(NotFound) as refusal:
            await content(blobs, "nothing")
        assert refusal.value.code == "file_not_found"
        with pytest.raises(NotFound):
            async with blobs.local("nothing"):
                pass

    async def test_a_file_is_removed_and_so_is_all_below_a_key_that_ends_with_a_stroke(
        self, blobs: Blobs
    ) -> None:
        for key in ("d/1/a", "d/1/b", "d/1/c/e", "d/10", "e"):
            await blobs.put(key, stream_of(b"x"), bytes_max=1)
        await blobs.remove("e")
        await blobs.remove("d/1/")
        await blobs.remove("never")
        await blobs.remove("never/")
        kept = [key for key in ("d/1/a", "d/1/b", "d/1/c/e", "d/10", "e") if await blobs.info(key)]
        assert kept == ["d/10"]

    @pytest.mark.parametrize(
        "key", ["", "/a", "a//b", "../a", "a/../b", ".hidden", "a b", "ñ", "x" * 513]
    )
    async def test_what_could_leave_the_place_is_no_key(self, blobs: Blobs, key: str) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            await blobs.put(key, stream_of(b"x"), bytes_max=1)
        assert refusal.value.code == "invalid_file_key"

    async def test_many_files_are_written_at_once(self, blobs: Blobs) -> None:
        async def write(n: int) -> None:
            await blobs.put(f"many/{n}", stream_of(b"%d" % n), bytes_max=10)

        async with anyio.create_task_group() as group:
            for n in range(30):
                group.start_soon(write, n)
        assert [await content(blobs, f"many/{n}") for n in range(30)] == [
            b"%d" % n for n in range(30)
        ]
