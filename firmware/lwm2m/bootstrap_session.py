"""One bootstrap (TS 1.1 Core §6.1): the request, what the bootstrap server then does, the Finish.

The functions belong to lwm2m.bootstrap.Bootstrap and are apart from it, because a client needs
them for seconds in years.
"""

from coap.message import Message, dotted
from micropython import const

from lwm2m import bootstrap_operations as operations
from lwm2m.account import address
from lwm2m.codec import CodecError
from lwm2m.object import OperationError
from lwm2m.provision import Configuration
from lwm2m.registration import max_age_s
from lwm2m.server_uri import parse_uri

_IDLE = const(0)
_REQUESTING = const(2)
_SESSION = const(3)

_GET = const(1)
_POST = const(2)
_PUT = const(3)
_DELETE = const(4)
_DELETED = const(0x42)
_CHANGED = const(0x44)
_CONTENT = const(0x45)
_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)
_METHOD_NOT_ALLOWED = const(0x85)
_NOT_ACCEPTABLE = const(0x86)
_UNSUPPORTED_CONTENT_FORMAT = const(0x8F)
_INTERNAL_SERVER_ERROR = const(0xA0)
_SERVICE_UNAVAILABLE = const(0xA3)

_CONTENT_FORMAT = const(12)
_URI_QUERY = const(15)
_ACCEPT = const(17)
_LINK_FORMAT = const(40)

_URI = const(0)  # of Security
_EXCHANGE_LIFETIME_MS = const(247_000)  # RFC 7252 §4.8.2
_FACTORY_EVERY = const(8)
_LONGEST_SESSION_MS = const(3_600_000)
_STORE_AGAIN_MS = const(3_600_000)

_METHODS = " GET POST PUT DELETE".split(" ")


def ask(boot, now: int) -> None:
    """Send Bootstrap-Request or Bootstrap-Pack-Request (§6.1.7.1; TS 1.2 Core §6.1.7.7)."""
    client = boot.client
    link = client.links.get("U")
    boot.attempt += 1
    boot.end(_REQUESTING, None)
    client.emit("bootstrapping", reason=boot.reason, attempt=boot.failures + 1)
    if link is None:
        boot.failed("no_link", now)
        return
    request = Message(_GET if boot.pack else _POST)
    add = request.add
    uri = boot.security.values[_URI]
    if boot.failures % _FACTORY_EVERY == _FACTORY_EVERY - 1:
        uri = boot.settings.get("factory") or uri
    host, port, rest = parse_uri(uri)
    boot.peer = (host, port)
    add(_URI_QUERY, "ep=" + client.endpoint_name)
    host = host if boot.settings.get("uri_host") else ""
    address(request, host, rest, "bspack" if boot.pack else "bs")
    if boot.pack:
        add(_ACCEPT, boot.version.structured_format)
    elif boot.format_query:
        add(_URI_QUERY, "pct=%d" % boot.version.structured_format)
    attempt = boot.attempt

    def on_response(response, reason, now):
        if boot.attempt == attempt and boot.active:
            _answered(boot, response, reason, now)

    client.endpoint.request(request, boot.peer, link, now, on_response)


def handle(boot, request, path: "tuple | None", now: int):
    """Serve a request of the bootstrap server and return the response; see Bootstrap.handle."""
    _open(boot, now)
    try:
        response = _serve(boot, request, path, now)
    except OperationError as error:
        response = request.reply(error.code)
    except CodecError as error:
        response = request.reply(_BAD_REQUEST, str(error).encode())
    except MemoryError:
        response = request.reply(_INTERNAL_SERVER_ERROR)
    boot.client.emit(
        "bootstrap_request",
        method=_METHODS[request.code] if request.code < 5 else str(request.code),
        path="/" + "/".join(request.path()),
        code=dotted(response.code),
    )
    return response


def purge(boot, now: int) -> None:
    """End the bootstrap server's account (§6.1.3.3, clean-up)."""
    boot.purge_at = None
    if boot.security is None:
        return
    iid = boot.security.instance_id
    configuration = Configuration(boot.client, boot.version, boot.touched)
    del configuration.accounts[0][iid]
    try:
        _keep(boot, configuration)
    except OperationError:
        boot.purge_at = now + _STORE_AGAIN_MS
        return
    boot.client.tree.remove(0, iid)
    boot.end(_IDLE, None)
    boot.find()
    boot.client.emit("bootstrap_account_purged")


