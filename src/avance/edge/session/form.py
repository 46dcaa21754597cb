from avance.edge.link import Frame
from avance.hub.forms import Form
from avance.hub.item import Item
from avance.protocol.codec import JSON, JSON_ASCII, PROTOBUF, Codec
from avance.protocol.messages import Join, Leave, Push, Reply


class CodecForm(Form):
    """
    Pushes in one codec, each frame made once for everybody who takes it.
    """

    def __init__(self, codec: Codec, *, is_delta: bool = False) -> None:
        self._codec = codec
        self.is_delta = is_delta

    def publication(self, item: Item) -> Frame:
        return Frame(
            self._encode(item, item.data),
            is_text=self._codec.is_text,
            conflate=item.conflate,
        )

    def chained(self, item: Item, patch: bytes | None) -> Frame:
        data = item.data if patch is None else patch
        return Frame(
            self._encode(item, data, is_patch=patch is not None), is_text=self._codec.is_text
        )

    def joined(self, item: Item) -> Frame:
        return self._push(Push(channel=item.channel, join=Join(info=item.info)))

    def left(self, item: Item) -> Frame:
        return self._push(Push(channel=item.channel, leave=Leave(info=item.info)))

    def _push(self, push: Push) -> Frame:
        return Frame(self._codec.encode_reply(Reply(push=push)), is_text=self._codec.is_text)

    def _encode(self, item: Item, data: bytes, *, is_patch: bool = False) -> bytes:
        return self._codec.encode_publication(
            item.channel,
            data,
            item.offset,
            info=item.info,
            tags=item.tags,
            # As the reference server does: the first publication tells the epoch of a new stream.
            epoch=item.epoch if item.offset == 1 else "",
            delta=is_patch,
            as_string=self.is_delta,
        )


_FORMS = {
    (codec, is_delta): CodecForm(codec, is_delta=is_delta)
    for codec in (JSON, JSON_ASCII, PROTOBUF)
    for is_delta in (False, True)
}


def form_of(codec: Codec, *, is_delta: bool) -> CodecForm:
    """
    The one form of all connections with this codec.
    """
    return _FORMS[(codec, is_delta)]
