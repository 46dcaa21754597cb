from avance.edge.link import Frame


def test_a_frame_has_the_shortest_header_that_its_size_allows() -> None:
    assert Frame(b"x" * 125).websocket[:2] == b"\x81\x7d"
    assert Frame(b"x" * 126).websocket[:4] == b"\x81\x7e\x00\x7e"
    assert Frame(b"x" * 65_535).websocket[:4] == b"\x81\x7e\xff\xff"
    assert Frame(b"x" * 65_536).websocket[:10] == b"\x81\x7f" + (65_536).to_bytes(8, "big")
    assert Frame(b"\x00", is_text=False).websocket == b"\x82\x01\x00"


def test_each_wire_form_is_made_once() -> None:
    frame = Frame('{"a":"ñ"}\n{}'.encode())
    assert frame.websocket is frame.websocket
    assert frame.line is frame.line
    assert frame.event is frame.event
    assert frame.text is frame.text


def test_the_forms_of_a_stream_end_as_their_protocol_wants() -> None:
    assert Frame(b"{}").line == b"{}\n"
    assert Frame(b"\x01\x00", is_text=False).line == b"\x01\x00"
    assert Frame(b'{"a":1}\n{"b":2}').event == b'data: {"a":1}\ndata: {"b":2}\n\n'
