"""The registration interface: Register, Update and Deregister at /rd (CR 5.2.1; TS Core §6.2).

The handler decides and answers; the server is told by three callbacks, which run once the answer
is on its way, so that a client has its acknowledgement before the first request reaches it
(TS Core 1.0 §5.4: until then it ignores them).
"""

import asyncio
import math
import re
import time
from collections.abc import Callable

from aiocoap import Message

from . import versions, wire
from .links import LinkError, object_list
from .profiles import Profiles
from .refusals import Refusals
from .registry import DEFAULT_LIFETIME_S, Client, Registry
from .versions import QueryError, Version

_MAX_ENDPOINT = 255
_MAX_LIFETIME_S = 0xFFFFFFFF


class Registrations:
    """Handles the requests at /rd.

    default_version: of a client that names none and sends no `q`: "1.0" or "draft". served: the
    names of the versions that are not refused with 4.12. profile_refusal: the code that answers a
    Profile ID that is not known, upon which the client sends its object list.
    registered(client, replaced: Client | None), updated(client, changed: list[str],
    previous_address), deregistered(client): called after the answer is sent.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        registered: Callable,
        updated: Callable,
        deregistered: Callable,
        refusals: Refusals,
        profiles: Profiles,
        default_version: str = "1.0",
        served: tuple[str, ...] = versions.ALL,
        profile_refusal: str = "4.09",
    ):
        self._registry = registry
        self._registered = registered
        self._updated = updated
        self._deregistered = deregistered
        self._refusals = refusals
        self._profiles = profiles
        self._default_version = versions.get(default_version).name
        self._served = tuple(versions.get(name).name for name in served)
        self._profile_refusal = profile_refusal

    def takes(self, request: Message) -> bool:
        """Tell whether the request is a Register or Update, which have an object list."""
        location = "/".join(s for s in request.opt.uri_path[1:] if s)
        if not location:
            return int(request.code) == wire.POST
        known = self._registry.at(location) is not None
        return known and int(request.code) in (wire.POST, wire.PUT)

    def handle(self, request: Message, peer):
        """Answer a request whose path starts with "rd"; returns (reply, after)."""
        path = tuple(s for s in request.opt.uri_path if s)[1:]
        code = int(request.code)
        try:
            if not path:
                if code != wire.POST:
                    return _reply("4.05"), None
                refused, answer = self._refusals.take("register", _queries(request).get("ep", ""))
                return (answer, None) if refused else self._register(request, peer)
            # Some stacks send "rd/x" in one option, and so may get it back in one.
            location = "/".join(path)
            client = self._registry.at(location)
            if client is None:
                return _reply("4.04", "no registration at /rd/%s" % location), None
            what = "deregister" if code == wire.DELETE else "update"
            refused, answer = self._refusals.take(what, client.endpoint)
            if refused:
                return answer, None
            if code in (wire.POST, wire.PUT):  # PUT in the draft.
                return self._update(client, request, peer)
            if code == wire.DELETE:
                self._registry.remove(client)
                return _reply("2.02"), lambda: self._deregistered(client)
            return _reply("4.05"), None
        except QueryError as error:
            return _reply(error.code, str(error)), None
        except LinkError as error:
            return _reply("4.00", str(error)), None

    def _register(self, request: Message, peer):
        queries = _queries(request)
        endpoint = queries.get("ep", "")
        if not endpoint or len(endpoint.encode()) > _MAX_ENDPOINT:
            raise QueryError("ep must be 1 to %d octets" % _MAX_ENDPOINT)
        version = versions.recognise(queries, self._default_version, self._served)
        lifetime_s = _lifetime(queries.get("lt"), DEFAULT_LIFETIME_S, version)
        sms_number = _number(queries.get("sms"))
        binding, queue_mode = _modes(version, queries, sms_number)
        listed, profile = self._listed(request, version, queries)
        if self._registry.full_for(endpoint):
            refusal = _reply("5.03", "no room for another client")
            refusal.opt.max_age = 60
            return refusal, None
        client = Client(
            endpoint=endpoint,
            location=self._registry.new_location(),
            version=version,
            lifetime_s=lifetime_s,
            binding=binding,
            queue_mode=queue_mode,
            sms_number=sms_number or (peer if isinstance(peer, str) else None),
            listed=listed,
            peer=peer,
            address=None if isinstance(peer, str) else peer,
            profile=profile,
        )
        client.expires_at = _end(lifetime_s)
        replaced = self._registry.add(client)
        reply = _reply("2.01")
        reply.opt.location_path = ("rd", client.location)
        return reply, lambda: self._registered(client, replaced)

    def _update(self, client: Client, request: Message, peer):
        queries = _queries(request)
        lifetime_s = _lifetime(queries.get("lt"), client.lifetime_s, client.version)
        sms_number = _number(queries.get("sms")) or client.sms_number
        binding, queue_mode = client.binding, client.queue_mode
        if {"b", "q", "Q", "sms"} & set(queries):
            asked = dict(queries)
            # An Update holds only what changed: what it leaves out stays (TS Core §6.2.2).
            if client.version.name == "draft" and client.queue_mode:
                asked.setdefault("q", "")
            elif "b" not in asked:
                asked["b"] = client.binding
            if client.version.queue_query == "Q" and client.queue_mode:
                asked.setdefault("Q", "")
            binding, queue_mode = _modes(client.version, asked, sms_number)
        listed, profile = client.listed, client.profile
        if request.payload or "pid" in queries:
            listed, profile = self._listed(request, client.version, queries)

        before = client.facts()
        previous_address = client.address
        client.lifetime_s, client.sms_number = lifetime_s, sms_number
        client.binding, client.queue_mode, client.listed = binding, queue_mode, listed
        client.peer, client.profile = peer, profile
        if not isinstance(peer, str):
            client.address = peer
        client.expires_at = _end(lifetime_s)
        client.updated_at = time.time()
        after = client.facts()
        changed = [name for name in after if after[name] != before[name]]
        return _reply("2.04"), lambda: self._updated(client, changed, previous_address)

    def _listed(self, request: Message, version: Version, queries: dict[str, str]):
        """Return the object list of a Register or Update, and the Profile ID that stands for it.

        Raises LinkError, or QueryError for a Profile ID that is not known.
        """
        name = queries.get("pid") if version.profiles else None
        if request.payload or name is None:
            _check_content_format(request)
            listed = object_list(request.payload)
            if version.profiles:
                self._profiles.learn(request.payload, listed)
            return listed, name
        payload = self._profiles.find(name)
        if payload is None:
            raise QueryError(
                "profile %s is not known: list the objects" % name, self._profile_refusal
            )
        return object_list(payload), name


def _reply(code: str, text: str = "") -> Message:
    """Build a reply; an error carries its reason as a diagnostic payload (RFC 7252 §5.5.2)."""
    return wire.message(wire.code_of(code), payload=text.encode())


def _queries(request: Message) -> dict[str, str]:
    """Return the queries by name; raises QueryError when one is repeated."""
    queries: dict[str, str] = {}
    for query in request.opt.uri_query:
        name, _, value = query.partition("=")
        if name in queries:
            raise QueryError("query %s is repeated" % name)
        queries[name] = value
    return queries


def _lifetime(text: str | None, default: int, version: Version) -> int:
    if text is None:
        return default
    least = 0 if version.endless else 1
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= _MAX_LIFETIME_S:
        raise QueryError("lt=%s is not a lifetime: %d to %d s" % (text, least, _MAX_LIFETIME_S))
    return int(text)


def _end(lifetime_s: int) -> float:
    """Return the loop time at which a lifetime that begins at present ends; 0 never does."""
    return asyncio.get_running_loop().time() + lifetime_s if lifetime_s else math.inf


def _number(text: str | None) -> str | None:
    """Return the digits of an MSISDN; the `+` that 1.1 leaves out is tolerated."""
    if text is None:
        return None
    if not re.fullmatch(r"\+?[0-9]{3,20}", text):
        raise QueryError("sms=%s is not a number: digits only" % text)
    return text.lstrip("+")


def _modes(version: Version, queries: dict[str, str], sms_number: str | None) -> tuple[str, bool]:
    """Return (binding, queue mode) by the version's own queries (CR Table 2, Table 3)."""
    if version.name == "draft":
        queue_mode = "q" in queries
        if "b" not in queries:
            binding = "U" + ("Q" if queue_mode else "") + ("S" if sms_number else "")
            return binding, queue_mode
        queue_mode = queue_mode or "Q" in queries["b"]
    elif version.queue_query:
        queue_mode = version.queue_query in queries
    else:
        queue_mode = "Q" in queries.get("b", "")
    binding = queries.get("b", "U")
    if not re.fullmatch(version.bindings, binding):
        raise QueryError("b=%s is not a binding of version %s" % (binding, version.name))
    return binding, queue_mode


def _check_content_format(request: Message) -> None:
    if wire.content_format_of(request) not in (None, wire.LINK_FORMAT):
        raise QueryError("the object list must be application/link-format (40)")
