"""Queue Mode (CR 6.1; TS 1.0 8.3): when the client is awake for a server, and when it is not.

The awake time begins anew with the last message sent or received. While it runs the client hears the
server; when it is over the client is asleep, and whatever has to be sent then waits for an Update
that is acknowledged: `registration` sends it, `observe` waits for it.

An account without Queue Mode is awake for as long as it is registered over UDP (CR Table 3, row 1);
over SMS the modem listens for it.
"""

from lwm2m.registration import DISABLED, IDLE, REGISTERED, WAITING


class Awake:
    """The awake times of a client's accounts."""

    def __init__(self, client) -> None:
        self._client = client

    def time_ms(self, account) -> int:
        """Return the awake time of an account, by its setting or its version's rule."""
        if account.awake_time_ms is not None:
            return account.awake_time_ms
        transmission = self._client.route(account)[0].transmission
        if account.version.awake_rule == "ack_timeout":
            return transmission.ack_timeout_ms
        return transmission.max_transmit_wait_ms

    def touch(self, account, now: int) -> None:
        """Note a message sent to the server, or received from it."""
        if account.queue:
            slept = account.awake_until is None
            account.awake_until = now + self.time_ms(account)
            if slept:
                self._client.emit("awake", account)

    def step(self, account, now: int) -> None:
        """End the awake time when it is over."""
        until = account.awake_until
        if until is None or now < until:
            return
        peer = self._client.route(account)[1]
        if account.wanted or account.state not in (REGISTERED, WAITING):
            return
        if self._client.endpoint.busy(peer):
            return  # the outcome of the exchange begins the awake time anew
        account.awake_until = None
        self._client.emit("asleep", account)

    def busy(self, account) -> bool:
        """Whether the client has to stay awake for this account."""
        if account.state in (IDLE, DISABLED):
            return False
        if account.state == WAITING:
            return account.awake_until is not None or bool(account.wanted)
        if account.state != REGISTERED or account.wanted or account.changed:
            return True
        if account.leaving is not None:
            return True
        return account.awake_until is not None if account.queue else account.transport == "U"
