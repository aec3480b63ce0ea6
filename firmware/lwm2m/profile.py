"""The Profile ID: a name that stands for the object list of a Register (TS 1.2 Core 6.2.1).

Either an identifier that the server was given beforehand, `oma:NAME` or `v:NAME`, or the hash of
the list: `SUITE:HEX`, where SUITE is the number of the hash among those of RFC 6920 §9.4 and HEX
its first bits. The specification names what is hashed (Objects, their versions, instances) but not
how it is written; here it is the object list of a Register without its root link and with the
version of every Object:

    </1>;ver=1.2,</1/0>,</3>;ver=1.1,</3/0>

A server learns the hash from a Register that brought the list, or answers 4.09; then the list is
sent (`lwm2m.retry`).
"""

import binascii
import hashlib

from lwm2m.links import links

# Bytes kept of SHA-256 by suite: sha-256, -128, -120, -96, -64 and -32 are numbers 1 to 6.
_LENGTHS = b"\x00\x20\x10\x0f\x0c\x08\x04"


def profile_id(client, account) -> str:
    """Return the value of `pid=` for an account whose `profile` is set.

    The hash is the shortest, sha-256-32, unless the server's resource 27 prefers another of them.
    """
    if account.profile != "hash":
        return '"%s"' % account.profile if "," in account.profile else account.profile
    suite = account.value("profile_hash", 6)
    if not 0 < suite < len(_LENGTHS):
        suite = 6
    text = ",".join(list(links(client.tree, account.version, client.root, None, True)))
    digest = hashlib.sha256(text.encode()).digest()[: _LENGTHS[suite]]
    return "%d:%s" % (suite, binascii.hexlify(digest).decode())