def _open(boot, now):
    """Go on with the session, or begin it with the configuration as it is."""
    if boot.configuration is None:
        boot.configuration = Configuration(boot.client, boot.version, boot.touched)
        boot.configuration.until = now + _LONGEST_SESSION_MS
    boot.state = _SESSION
    # One that goes on for ever would keep the client from its servers, and awake.
    boot.due = min(now + _EXCHANGE_LIFETIME_MS, boot.configuration.until)


def _serve(boot, request, path, now):
    if path is None:
        if request.path() != ["bs"]:
            raise OperationError(_NOT_FOUND)
        if request.code != _POST:
            raise OperationError(_METHOD_NOT_ALLOWED)
        _finish(boot, now)
        return request.reply(_CHANGED)
    configuration = boot.configuration
    if request.code == _GET:
        accept = request.get_uint(_ACCEPT)
        if accept == _LINK_FORMAT:
            links = operations.discover(configuration, path)
            return request.reply(_CONTENT, links, _LINK_FORMAT)
        content_format, payload = operations.read(configuration, path, accept)
        return request.reply(_CONTENT, payload, content_format)
    if request.code == _DELETE:
        operations.delete(configuration, path)
        return request.reply(_DELETED)
    if request.code != _PUT or not path or request.queries():
        raise OperationError(_METHOD_NOT_ALLOWED)
    operations.write(configuration, path, request.get_uint(_CONTENT_FORMAT), request.payload)
    return request.reply(_CHANGED)


def _finish(boot, now):
    """Become what was written (§6.1.7.2); OperationError 4.06 where that cannot work.

    The session goes on then, so that the bootstrap server may correct it.
    """
    client = boot.client
    configuration = boot.configuration
    reason = configuration.check()
    if reason:
        client.emit("bootstrap_refused", reason=reason)
        raise OperationError(_NOT_ACCEPTABLE)
    _keep(boot, configuration)
    try:
        configuration.apply(client, boot.settings)
        boot.touched = configuration.apply_others(client)
    except MemoryError:
        # Half of it would be no client at all; the next start has all the memory, and the record.
        raise RuntimeError("no memory for the accounts of the bootstrap")
    boot.end(_IDLE, None)
    boot.failures = 0
    boot.find()
    boot.arm(now)
    seconds = client.epoch() if client.epoch else None
    for account in client.accounts:
        if seconds is not None and "last_bootstrapped" in account.version.server_resources:
            account.server.put("last_bootstrapped", seconds)
    servers = [account.short_server_id for account in client.accounts]
    client.emit("bootstrapped", servers=servers)
    client.start(now)


def _keep(boot, configuration):
    """Store a configuration; OperationError 5.00 where that is not possible."""
    if boot.store:
        try:
            boot.store(configuration.freeze())
        except (OSError, ValueError) as error:
            boot.client.emit("error", reason="the account is not stored: %s" % error)
            raise OperationError(_INTERNAL_SERVER_ERROR)


def _answered(boot, response, reason, now):
    """Act on the outcome of the request; once the bootstrap server speaks it tells nothing."""
    if boot.state == _SESSION:
        return
    code = response.code if response else 0
    if boot.pack and code == _CONTENT:
        _unpack(boot, response, now)
    elif not boot.pack and code == _CHANGED:
        _open(boot, now)
    elif boot.pack and code >> 5 == 4:
        boot.pack = False  # a server without Pack; it is asked the other way
        ask(boot, now)
    elif boot.format_query and code == _UNSUPPORTED_CONTENT_FORMAT:
        boot.format_query = False
        ask(boot, now)
    else:
        wait_s = max_age_s(response) if code == _SERVICE_UNAVAILABLE else 0
        boot.failed(dotted(code) if code else reason, now, wait_s)


def _unpack(boot, response, now):
    """Write what a Pack holds and finish."""
    _open(boot, now)
    try:
        content_format = response.get_uint(_CONTENT_FORMAT, boot.version.structured_format)
        operations.write(boot.configuration, (), content_format, response.payload)
        _finish(boot, now)
    except (OperationError, CodecError) as error:
        code = error.code if isinstance(error, OperationError) else _BAD_REQUEST
        boot.pack = False  # the same would come again
        boot.failed("pack: " + dotted(code), now)
