from avance.hub.forms import Frame
from avance.hub.limits import HubLimits


class Outbox:
    """
    What waits for one connection that does not read. It exists only while something waits.

    Of frames with one conflation key only the newest waits, at the place of the newest: offsets stay ascending, so that a
    client which leaves now comes back to the right position.
    """

    __slots__ = ("_frames", "_limits", "_number", "size_bytes")

    def __init__(self, limits: HubLimits) -> None:
        self._limits = limits
        self._frames: dict[str | int, Frame] = {}
        self._number = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def is_over(self) -> bool:
        """
        More waits than may.
        """
        return (
            len(self._frames) > self._limits.outbox_frames_max
            or self.size_bytes > self._limits.outbox_bytes_max
        )

    def add(self, frame: Frame) -> None:
        key: str | int | None = frame.conflate
        if key is None:
            key = self._number
            self._number += 1
        else:
            replaced = self._frames.pop(key, None)
            if replaced is not None:
                self.size_bytes -= len(replaced.payload)
        self._frames[key] = frame
        self.size_bytes += len(frame.payload)

    def take(self) -> list[Frame]:
        """
        The oldest frames: at least one, and about a slice.
        """
        taken: list[Frame] = []
        size = 0
        for key in tuple(self._frames):
            frame = self._frames.pop(key)
            taken.append(frame)
            size += len(frame.payload)
            if size >= self._limits.drain_slice_bytes:
                break
        self.size_bytes -= size
        return taken
