from avance.edge.drivers import SocketLimits, Wheel
from avance.edge.drivers.connection import Shared
from avance.edge.link import Frame


def test_the_same_tuple_is_joined_once_for_everybody() -> None:
    shared = Shared(Wheel(), SocketLimits())
    frames = (Frame(b"a"), Frame(b"b"))
    assert shared.join(frames) == b"\x81\x01a\x81\x01b"
    assert shared.frames is frames


def test_a_list_is_never_kept_because_it_may_change() -> None:
    shared = Shared(Wheel(), SocketLimits())
    frames = [Frame(b"a"), Frame(b"b")]
    assert shared.join(frames) == b"\x81\x01a\x81\x01b"
    assert shared.frames == ()


def test_an_idle_wheel_is_true_so_that_it_is_not_replaced() -> None:
    assert Wheel()
