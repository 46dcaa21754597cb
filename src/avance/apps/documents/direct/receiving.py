"""
From signed addresses to a document: one job for what a person sees as one upload.
"""

from collections.abc import Sequence

import msgspec
from anyio import CancelScope

from avance import Avance
from avance.apps.documents.direct.bucket import (
    Multipart,
    Part,
    UploadGone,
    bucket_of,
    needed_bucket,
    part_bytes_of,
)
from avance.apps.documents.model import OnDuplicate
from avance.apps.documents.settings import DocumentsSettings
from avance.apps.documents.tus.arrivals import Arrival
from avance.apps.documents.tus.receiving import announced, arrivals_of, follow, hand_over, key_of
from avance.errors import Conflict, InvalidRequest, NotFound
from avance.web import Caller

LINK_S = 3_600.0
"""A signed address is good for so long; another is to be had any time."""
NAMED_MAX = 100
"""So many missing parts are named."""


async def begin(
    host: Avance, who: Caller, *, filename: str, size: int, collection: str, policy: OnDuplicate
) -> Arrival:
    """
    Announce a file. A job follows it from now on, and expires when it does not arrive.

    Raises:
        TooLarge: It is too large, or this owner has begun too much.
        NotFound: Files are not in a bucket here.
    """
    bucket, settings = needed_bucket(host), host.settings.section(DocumentsSettings)
    arrival = announced(
        host,
        who,
        filename=filename,
        size=size,
        collection=collection,
        policy=policy,
        bytes_max=settings.direct_bytes_max,
    )
    multipart_id = await Multipart.begin(bucket, key_of(arrival))
    arrival = msgspec.structs.replace(arrival, multipart_id=multipart_id)
    try:
        await arrivals_of(host).reserve(arrival, owner_bytes_max=settings.arriving_bytes_max)
    except BaseException:
        with CancelScope(shield=True):
            await Multipart(bucket, key_of(arrival), multipart_id).abort()
        raise
    await follow(host, arrival)
    return arrival


async def sign(
    host: Avance, arrival: Arrival, numbers: Sequence[int]
) -> list[tuple[int, int, str]]:
    """
    Number, size and address of these parts.

    Raises:
        InvalidRequest: The file has no such part.
    """
    sizes, upload = sizes_of(arrival), _upload(host, arrival)
    wrong = [number for number in numbers if not 1 <= number <= len(sizes)]
    if wrong:
        raise InvalidRequest(
            f"there is no part {wrong[0]}; the file has the parts 1 to {len(sizes)}",
            code="no_such_part",
        )
    left_s = (arrival.expires_ms - host.clock.now_ms()) / 1000
    await received(host, arrival)
    return [
        (
            number,
            sizes[number - 1],
            await upload.sign(number, sizes[number - 1], min(LINK_S, left_s)),
        )
        for number in numbers
    ]


async def received(host: Avance, arrival: Arrival) -> list[Part]:
    """
    Which parts the bucket has; the bar is moved there.

    Raises:
        UploadGone: The bucket does not know the upload any more.
    """
    parts = await _upload(host, arrival).parts()
    tracker = await host.tracker(arrival.id)
    come = min(sum(part.size for part in parts), arrival.size)
    tracker.progress(current=come, total=arrival.size, unit="byte", phase="receiving")
    return parts


async def complete(host: Avance, arrival: Arrival) -> None:
    """
    Make one file of the parts and hand it over to be read. Repeated after a crash it does the same once.

    Raises:
        Conflict: Parts are missing, or of another size than announced.
    """
    if await host.blobs.info(key_of(arrival)) is None:
        try:
            await _join(host, arrival)
        except UploadGone:
            # Another request of this client may have been as quick.
            if await host.blobs.info(key_of(arrival)) is None:
                raise
    # What it is and its SHA-256 are found where it is read: the bytes come here once, and not into this request.
    await hand_over(host, arrival, "")


async def _join(host: Avance, arrival: Arrival) -> None:
    parts = await received(host, arrival)
    _check(arrival, parts)
    await _upload(host, arrival).join(parts)


async def abandon(host: Avance, arrival: Arrival) -> None:
    """
    Forget a file that does not arrive with the parts that did, and end its job.
    """
    if bucket_of(host) is not None:
        await _upload(host, arrival).abort()
        await host.blobs.remove(key_of(arrival))
    await arrivals_of(host).remove(arrival.id)
    try:
        await host.jobs.cancel(arrival.id)
    except NotFound:
        # It is past its retention.
        return


async def recover(host: Avance, arrival: Arrival) -> None:
    """
    Hand over what had become one file when the server died.
    """
    if bucket_of(host) is not None and await host.blobs.info(key_of(arrival)) is not None:
        await hand_over(host, arrival, "")


def sizes_of(arrival: Arrival) -> list[int]:
    """
    Of the parts that are expected.
    """
    part = part_bytes_of(arrival.size)
    return [min(part, arrival.size - start) for start in range(0, arrival.size, part)]


def _check(arrival: Arrival, parts: Sequence[Part]) -> None:
    come = {part.number: part.size for part in parts}
    wanted = dict(enumerate(sizes_of(arrival), start=1))
    if come == wanted:
        return
    wrong = sorted(
        number for number in come.keys() | wanted.keys() if come.get(number) != wanted.get(number)
    )
    raise Conflict(
        f"{len(wrong)} of {len(wanted)} parts have not come as announced, first part {wrong[0]}; send them and complete again",
        code="parts_missing",
        parts=wrong[:NAMED_MAX],
    )


def _upload(host: Avance, arrival: Arrival) -> Multipart:
    if arrival.multipart_id is None:
        raise UploadGone(f"the upload {arrival.id} does not go into the bucket")
    return Multipart(needed_bucket(host), key_of(arrival), arrival.multipart_id)
