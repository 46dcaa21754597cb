"""
A disk that is full: told, nothing half written, and well again once there is room.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from avance.backends.disk import DiskBlobs
from avance.errors import Unavailable
from avance.testing.conformance.blobs import content, stream_of

MIB = 1_048_576


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_full_disk_is_told_and_leaves_what_was_there(small_disk: Path) -> None:
    blobs = DiskBlobs(small_disk)
    await blobs.put("kept", stream_of(b"x" * MIB), bytes_max=MIB)
    for _ in range(3):
        with pytest.raises(Unavailable) as refusal:
            await blobs.put("big", stream_of(*[b"y" * MIB] * 5), bytes_max=9 * MIB)
        assert refusal.value.code == "disk_full"
        assert await blobs.info("big") is None
    assert await content(blobs, "kept") == b"x" * MIB
    await blobs.remove("kept")
    await blobs.put("big", stream_of(*[b"y" * MIB] * 3), bytes_max=9 * MIB)
    assert await content(blobs, "big") == b"y" * 3 * MIB


async def test_a_result_that_does_not_fit_stays_where_it_was(
    small_disk: Path, tmp_path: Path
) -> None:
    result = anyio.Path(tmp_path / "result")
    await result.write_bytes(b"z" * 5 * MIB)
    blobs = DiskBlobs(small_disk)
    with pytest.raises(Unavailable):
        await blobs.take("result", Path(result))
    assert await result.exists()
    assert await blobs.info("result") is None
