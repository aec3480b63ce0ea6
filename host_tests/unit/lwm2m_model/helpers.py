"""A tree with one of everything, and requests to it, for the tests of this room."""

from coap.message import Message, decode
from lwm2m import versions
from lwm2m.codec import CodecError
from lwm2m.object import Object
from lwm2m.objects.device import Device
from lwm2m.objects.security import Security
from lwm2m.objects.server import Server
from lwm2m.operations import Operations
from lwm2m.tree import Tree
from lwm2m.uri import parse_path

GET = 1
POST = 2
PUT = 3
DELETE = 4


class Account:
    """Stands for the client's ServerAccount: operations read its id only."""

    def __init__(self, short_server_id=1):
        self.short_server_id = short_server_id


class Everything(Object):
    """One writable resource of each type, single and multiple, and an executable one."""

    object_id = 30000
    multiple = True
    creatable = True
    resources = (
        b"\x00\x00\x13\x01"  # mandatory string
        b"\x00\x01\x03\x02"  # integer
        b"\x00\x02\x03\x03"  # unsigned
        b"\x00\x03\x03\x04"  # float
        b"\x00\x04\x03\x05"  # boolean
        b"\x00\x05\x03\x06"  # opaque
        b"\x00\x06\x03\x07"  # time
        b"\x00\x07\x03\x08"  # objlnk
        b"\x00\x08\x03\x09"  # corelnk
        b"\x00\x0a\x04\x00"  # executable
        b"\x00\x0b\x01\x02"  # read-only integer
        b"\x00\x0c\x02\x01"  # write-only string
        b"\x01\x00\x0b\x02"  # 256: multiple integer
    )

    def __init__(self):
        super().__init__()
        self.executed = []

    def execute(self, rid, arguments, server):
        """Record the call."""
        self.executed.append((rid, arguments))


VALUES = {
    0: "text",
    1: -5,
    2: 18446744073709551615,
    3: 21.5,
    4: True,
    5: b"\x00\xff\x10",
    6: 1700000000,
    7: (3, 0),
    8: "</3/0>",
    256: {0: 1, 300: -9223372036854775808},
    11: 7,
    12: "secret",
}
KINDS = {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 256: 2, 11: 2, 12: 1}


def kind_of(path):
    """The types of Everything, as a codec asks for them."""
    return KINDS.get(path[2]) if len(path) > 2 else None


class Fixture:
    """Tree, operations and an account for one version; `ask` sends a request."""

    def __init__(self, name="1.1", **options):
        self.version = versions.get(name)
        self.tree = Tree()
        self.account = Account()
        self.security = self.tree.add(Security("coap://host:5683", 1, secret=b"hush"))
        binding = 1 if name == "draft" else "U"
        uri = "coap://host:5683" if name == "draft" else None
        self.server = self.tree.add(
            Server(
                self.version,
                uri=uri,
                short_server_id=1,
                lifetime=300,
                storing=True,
                binding=binding,
            )
        )
        self.device = self.tree.add(
            Device("Open Mobile Alliance", "Lightweight M2M Client", "345000123", "1.0", **options)
        )
        self.thing = self.tree.add(Everything())
        self.thing.values.update(VALUES)
        self.changes = []
        self.tree.on_change.append(self.changes.append)
        self.operations = Operations(self.tree, self.version)

    def ask(self, code, path, payload=b"", content_format=None, accept=None, queries=()):
        """Send a request to a path such as "3/0"; return the response."""
        request = Message(code, token=b"\x01", payload=payload, message_id=1)
        for query in queries:
            request.add(15, query)
        if content_format is not None:
            request.add(12, content_format)
        if accept is not None:
            request.add(17, accept)
        request = decode(request.encode())
        segments = path.split("/") if path else []
        return self.operations.handle(request, parse_path(segments), self.account)


def code(response):
    """Response code as a decimal number, 205 for 2.05."""
    return (response.code >> 5) * 100 + (response.code & 31)


def is_refused(function, *arguments):
    """True when the codec call raises CodecError, also when it is a generator."""
    try:
        result = function(*arguments)
        if result is not None and not isinstance(
            result, (str, bytes, int, float, dict, list, tuple)
        ):
            for _ in result:
                pass
    except CodecError:
        return True
    return False
