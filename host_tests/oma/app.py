"""The application of the boards in the OMA cases: a Portfolio (Object 16) without an instance."""

from lwm2m.object import Object


class Portfolio(Object):
    """Information about the owner of a device, in four strings."""

    object_id = 16
    multiple = True
    creatable = True
    resources = b"\x00\x00\x1b\x01"  # 0 Identity: R, W, multiple, mandatory, string


def setup(node):
    """Make the Object known; its instances are the server's to create."""
    node.tree.declare(Portfolio)
