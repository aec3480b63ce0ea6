"""aiocoap as client, as server and as reverse proxy of the plugtests (see sides.py)."""

import asyncio
import threading

import aiocoap
import aiocoap.resource
from aiocoap.numbers.constants import TransportTuning

from host_tests.interop.firmware import free_port
from host_tests.interop.sides import CON, DEADLINE_S, HOST, Answer

_ACK_TIMEOUT_S = 0.2
_SEPARATE_S = 0.3


class Loop:
    """An asyncio loop in a thread, for aiocoap."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine):
        within = asyncio.wait_for(coroutine, DEADLINE_S)
        return asyncio.run_coroutine_threadsafe(within, self.loop).result()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class _Patient(TransportTuning):
    ACK_TIMEOUT = _ACK_TIMEOUT_S


class _Reliable(_Patient):
    reliability = True


class _Unreliable(_Patient):
    reliability = False


class AiocoapClient:
    """aiocoap as a client."""

    def __init__(self, loop):
        self._loop = loop
        self._context = self._loop.run(aiocoap.Context.create_client_context())

    def ask(self, port, code, path, type=CON, queries=(), options=(), payload=b""):
        message = aiocoap.Message(
            code=code,
            uri=f"coap://{HOST}:{port}/{path}",
            payload=payload,
            transport_tuning=_Reliable() if type == CON else _Unreliable(),
        )
        message.opt.uri_query = queries
        for number, value in options:
            message.opt.add_option(
                aiocoap.numbers.OptionNumber(number).create_option(decode=value)
            )
        return self._loop.run(self._ask(message))

    async def _ask(self, message):
        try:
            response = await self._context.request(message).response
        except aiocoap.error.Error as error:
            return Answer(reason=repr(error))
        return Answer(response.code, response.payload)

    def empty_token(self):
        """Have the next request carry the token of no bytes, which aiocoap's count comes by."""
        for interface in self._context.request_interfaces:
            interface._token = -1

    def another(self):
        return self

    def close(self):
        self._loop.run(self._context.shutdown())


class AiocoapServer:
    """aiocoap as a server."""

    states_format = True

    def __init__(self, loop):
        self.port = free_port()
        self._loop = loop
        self._context = self._loop.run(self._start())

    async def _start(self):
        return await aiocoap.Context.create_server_context(_site(), bind=(HOST, self.port))

    def close(self):
        self._loop.run(self._context.shutdown())


class AiocoapProxy(AiocoapServer):
    """aiocoap as a reverse proxy in front of the server at a port."""

    def __init__(self, loop, port):
        self._target = port
        super().__init__(loop)

    async def _start(self):
        from aiocoap.proxy.server import Proxy, UnconditionalRedirector

        context = await aiocoap.Context.create_server_context(None, bind=(HOST, self.port))
        context.serversite = Proxy(context)
        context.serversite.add_redirector(UnconditionalRedirector(f"{HOST}:{self._target}"))
        return context


class _Resource(aiocoap.resource.Resource):
    """A resource made of functions: method="name of a code" -> Message."""

    def __init__(self, attributes=(), **methods):
        super().__init__()
        self._attributes = dict(attributes)
        for method, function in methods.items():
            setattr(self, f"render_{method}", self._wrapped(function))

    @staticmethod
    def _wrapped(function):
        async def render(request):
            response = function(request)
            if asyncio.iscoroutine(response):
                response = await response
            response.transport_tuning = _Patient()
            return response

        return render

    def get_link_description(self):
        return self._attributes


def _text(payload, content_format=0):
    return aiocoap.Message(code=aiocoap.CONTENT, payload=payload, content_format=content_format)


class _Kept:
    """The resource /test."""

    def __init__(self):
        self._value = b"test"

    def get(self, request):
        return _text(self._value)

    def put(self, request):
        self._value = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class _Validated:
    """The resource /validate."""

    def __init__(self):
        self._value = b"value 0"
        self._versions = 1

    def get(self, request):
        etag = b"v%d" % self._versions
        if etag in request.opt.etags:
            return aiocoap.Message(code=aiocoap.VALID, etag=etag)
        response = _text(self._value)
        response.opt.etag = etag
        return response

    def put(self, request):
        wanted = request.opt.if_match
        if wanted and b"v%d" % self._versions not in wanted:
            return aiocoap.Message(code=aiocoap.PRECONDITION_FAILED)
        self._value = request.payload
        self._versions += 1
        return aiocoap.Message(code=aiocoap.CHANGED)


class _Created:
    """The resource /create1."""

    def __init__(self):
        self._exists = False

    def put(self, request):
        if self._exists and request.opt.if_none_match:
            return aiocoap.Message(code=aiocoap.PRECONDITION_FAILED)
        code = aiocoap.CHANGED if self._exists else aiocoap.CREATED
        self._exists = True
        return aiocoap.Message(code=code)

    def delete(self, request):
        self._exists = False
        return aiocoap.Message(code=aiocoap.DELETED)


def _site():
    async def separate(request):
        await asyncio.sleep(_SEPARATE_S)
        return _text(b"separate")

    def multi_format(request):
        wanted = int(request.opt.accept or 0)
        if wanted not in (0, 41):
            return aiocoap.Message(code=aiocoap.NOT_ACCEPTABLE)
        return _text(b"<text/>" if wanted else b"text", wanted)

    def posted(**locations):
        return lambda request: aiocoap.Message(code=aiocoap.CREATED, **locations)

    def named(path):
        return _Resource(get=lambda request: _text(b"/" + path.encode()))

    kept, validated, created = _Kept(), _Validated(), _Created()
    site = aiocoap.resource.Site()
    for path, resource in (
        (
            "test",
            _Resource(
                {"rt": "Type1 Type2", "if": "If1"},
                get=kept.get,
                put=kept.put,
                post=posted(location_path=("location1", "location2", "location3")),
                delete=lambda request: aiocoap.Message(code=aiocoap.DELETED),
            ),
        ),
        ("alternate", _Resource({"rel": "alternate"}, get=kept.get)),
        ("seg1/seg2/seg3", named("seg1/seg2/seg3")),
        (
            "query",
            _Resource(
                {"rt": "Type1 Type3", "if": "foo"},
                get=lambda request: _text("&".join(request.opt.uri_query).encode()),
            ),
        ),
        ("separate", _Resource({"rt": ""}, get=separate)),
        ("location-query", _Resource(post=posted(location_query=("first=1", "second=2")))),
        ("multi-format", _Resource(get=multi_format)),
        (
            "validate",
            _Resource(
                {"rt": "Type2 Type3", "if": "If2", "sz": "10"},
                get=validated.get,
                put=validated.put,
            ),
        ),
        ("create1", _Resource(put=created.put, delete=created.delete)),
        ("link1", named("link1")),
        ("link2", named("link2")),
        ("link3", named("link3")),
        ("path", _Resource({"ct": "40"}, get=lambda request: _text(b"</path/sub1>", 40))),
        ("path/sub1", named("path/sub1")),
    ):
        site.add_resource(path.split("/"), resource)
    core = aiocoap.resource.WKCResource(site.get_resources_as_linkheader, impl_info=None)
    site.add_resource((".well-known", "core"), core)
    return site
