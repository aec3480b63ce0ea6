"""The Send operation: what clients report on their own to /dp (TS Core 1.1 §6.4.6)."""

from collections.abc import Callable

from aiocoap import Message

from . import wire
from .model import Model
from .operations import decode_payload
from .refusals import Refusals
from .registry import Registry


class Sends:
    """Takes Sends from registered clients and tells them as events by emit(name, facts)."""

    def __init__(
        self,
        registry: Registry,
        model: Model,
        emit: Callable[[str, dict], None],
        refusals: Refusals,
    ):
        self._registry = registry
        self._model = model
        self._emit = emit
        self._refusals = refusals

    def takes(self, request: Message, peer) -> bool:
        """Tell whether the request is a Send that will be taken."""
        return int(request.code) == wire.POST and bool(self._registry.by_peer(peer))

    def handle(self, request: Message, peer) -> Message | None:
        """Answer a request to /dp; None is silence."""
        if int(request.code) != wire.POST:
            return wire.message(wire.code_of("4.05"))
        known = self._registry.by_peer(peer)
        if not known:
            return wire.message(wire.code_of("4.04"))
        refused, answer = self._refusals.take("send", known[0].endpoint)
        if refused:
            return answer
        decoded = decode_payload(request, (), known[0], self._model)
        facts = {"endpoint": known[0].endpoint, **decoded.facts()}
        facts["content_format"] = wire.content_format_of(request)
        self._emit("send", facts)
        return wire.message(wire.code_of("4.00" if decoded.error else "2.04"))
