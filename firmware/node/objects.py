"""The client of a node, the objects that every node has, and those that its site lists."""

from lwm2m import versions
from lwm2m.client import Client
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.device import Device

from node import hw

FIRMWARE_VERSION = "0.1.0"


def make_client(node, endpoint: str) -> None:
    """Make the node's client, with its links, its servers and the node's own objects."""
    site = node.site
    client = node.client = Client(
        endpoint,
        node.tree,
        hw.random_bits,
        on_event=node.log.event,
        root_path=site["root_path"],
        sms_number=site["sms_number"],
        stored_bytes=site["stored_bytes"],
        epoch=hw.epoch_s,
    )
    client.requests.on_failure = node.failed
    client.endpoint.thaw(node.counters)
    for link in node.bearer.links:
        client.attach(link)
        link.on_idle = node.stir  # sleep may wait for nothing else
    if "bootstrap" in site:
        from node.accounts import add_accounts

        add_accounts(node)
    else:
        for server in site["servers"]:
            add_server(client, site["version"], server)
    add_all(node)


def add_server(client, version: str, server: dict) -> None:
    """Make an account of one entry of the configuration's `servers` (node/config.py)."""
    awake_s = server["awake_time_s"]
    settings = {}
    if "mute_send" in versions.get(version).server_resources:
        settings["mute_send"] = server["mute_send"]
    for key in (
        "priority",
        "registration_delay_s",
        "failure_block",
        "bootstrap_on_failure",
        "retry_count",
        "retry_timer_s",
        "sequence_delay_s",
        "sequence_retries",
    ):
        if key in server:
            settings[key[:-2] if key[-2:] == "_s" else key] = server[key]
    account = client.add_server(
        server["uri"],
        server["short_server_id"],
        version,
        lifetime_s=server["lifetime_s"],
        binding=server["binding"],
        queue=server["queue"],
        sms_number=server["sms_number"],
        sms_trigger=server["sms_trigger"],
        awake_time_ms=None if awake_s is None else awake_s * 1000,
        after_sleep=server["after_sleep"],
        triggers_per_hour=server["triggers_per_hour"],
        uri_host=server["uri_host"],
        **settings,
    )
    account.profile = server.get("profile_id")
    if "nat_s" in server:
        account.nat_ms = server["nat_s"] * 1000


def add_all(node) -> None:
    """Add Device, Connectivity Monitoring where there is a modem, and the configured objects."""
    site = node.site
    info = node.bearer.info
    cellular = site["link"] != "udp"
    node.add(
        Device(
            manufacturer="Nudge",
            model="Nudge " + (site["link"] if cellular else "UDP"),
            serial=info.get("imei") or site["endpoint"],
            firmware=FIRMWARE_VERSION,
            binding=site["servers"][0]["binding"] if site["servers"] else "U",
            epoch=hw.epoch_s,
            memory_free=hw.memory_free,
            reboot=node.reboot,
            factory_reset=node.factory_reset,
            on_reset=node.forget_trace,
            flash_writes=node.flash_writes,
        )
    )
    if cellular:
        node.add(ConnectivityMonitoring(node.bearer.connection))
    for entry in site["objects"]:
        _add_configured(node, entry)


def _add_configured(node, entry):
    from lwm2m.objects import ipso

    number = entry["object"]
    kind = ipso.Temperature if number == 3303 else node.tree.object_class(number)
    kind = kind or ipso.define(number)
    if "pin" in entry:
        from node.wired import add

        add(node, kind, entry)
        return
    sensor = node.add(kind(units=entry["units"]), entry["instance"])
    sensor.set(5700, entry["value"])
