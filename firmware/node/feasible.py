"""What a configuration asks of the modem and of the board, against what they can do.

node/config.py has looked at each key by itself. Here are the refusals of what is right key by key
and could not work in the field: each names the key, the value and what is allowed. Loaded only
where a site has keys of power saving, or a board no pin that wakes it.
"""

from node.config import ConfigError

_AWAKE_S = 160  # awake time by default, at most: MAX_TRANSMIT_WAIT on NB-IoT, 157 s

# GPIO numbers that can end a deep sleep.
_WAKING = {
    "esp32": (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39),
    "esp32s3": tuple(range(22)),
}


def check(site: dict) -> None:
    """Refuse a power saving that the modem has not, or that shuts a server out.

    site: a configuration with a modem that is right but for that. Raises ConfigError.
    """
    modem = site["modem"]
    _radio(site["link"], modem)
    idle = modem.get("idle", "sleep")
    for name in ("psm_tau_s", "psm_active_s"):
        if name in modem and idle != "psm":
            raise ConfigError("modem.%s: not allowed with modem.idle %s; use psm" % (name, idle))
    if idle == "sleep":
        return
    for name in ("edrx_s", "sms_check_s") if idle == "off" else ("sms_check_s",):
        if name in modem:
            raise ConfigError(
                "modem.%s: not allowed with modem.idle %s, where no message arrives" % (name, idle)
            )
    if site["sleep"] == "none":
        raise ConfigError(
            "modem.idle: %s is not allowed with sleep none; use sleep deep, light or idle" % idle
        )
    _waits_for_nothing(site, idle)


def _radio(link, modem):
    """Refuse what this modem, or the radio that it shall use, does not have."""
    gsm = modem["network"] == "gsm"
    for name in ("edrx_s", "release_assistance", "idle"):
        value = modem.get(name)
        if value in (None, False, "sleep", "off"):
            continue
        if link == "sim800":
            raise ConfigError(
                "modem.%s: %s is not allowed with link sim800; use link sim7000 or sim7080"
                % (name, "true" if value is True else value)
            )
        if gsm or name == "release_assistance" and modem["network"] == "cat-m":
            raise ConfigError(
                "modem.%s: %s is not allowed with modem.network %s; use nb-iot%s"
                % (
                    name,
                    "true" if value is True else value,
                    modem["network"],
                    "" if name == "release_assistance" else ", cat-m or lte",
                )
            )


def _waits_for_nothing(site, idle):
    """Refuse servers that want to reach a modem which is out of reach between two reports."""
    bootstrap = site.get("bootstrap")
    if bootstrap and bootstrap["sms_trigger"] is not False:
        raise ConfigError(
            "bootstrap.sms_trigger: use false with modem.idle %s, where no message arrives" % idle
        )
    active_s = site["modem"].get("psm_active_s", _AWAKE_S)
    if idle == "psm" and active_s >= site["modem"].get("psm_tau_s", 86400):
        raise ConfigError(
            "modem.psm_active_s: %d is not allowed; use less than modem.psm_tau_s" % active_s
        )
    for index, server in enumerate(site["servers"]):
        key = "servers[%d]." % index
        if "S" in server["binding"]:
            raise ConfigError(
                "%sbinding: %s is not allowed with modem.idle %s, where no message arrives; use U"
                % (key, server["binding"], idle)
            )
        if server["sms_number"] and server["sms_trigger"]:
            raise ConfigError(
                "%ssms_trigger: true is not allowed with modem.idle %s, where no message arrives; "
                "use false" % (key, idle)
            )
        if not server["queue"]:
            raise ConfigError(
                "%squeue: false is not allowed with modem.idle %s, where no server is heard; "
                "use true" % (key, idle)
            )
        awake_s = server["awake_time_s"] or (15 if site["version"] == "draft" else _AWAKE_S)
        if idle == "psm" and active_s < awake_s:
            raise ConfigError(
                "modem.psm_active_s: %d is not allowed, servers are heard for %d s after a "
                "message; use as many, or a shorter %sawake_time_s" % (active_s, awake_s, key)
            )


def check_board(site: dict, board) -> None:
    """Refuse what this board's wires cannot carry; raises ConfigError.

    board: its module (boards/README.md).
    """
    from node.wiring import check as check_wiring

    check_wiring(site, board)
    if site["link"] == "udp":
        return
    idle = site["modem"].get("idle", "sleep")
    if idle != "sleep" and board.PINS["pwrkey"] is None:
        raise ConfigError(
            "modem.idle: %s is not allowed on this board, whose power key is not wired; use sleep"
            % idle
        )
    waking = _WAKING.get(getattr(board, "CHIP", "esp32"))
    if idle != "sleep" or site["sleep"] != "deep" or waking is None or not _wants_sms(site):
        return
    ri = board.PINS["ri"]
    if ri is not None and ri not in waking:
        raise ConfigError(
            'PINS["ri"] of the board: GPIO %d cannot end a deep sleep; use %s, or sleep light'
            % (ri, spans(waking))
        )
    if ri is not None or board.UART["rx"] in waking:
        return
    # The timer alone is left, and what it wakes for is what is due.
    lifetimes = [server["lifetime_s"] for server in site["servers"]]
    if not site["modem"].get("sms_check_s") and not any(lifetimes) and lifetimes:
        raise ConfigError(
            "modem.sms_check_s: missing; no pin of this board wakes for a message and no timer is "
            "due, use an integer from 60 to 86400, or sleep light"
        )


def _wants_sms(site):
    for server in site["servers"]:
        if server["sms_number"] and (server["sms_trigger"] or "S" in server["binding"]):
            return True
    bootstrap = site.get("bootstrap")
    return bool(bootstrap) and bootstrap["sms_trigger"] is not False


def spans(numbers) -> str:
    """Return numbers as text, those in a row as "12-15"."""
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join([str(low) if low == high else "%d-%d" % (low, high) for low, high in found])
