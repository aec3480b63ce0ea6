"""Request paths and Execute arguments."""

from lwm2m.object import OperationError
from lwm2m.uri import parse_arguments, parse_path


def _code(function, argument):
    try:
        function(argument)
    except OperationError as error:
        return error.code
    return None


def test_paths_of_every_depth():
    """TS 1.1 Core §7.3: /object/instance/resource/resource instance."""
    assert parse_path([]) == ()
    assert parse_path(["3"]) == (3,)
    assert parse_path(["3", "0", "9"]) == (3, 0, 9)
    assert parse_path(["65535", "1", "2", "3"]) == (65535, 1, 2, 3)


def test_malformed_paths():
    """TS 1.1 Core §7.3: a trailing slash, a hole or a fifth segment is 4.00."""
    for segments in (["3", ""], ["", "3"], [""], ["1", "2", "3", "4", "5"]):
        assert _code(parse_path, segments) == 0x80


def test_paths_that_name_nothing():
    """TS 1.1 Core §7.3: what is not a 16-bit number names nothing, 4.04."""
    for segment in ("x", "65536", "-1", "1.0", "99999999999999999999", "\u0663", "+3", " 3"):
        assert _code(parse_path, [segment]) == 0x84


def test_execute_arguments():
    """TS 1.0 §5.4.5: the argument list of Execute."""
    assert parse_arguments(b"") == []
    assert parse_arguments(b"5") == [(5, None)]
    assert parse_arguments(b"0='U',1") == [(0, "U"), (1, None)]
    assert parse_arguments(b"2='10.3',7,0='http://x?y=1'") == [
        (2, "10.3"),
        (7, None),
        (0, "http://x?y=1"),
    ]
    assert parse_arguments(memoryview(b"0=''")) == [(0, "")]


def test_malformed_execute_arguments():
    """TS 1.0 §5.4.5: whatever departs from the grammar is 4.00."""
    for text in (
        b"a",
        b",",
        b"1,",
        b",1",
        b"12",
        b"1=",
        b"1='",
        b"1='x",
        b"1=x'",
        b"1='a b'",
        b"1='a\"'",
        b"1='\\'",
        b'1="x"',
        b"1='x'2",
        b"1 ,2",
        b"1='\xff'",
        b"=",
    ):
        assert _code(parse_arguments, text) == 0x80, text
