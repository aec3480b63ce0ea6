"""The application of the boards in the OMA cases: Objects that have no instance at first."""

from lwm2m.object import Object
from lwm2m.objects.containers import Portfolio


class Note(Object):
    """A text, in an Object of the range for private use."""

    object_id = 26241
    multiple = True
    creatable = True
    resources = b"\x00\x00\x13\x01"  # 0 Text: R, W, mandatory, string


def setup(node):
    """Make the Objects known; their instances are the server's to create."""
    node.tree.declare(Portfolio)
    node.tree.declare(Note)
