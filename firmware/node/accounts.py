"""The accounts of a board that has a bootstrap server.

They are those of the last bootstrap, from its record on flash; before the first one, and after a
factory reset, those of the site configuration (TS 1.1 Core §6.1.3.1, factory bootstrap). The
record begins with a mark of the servers that the configuration names, so that a board which is to
have others begins anew.
"""

import binascii
import json

from lwm2m import versions
from lwm2m.bootstrap import Bootstrap

from node.lean import forget
from node.objects import add_server
from node.storage import Store

_RECORD = "account"  # on the board's file system
_WRITTEN = "written"
_MARK_BYTES = 4
# What the configuration says of the bootstrap server's account.
_ACCOUNT = ("uri", "hold_off_s", "account_timeout_s")
# What the client takes over from the configuration for each account of a bootstrap.
_SETTINGS = "uri_host queue after_sleep triggers_per_hour sms_trigger mute_send".split(" ")


def add_accounts(node) -> None:
    """Give the node's client its accounts and its bootstrap server; `settle` follows."""
    client = node.client
    site = node.site
    wanted = site["bootstrap"]
    version = versions.get(site["version"])
    settings = {key: wanted[key] for key in _SETTINGS}
    settings["profile"] = wanted.get("profile_id")
    settings["factory"] = wanted["uri"]
    for key in ("awake_time_s", "nat_s"):
        if wanted.get(key) is not None:
            settings[key[:-1] + "ms"] = wanted[key] * 1000
    configuration = _provided(node, version)
    if configuration:
        configuration.apply(client, settings)
    else:
        from lwm2m.objects.security import Security

        node.tree.add(
            Security(
                wanted["uri"],
                bootstrap=True,
                hold_off_s=wanted["hold_off_s"],
                timeout_s=wanted["account_timeout_s"],
            )
        )
        for server in site["servers"]:
            add_server(client, site["version"], server)
    client.bootstrap = Bootstrap(client, version, settings, node.keep_account, wanted["pack"])
    client.bootstrap.provided = configuration


def settle(node, facts: "list | None") -> None:
    """Write what a bootstrap wrote to Objects of the node's, once the application added its own.

    facts: what Bootstrap.freeze returned before a deep sleep, or None.
    """
    bootstrap = node.client.bootstrap
    if bootstrap.provided:
        bootstrap.touched = bootstrap.provided.apply_others(node.client)
        bootstrap.provided = None
    if facts:
        bootstrap.thaw(facts)
    forget("lwm2m.provision", "node.storage", "node.accounts")


def _provided(node, version):
    """Return the Configuration of the last bootstrap, None where there is no use of one."""
    record = None if node.bare else Store(_RECORD).load()
    if record is None or record[:_MARK_BYTES] != _mark(node.site):
        return None
    from lwm2m.provision import Configuration

    configuration = Configuration(node.client, version)
    if configuration.thaw(record[_MARK_BYTES:]):
        return configuration
    node.log.event("error", {"reason": "the account on flash is unusable"})
    return None


def keep(site: dict, record: bytes) -> None:
    """Store the record of a bootstrap; OSError, ValueError where that is not possible.

    Also where it is what the one before provided: by its generation what servers have written
    since to the same Objects is over (node/written.py).
    """
    Store(_RECORD).save(_mark(site) + record, Store(_WRITTEN).load() is not None)
    forget(
        "lwm2m.provision",
        "lwm2m.bootstrap_operations",
        "lwm2m.bootstrap_session",
        "node.storage",
        "node.accounts",
    )


def _mark(site):
    # Of certain keys, so that a firmware which knows more of them does not begin anew.
    told = [site["version"]] + [site["bootstrap"][key] for key in _ACCOUNT]
    told += [(each["short_server_id"], each["uri"]) for each in site["servers"]]
    return binascii.crc32(json.dumps(told).encode()).to_bytes(_MARK_BYTES, "big")
