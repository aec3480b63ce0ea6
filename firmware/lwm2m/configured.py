"""Servers that a configuration names: their instances of Objects 1 and 0, and the account.

Needed when a client is made, and not afterwards.
"""

from lwm2m import versions
from lwm2m.account import ServerAccount
from lwm2m.objects.server import Server
from lwm2m.server_uri import digits, parse_uri


def add_server(
    client,
    uri: str,
    short_server_id: int = 1,
    version: str = "1.1",
    lifetime_s: "int | None" = 86_400,
    binding: str = "U",
    queue: bool = True,
    sms_number: "str | None" = None,
    sms_trigger: bool = True,
    awake_time_ms: "int | None" = None,
    after_sleep: str = "update",
    triggers_per_hour: int = 10,
    uri_host: bool = False,
    **settings,
) -> ServerAccount:
    """Add a server to a client, with its Objects 1 and, after the draft, 0; return the account.

    binding: transports, preferred first ("U", "S", "US", "SU"); queue: Queue Mode. lifetime_s
    None: the resource does not exist. sms_number: the server's, from which SMS are taken.
    sms_trigger: the initial value of the Trigger resource of 1.1. settings: further resources of
    Object 1 by role (storing, pmin, priority, retry_count, mute_send ...). The rest as in
    ServerAccount. Raises ValueError for an unknown version, binding, role or a malformed URI.
    """
    enabler = versions.get(version)
    number = digits(sms_number)
    host, port, rest = parse_uri(uri)
    peers: dict = {"U": (host, port)}
    if number:
        peers["S"] = number
    roles = enabler.server_resources
    if "uri" in roles:
        settings["uri"] = uri
    if "sms_trigger" in roles:
        settings["sms_trigger"] = sms_trigger
    settings.setdefault("storing", True)
    server = Server(
        enabler,
        short_server_id=short_server_id,
        lifetime=lifetime_s,
        binding=enabler.format_binding(binding, queue),
        **settings,
    )
    security = None
    if "uri" not in roles:
        from lwm2m.objects.security import Security

        security = client.tree.add(Security(uri, short_server_id, sms_number=number))
    client.tree.add(server)
    return client.adopt(
        server,
        security,
        peers,
        rest,
        uri_host,
        queue,
        awake_time_ms,
        after_sleep,
        triggers_per_hour,
    )
