"""The objects that every node has, and those that the site configuration lists."""

from lwm2m import versions
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.device import Device
from micropython import const

from node import hw

FIRMWARE_VERSION = "0.1.0"
_INTERNAL_BATTERY = const(1)


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
            factory_reset=node.factory_reset if node.client.bootstrap else None,
        )
    )
    if cellular:
        node.add(ConnectivityMonitoring(node.bearer.connection))
    for entry in site["objects"]:
        _add_configured(node, entry)


def show_battery(node) -> None:
    """Set Device's battery resources (6, 7, 9) to what the modem measured, if it did."""
    device = node.tree.get(3, 0)
    info = node.bearer.info
    if "battery_mv" in info:
        device.set(6, {0: _INTERNAL_BATTERY})
        device.set(7, {0: info["battery_mv"]})
        device.set(9, info["battery_percent"])


def _add_configured(node, entry):
    from lwm2m.objects import ipso

    number = entry["object"]
    kind = ipso.Temperature if number == 3303 else node.tree.object_class(number)
    kind = kind or ipso.define(number)
    sensor = node.add(kind(units=entry["units"]), entry["instance"])
    sensor.set(5700, entry["value"])
