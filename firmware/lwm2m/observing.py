"""How an observation begins and is cancelled (TS 1.2 Core 6.4.1, 6.4.3 to 6.4.5), and the request
that it began with. Imported on use.
"""

from coap.message import Message
from micropython import const

from lwm2m.notify import told
from lwm2m.object import OperationError
from lwm2m.observe import Observation, text

_GET = const(1)
_FETCH = const(5)
_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_OBSERVE = const(6)
_URI_PATH = const(11)
_CONTENT_FORMAT = const(12)
_ACCEPT = const(17)
_BLOCK2 = const(23)
_LINK_FORMAT = const(40)

# What the Observe of a composite may bring: the attributes that an Object may have.
_OF_OBJECTS = "pmin pmax epmin epmax con hqmax"


def handle(observations, request, response, path: tuple, account, now: int) -> None:
    """Carry out Observe = 0 or 1 of a GET or FETCH that has its response already."""
    client = observations.client
    block2 = request.get_uint(_BLOCK2)
    register = request.get_uint(_OBSERVE)
    accept = request.get_uint(_ACCEPT)
    if block2 and block2 >> 4:
        return  # the rest of a body, by a server that repeats all options for it
    answered = response.code == _CONTENT and accept != _LINK_FORMAT
    if register > 1:
        return
    wanted = [path]
    if request.code == _FETCH and answered:
        from lwm2m.composite import paths

        wanted = paths(request.payload, request.get_uint(_CONTENT_FORMAT), client.root)
    own = None
    if register == 0 and answered and request.queries():
        try:
            own = _attributes(client, request, path, account.version)
        except OperationError as error:
            response.code = error.code
            response.payload = response.wire = b""
            return
    token = bytes(request.token)
    _end(observations, account, token, wanted, register, request.code == _FETCH)
    if register or not answered or wanted == [()]:
        return  # the root of all Objects can be read, and not observed
    observed = sum([len(each.parts) or 1 for each in observations])
    if observed + len(wanted) > observations.limit:
        client.drop("observations_full", account)
        return
    observation = Observation(account, token, path, now)
    if own is not None:
        observation.attributes = own
    if accept is not None:
        observation.accept = accept
    if block2 is not None:
        observation.block2 = block2
    if request.code == _FETCH:
        observation.form = request.get_uint(_CONTENT_FORMAT)
        take_parts(observation, wanted)
    told(client, observation, now)
    observations.restore(observation)
    if observations.orphans:
        from lwm2m.storing import adopt

        adopt(observations, observation, response.get_uint(_CONTENT_FORMAT))
    response.add(_OBSERVE, observations.next_sequence())
    client.emit("observed", account, path=text(path))


def _end(observations, account, token, wanted, register, composite):
    """End what a server observes by a token or, by the same method, at the same paths."""
    for known in list(observations):
        same = bool(known.parts) == composite and _paths(known) == wanted
        if known.account is account and (same or known.token == token):
            if same and not register and observations.stored:
                from lwm2m.storing import orphan

                orphan(observations, known, ())
            observations.end(known, "observe" if register else "replaced")


def take_parts(observation, wanted: list) -> None:
    """Make an observation a composite of paths."""
    parts = []
    for path in wanted:
        part = Observation(observation.account, observation.token, path, observation.told_at)
        part.whole = observation
        parts.append(part)
    observation.parts = parts


def _paths(observation):
    if observation.parts:
        return [part.path for part in observation.parts]
    return [observation.path]


def _attributes(client, request, path, version):
    """Return the attributes that the queries of an Observe give (TS 1.2 Core §6.4.1).

    Raises OperationError 4.00, as for Write-Attributes, and where the version has none of them.
    """
    from lwm2m.attribute_text import merge

    if not version.observe_attributes:
        raise OperationError(_BAD_REQUEST)
    kind = None
    allowed = version.attributes
    if request.code == _FETCH:
        allowed = _OF_OBJECTS
    elif len(path) > 2:
        kind = client.tree.get(path[0], path[1]).definition(path[2])[1]
    return merge((), request.queries(), kind, allowed)


def request_of(client, observation):
    """Return the GET or FETCH by which a server asks for the rest of a notification in blocks."""
    request = Message(_FETCH if observation.parts else _GET)
    for segment in (client.root + text(observation.path)).split("/"):
        if segment:
            request.add(_URI_PATH, segment)
    for number, value in (
        (_CONTENT_FORMAT, observation.form),
        (_ACCEPT, observation.accept),
        (_BLOCK2, observation.block2),
    ):
        if value is not None:
            request.add(number, value)
    return request
