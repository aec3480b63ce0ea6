"""Sends the Registration Update Trigger and awaits its reply where the version asks for one."""

import asyncio
from collections.abc import Callable

from . import trigger, wire
from .endpoint import Endpoint, Exchange, RequestFailed
from .registry import Client
from .sms import SmsLink, digits


def reply_expected(client: Client) -> bool:
    """Tell whether the client answers an Execute over SMS by SMS.

    It does with an SMS binding of the draft (CR Table 3) or of 1.0 (Table 8); from 1.1 on only
    when SMS is its one transport (TS Transport §6.6).
    """
    return client.sms_only or (client.version.answers_trigger_by_sms and client.sms_enabled)


class TriggerSender:
    """Builds a client's trigger, sends it and reports it by events."""

    def __init__(self, endpoint: Endpoint, sms: SmsLink, emit: Callable[[str, dict], None]):
        self._endpoint = endpoint
        self._sms = sms
        self._emit = emit
        self._tasks: set[asyncio.Task] = set()

    async def send(
        self,
        client: Client,
        *,
        confirmable: bool,
        form: str,
        dcs: int | None,
        instance: int | None,
        argument: str,
        number: str | None,
    ) -> trigger.TriggerSms:
        """Send the trigger; see LwM2mServer.trigger."""
        to = digits(number or client.sms_number or "")
        if not to:
            raise ValueError("%s registered no SMS number; give one" % client.endpoint)
        message = trigger.build_message(
            client.version.name,
            instance=client.server_instance if instance is None else instance,
            confirmable=confirmable,
            root=client.listed.root,
            argument=argument,
            token=self._endpoint.new_token(),
            message_id=self._endpoint.next_message_id(),
        )
        sms = trigger.wrap(to, wire.encode(message), form, dcs)
        exchange = None
        if reply_expected(client):
            # Entered before it is sent, as a virtual network may answer within the call.
            exchange = self._endpoint.expect(message, to)
            self._watch(client.endpoint, to, exchange)
        try:
            await self._sms.send(to, sms.user_data, sms.dcs, sms.udh)
        except OSError as error:
            if exchange is not None:
                self._endpoint.abandon(exchange, "send_failed")
            raise RequestFailed("send_failed", "SMS to %s: %s" % (to, error)) from error
        facts = {
            "endpoint": client.endpoint,
            "number": to,
            "form": form,
            "path": "/" + "/".join(message.opt.uri_path),
            "confirmable": confirmable,
            "reply_expected": exchange is not None,
            "dcs": sms.dcs,
            "udh": sms.udh.hex(),
            "user_data": sms.user_data.hex(),
        }
        self._emit("trigger_sent", facts)
        return sms

    def close(self) -> None:
        """Stop awaiting replies."""
        for task in self._tasks:
            task.cancel()

    def _watch(self, endpoint: str, number: str, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._reply(endpoint, number, exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, endpoint: str, number: str, exchange: Exchange) -> None:
        facts = {"endpoint": endpoint, "number": number}
        try:
            response = await exchange.future
        except RequestFailed as error:
            self._emit("trigger_unanswered", {**facts, "reason": error.reason})
            return
        self._emit("trigger_reply", {**facts, "code": wire.dotted(int(response.code))})
