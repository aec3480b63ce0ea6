"""What differs between the enabler versions for a server, as data.

`draft` is the change request (Lifetime, Binding Preference … in the Server object's own numbering,
Queue Mode by a `q` query); `1.0`, `1.1` and `1.2` are the released enablers.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One enabler version.

    name: as in the `lwm2m` query, or "draft".
    update_trigger: resource of Object 1 that makes the client update its registration.
    awake_by_ack_timeout: the client stays awake for ACK_TIMEOUT after its last message (CR 6.1)
        instead of MAX_TRANSMIT_WAIT.
    bindings: pattern of an allowed `b` query.
    queue_query: the query of its own that asks for Queue Mode, "" where `b` says it.
    answers_trigger_by_sms: an Execute over SMS is answered over SMS when the client registered
        with an SMS binding (CR Table 3; 1.0 Table 8); from 1.1 on it never is.
    structured_format: Content-Format for writing an Object Instance.
    composite_format: Content-Format of the payload of composite operations.
    endless: a Lifetime of 0 never ends (TS 1.2 Core §6.2.1).
    profiles: a Profile ID may stand for the object list (TS 1.2 Core §6.2.1).
    """

    name: str
    update_trigger: int
    awake_by_ack_timeout: bool
    bindings: str
    queue_query: str
    answers_trigger_by_sms: bool
    structured_format: int
    composite_format: int
    endless: bool = False
    profiles: bool = False


_TLV, _SENML_CBOR, _ETCH_CBOR = 11542, 112, 322
_MODES = r"U|UQ|S|SQ|US|UQS"

VERSIONS = {
    "draft": Version("draft", 11, True, _MODES, "q", True, _TLV, _SENML_CBOR),
    "1.0": Version("1.0", 8, False, _MODES, "", True, _TLV, _SENML_CBOR),
    "1.1": Version("1.1", 8, False, r"(?!.*(.).*\1)[UTSN]+", "Q", False, _SENML_CBOR, _SENML_CBOR),
    "1.2": Version(
        "1.2",
        8,
        False,
        r"(?!.*(.).*\1)[UTSNMH]+",
        "Q",
        False,
        _SENML_CBOR,
        _ETCH_CBOR,
        endless=True,
        profiles=True,
    ),
}
ALL = tuple(VERSIONS)


class QueryError(Exception):
    """A registration query is wrong; `code` is the dotted response code (4.00 or 4.12)."""

    def __init__(self, text: str, code: str = "4.00"):
        super().__init__(text)
        self.code = code


def get(name: str) -> Version:
    """Return a version by name; raises ValueError that names the allowed ones."""
    try:
        return VERSIONS[name]
    except KeyError:
        raise ValueError("version %r is not one of %s" % (name, ", ".join(VERSIONS))) from None


def recognise(
    queries: dict[str, str], default: str = "1.0", served: tuple[str, ...] = ALL
) -> Version:
    """Tell the version a Register request speaks (CR 5.2.1 Table 2; TS Core §6.2.1).

    `default` is that of a client which names none: "1.0", or "draft" by configuration. A `q`
    query without a newer version marks the draft. Raises QueryError 4.12 for a version that is
    not one of those served.
    """
    named = queries.get("lwm2m")
    if named is not None and not re.fullmatch(r"\d+(\.\d+)?", named):
        raise QueryError("lwm2m=%s is not a version" % named)
    if named in (None, "1.0", "1"):
        if "q" in queries:
            named = "draft"
        else:
            named = default if named is None or default == "draft" else "1.0"
    if named not in served:
        raise QueryError("version %s is not served: %s" % (named, ", ".join(served)), "4.12")
    return VERSIONS[named]
