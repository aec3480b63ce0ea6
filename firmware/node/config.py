"""The site configuration: what one board is told about its servers, SIM and objects.

It is a JSON object, site.json on the board's file system. `check` fills in the defaults and
refuses whatever cannot work with one line that names the key, the value and what is allowed.
"""

import json


class ConfigError(Exception):
    """A configuration that cannot work; the text names the key, the value and what is allowed."""


# A row a key: (name, kind, default, allowed). Kinds: "str", "int", "bool", "number", "phone",
# "uri", "path", "object", "lifetime" (null: the resource does not exist), "list", "dict". A
# default of NEEDED must be given; None may stay unset. Allowed: a tuple of values, or for a number
# its (least, most), or for a string its most characters. A default of LEFT_OUT: the key is not
# there where it is not given, to spend no memory on what hardly a site has.
NEEDED = "…"
LEFT_OUT = "-"

SITE = (
    ("endpoint", "str", None, 64),  # Endpoint Client Name; unset: urn:imei: and the IMEI
    ("version", "str", "1.1", ("draft", "1.0", "1.1", "1.2")),  # of the LwM2M enabler
    ("link", "str", "sim7000", ("udp", "sim800", "sim7000", "sim7080")),  # the modem; udp: none
    ("local_port", "int", 0, (0, 65535)),  # without a modem; 0: any
    ("mtu", "int", 1024, (128, 1400)),  # blocks: 1152 gives 1024 bytes, 1024 and 576 give 512
    ("sms_number", "phone", None, None),
    ("root_path", "path", "", 32),  # alternate path, before those of Objects
    ("sleep", "str", "deep", ("deep", "light", "idle", "none")),  # as deep as pays, at most this
    ("watchdog_s", "int", 120, (0, 86400)),  # without progress, then the chip is reset; 0: never
    ("outlive_power", "bool", LEFT_OUT, None),  # before each deep sleep the record goes to flash
    ("stored_bytes", "int", 2048, (0, 16384)),  # notifications kept for each server out of reach
    ("log", "str", "text", ("text", "json", "off")),
    ("servers", "list", NEEDED, (1, 4)),
    ("bootstrap", "dict", LEFT_OUT, None),
    ("modem", "dict", {}, None),
    ("objects", "list", [], (0, 32)),
)
SERVER = (
    ("uri", "uri", NEEDED, 255),
    ("uri_host", "bool", False, None),  # name the host in each request, for bytes
    ("short_server_id", "int", 1, (1, 65534)),
    ("lifetime_s", "lifetime", 86400, (0, 0x7FFFFFFF)),  # 0: endless, in 1.2
    ("binding", "str", "U", ("U", "S", "US", "SU")),
    ("queue", "bool", True, None),  # Queue Mode: while it sleeps, requests wait
    ("sms_number", "phone", None, None),
    ("sms_trigger", "bool", True, None),  # its text messages wake the board
    ("mute_send", "bool", False, None),  # no Send to it
    ("awake_time_s", "int", None, (1, 86400)),  # after a message; unset: as the version says
    ("after_sleep", "str", "update", ("update", "register")),  # what opens the way for the server
    ("triggers_per_hour", "int", 10, (1, 3600)),
    ("nat_s", "int", LEFT_OUT, (1, 86400)),  # silence after which after_sleep register registers
    ("profile_id", "str", LEFT_OUT, 64),  # "hash", or "oma:..." or "v:...": for the object list
    # Resources 13 to 20 of the Server object.
    ("priority", "int", LEFT_OUT, (0, 0xFFFFFFFF)),
    ("registration_delay_s", "int", LEFT_OUT, (0, 0xFFFFFFFF)),
    ("failure_block", "bool", LEFT_OUT, None),
    ("bootstrap_on_failure", "bool", LEFT_OUT, None),
    ("retry_count", "int", LEFT_OUT, (1, 65535)),
    ("retry_timer_s", "int", LEFT_OUT, (1, 0xFFFFFFFF)),
    ("sequence_delay_s", "int", LEFT_OUT, (1, 0xFFFFFFFF)),  # the most: no other sequence
    ("sequence_retries", "int", LEFT_OUT, (1, 65535)),
)
MODEM = (
    ("apn", "str", "", 63),  # the operator's access point name
    ("user", "str", "", 63),
    ("password", "str", "", 63),
    ("pin", "str", None, 8),  # of the SIM
    ("pin_unchecked", "bool", False, None),
    ("baudrate", "int", None, (1200, 921600)),  # bit/s; unset: as the board says
    ("sms_storing", "bool", True, None),
    ("sms_mtu", "int", None, (64, 1024)),  # bytes of an answer in one piece; unset: one message
    ("network", "str", None, ("gsm", "cat-m", "nb-iot", "lte", "auto")),  # the radio
    ("attach_s", "int", None, (30, 3600)),  # unset: as long as the radios may take
    ("udp_manual", "bool", False, None),
    ("udp_push", "bool", LEFT_OUT, None),  # SIM7080: data unasked, each datagram in a frame
    ("udp_set", "str", LEFT_OUT, ("cip", "ca")),  # which of its UDP commands a SIM7000 is given
    # Power saving of SIM7000 and SIM7080 (modem/power_saving.py).
    ("idle", "str", LEFT_OUT, ("sleep", "psm", "off")),  # "sleep": SMS reach it
    ("psm_tau_s", "int", LEFT_OUT, (60, 35_712_000)),  # T3412: it shows up at the network
    ("psm_active_s", "int", LEFT_OUT, (2, 11_160)),  # T3324: it listens before it goes off
    ("edrx_s", "int", LEFT_OUT, (5, 10_485)),  # between two looks for an SMS or a datagram
    ("release_assistance", "bool", LEFT_OUT, None),  # NB-IoT: say what is the last datagram
    ("sms_check_s", "int", LEFT_OUT, (60, 86400)),  # where nothing but the timer can wake
)
# Values that nobody is shown.
SECRETS = ("modem.pin", "modem.password")
# The bootstrap server, and what holds for each account that it provides.
BOOTSTRAP = (
    ("uri", "uri", NEEDED, 255),
    ("hold_off_s", "int", 0, (0, 0x7FFFFFFF)),  # before it is asked, but at a server's wish
    ("account_timeout_s", "int", 0, (0, 0x7FFFFFFF)),  # after which it is forgotten; 0: never
    ("pack", "bool", False, None),  # ask for Bootstrap-Pack first, in 1.2
    ("sms_trigger", "bool", None, None),  # unset: as the bootstrap server says
    ("mute_send", "bool", None, None),
) + tuple(
    [
        row
        for row in SERVER
        if row[0]
        in (
            "uri_host queue awake_time_s after_sleep triggers_per_hour nat_s profile_id".split(" ")
        )
    ]
)
OBJECT = (
    ("object", "object", NEEDED, None),
    ("instance", "int", 0, (0, 65534)),
    ("value", "number", 0, None),  # of a sensor without a pin
    ("units", "str", None, 16),  # of SenML: Cel, %RH, V
    ("pin", "int", LEFT_OUT, (0, 48)),  # GPIO: analog input of a sensor, what an output drives
    ("scale", "number", LEFT_OUT, (-1_000_000_000, 1_000_000_000)),  # times the volts at the pin
    ("offset", "number", LEFT_OUT, (-1_000_000_000, 1_000_000_000)),  # and so much more
    ("every_s", "int", LEFT_OUT, (1, 604_800)),  # between two measurements at the pin
)
# What a sensor with a pin has where it is not given.
MEASURED = (("scale", 1), ("offset", 0), ("every_s", 60))
# With a bootstrap server there need be no other.
_BOOTSTRAPPED = (("servers", "list", [], (0, 4)),)
# IPSO Objects that are switched on and off.
OUTPUTS = (3306, 3311, 3312)
# IPSO Objects with a Sensor Value, its unit and its extremes; anything else is an application's.
SENSORS = (
    3300,
    3301,
    3303,
    3304,
    3315,
    3316,
    3317,
    3318,
    3319,
    3320,
    3321,
    3322,
    3323,
    3324,
    3325,
    3326,
    3327,
    3328,
    3329,
    3330,
    3331,
    3346,
)


def load(path: str) -> dict:
    """Read and check the configuration at `path`; raises ConfigError, also where there is none."""
    try:
        with open(path) as file:
            site = json.loads(file.read())
    except OSError:
        raise ConfigError("%s: no such file; it holds the site configuration" % path)
    except ValueError:  # what is no UTF-8 is no JSON either
        raise ConfigError("%s: not a JSON document" % path)
    return check(site)


def check(site: dict) -> dict:
    """Return `site` with every default filled in; raises ConfigError at the first thing wrong."""
    rows = SITE
    if isinstance(site, dict) and "bootstrap" in site:
        rows = tuple([row for row in SITE if row[0] != "servers"]) + _BOOTSTRAPPED
    checked = _table("", site, rows)
    if "bootstrap" in checked:
        checked["bootstrap"] = _table("bootstrap.", checked["bootstrap"], BOOTSTRAP)
    checked["modem"] = _table("modem.", checked["modem"], MODEM)
    for name, rows in (("servers", SERVER), ("objects", OBJECT)):
        checked[name] = [
            _table("%s[%d]." % (name, index), entry, rows)
            for index, entry in enumerate(checked[name])
        ]
    _together(checked)
    return checked


def _together(site):
    """Refuse what is right key by key and cannot work together."""
    bootstrap = site.get("bootstrap")
    if bootstrap and site["version"] == "draft":
        raise ConfigError("bootstrap: not allowed in draft; use version 1.0, 1.1 or 1.2")
    if bootstrap and bootstrap["pack"] and site["version"] != "1.2":
        raise ConfigError("bootstrap.pack: true is not allowed in %s; use 1.2" % site["version"])
    if bootstrap and not _is_profile(bootstrap.get("profile_id", "hash")):
        raise ConfigError("bootstrap.profile_id: malformed; use hash, oma:NAME or v:NAME")
    seen = []
    for index, server in enumerate(site["servers"]):
        key = "servers[%d]." % index
        if server["short_server_id"] in seen:
            raise ConfigError(
                "%sshort_server_id: %d is used twice; each server needs its own"
                % (key, server["short_server_id"])
            )
        seen.append(server["short_server_id"])
        _fits_version(key, server, site["version"])
        if "S" in server["binding"] and not server["sms_number"]:
            raise ConfigError(
                "%ssms_number: missing; binding %s needs the server's number"
                % (key, server["binding"])
            )
        if "S" in server["binding"] and site["link"] == "udp":
            raise ConfigError(
                "%sbinding: %s needs a modem; use link sim800, sim7000 or sim7080, or binding U"
                % (key, server["binding"])
            )
    if not site["modem"]["sms_storing"] and site["sleep"] in ("deep", "light"):
        raise ConfigError(
            "modem.sms_storing: false is not allowed with sleep %s; "
            "the message that wakes the board would be lost" % site["sleep"]
        )
    if 0 < site["watchdog_s"] < 100:
        raise ConfigError(
            "watchdog_s: %d is not allowed, one AT command may take 86 s (AT+CIICR); use 0, or an "
            "integer from 100 to 86400" % site["watchdog_s"]
        )
    _check_objects(site["objects"])
    _check_modem(site["link"], site["modem"])
    for row in MODEM:
        if row[2] is LEFT_OUT and row[0] in site["modem"] and row[0] != "udp_set":
            if site["link"] != "udp":
                from node import feasible

                feasible.check(site)
            break
    if site["link"] == "udp" and not site["endpoint"]:
        raise ConfigError("endpoint: missing; without a modem there is no IMEI to make it from")


def _check_objects(objects):
    """Refuse what two Objects cannot share, and a pin that has no meaning; fill in MEASURED."""
    instances = []
    pins = []
    for index, entry in enumerate(objects):
        key = "objects[%d]." % index
        number = entry["object"]
        if (number, entry["instance"]) in instances:
            raise ConfigError(
                "%sinstance: %d is used twice with object %d; each needs its own"
                % (key, entry["instance"], number)
            )
        instances.append((number, entry["instance"]))
        output = number in OUTPUTS
        pin = entry.get("pin")
        if pin in pins:
            raise ConfigError("%spin: %d is used twice; each object needs its own" % (key, pin))
        if pin is not None:
            pins.append(pin)
        elif output:
            raise ConfigError("%spin: missing; use the GPIO that object %d drives" % (key, number))
        for name, default in MEASURED:
            if output or pin is None:
                if name in entry:
                    raise ConfigError(
                        "%s%s: not allowed with%s; it is for a sensor with a pin"
                        % (key, name, " object %d" % number if output else "out a pin")
                    )
            elif name not in entry:
                entry[name] = default
        if pin is not None and entry["value"] != 0:
            raise ConfigError(
                "%svalue: %s is not allowed with a pin; leave it out"
                % (key, _shown(entry["value"]))
            )
        if output and entry["units"] is not None:
            raise ConfigError("%sunits: not allowed with object %d" % (key, number))


def _check_modem(link, modem):
    """Refuse what this modem cannot do, or what no modem can be told."""
    pin = modem["pin"]
    if pin is not None and not (4 <= len(pin) <= 8 and pin.isdigit()):
        raise ConfigError("modem.pin: malformed; use 4 to 8 digits")
    for name in ("apn", "user", "password"):
        # Each stands between quotes on a command line of the modem's.
        for character in modem[name]:
            if not " " <= character <= "~" or character == '"':
                raise ConfigError("modem.%s: malformed; use ASCII characters but quotes" % name)
    for name, value, unfit in (
        ("udp_set", "ca", "sim800"),
        ("udp_set", "cip", "sim7080"),
        ("network", "gsm", "sim7080"),
    ):
        if link == unfit and modem.get(name) == value:
            raise ConfigError("modem.%s: %s is not allowed with link %s" % (name, value, link))
    if link != "udp" and not modem["apn"]:
        raise ConfigError("modem.apn: missing; use the operator's access point name")


def _fits_version(key, server, version):
    """Refuse what the enabler version has no resource or parameter for."""
    lifetime_s = server["lifetime_s"]
    if version == "draft" and server["short_server_id"] > 255:  # CR C.1 resource 4
        raise ConfigError(
            "%sshort_server_id: %d is not allowed in draft; use an integer from 1 to 255"
            % (key, server["short_server_id"])
        )
    if lifetime_s is None and version != "draft":
        raise ConfigError(
            "%slifetime_s: null is not allowed in %s; use an integer" % (key, version)
        )
    if lifetime_s == 0 and version != "1.2":
        raise ConfigError(
            "%slifetime_s: 0 is not allowed in %s; use an integer from 1 to 2147483647"
            % (key, version)
        )
    if server["binding"] == "SU" and version == "1.0":
        raise ConfigError(
            "%sbinding: SU is not allowed in 1.0, which prefers UDP; use US or S" % key
        )
    for name, _, default, _ in SERVER:
        since = "1.2" if name == "profile_id" else "1.1"
        if default is LEFT_OUT and name in server and name != "nat_s":
            if version == "draft" or version < since:
                raise ConfigError(
                    "%s%s: not allowed in %s; it needs version %s" % (key, name, version, since)
                )
    if not _is_profile(server.get("profile_id", "hash")):
        raise ConfigError(
            "%sprofile_id: %s is not allowed; use hash, oma:NAME or v:NAME"
            % (key, _shown(server["profile_id"]))
        )


def _table(prefix, given, rows):
    if not isinstance(given, dict):
        raise ConfigError(
            "%s: %s is not allowed; use a JSON object"
            % (prefix[:-1] or "configuration", _shown(given))
        )
    known = [row[0] for row in rows]
    for key in given:
        if key not in known:
            raise ConfigError(
                "%s%s: no such key; allowed are %s" % (prefix, key, ", ".join(known))
            )
    checked = {}
    for name, kind, default, allowed in rows:
        value = given.get(name)
        if value is None and name in given and kind == "lifetime":
            checked[name] = None
        elif value is None:
            if default is NEEDED:
                raise ConfigError(
                    "%s%s: missing; use %s" % (prefix, name, in_words(kind, allowed))
                )
            if default is not LEFT_OUT:
                checked[name] = default
        elif _fits(kind, value, allowed):
            checked[name] = value
        else:
            shown = "this value" if prefix + name in SECRETS else _shown(value)
            raise ConfigError(
                "%s%s: %s is not allowed; use %s" % (prefix, name, shown, in_words(kind, allowed))
            )
    return checked


def _fits(kind, value, allowed):
    if kind == "bool":
        return value is True or value is False
    if value is True or value is False:
        return False
    if kind in ("int", "lifetime"):
        return isinstance(value, int) and allowed[0] <= value <= allowed[1]
    if kind == "object":
        return isinstance(value, int) and (value in SENSORS or value in OUTPUTS)
    if kind == "number":
        return isinstance(value, (int, float)) and (
            allowed is None or allowed[0] <= value <= allowed[1]
        )
    if kind == "list":
        return isinstance(value, list) and allowed[0] <= len(value) <= allowed[1]
    if kind == "dict":
        return isinstance(value, dict)
    if not isinstance(value, str):
        return False
    if isinstance(allowed, tuple):
        return value in allowed
    if kind == "phone":
        digits = value[1:] if value[:1] == "+" else value
        return 3 <= len(digits) <= 15 and digits.isdigit()
    if len(value) > allowed:
        return False
    if kind == "path":
        # It stands in the object list, between <> and commas.
        rest = value.lower().strip("abcdefghijklmnopqrstuvwxyz0123456789.-_~/")
        return not rest and (
            value == "" or (value[0] == "/" and value[-1] != "/" and "//" not in value)
        )
    return _is_uri(value) if kind == "uri" else True


def _is_uri(text):
    from lwm2m.server_uri import parse_uri

    try:
        parse_uri(text)
    except ValueError:
        return False
    return True


def _is_profile(text):
    """Whether the Profile IDs are in the grammar of TS 1.2 Core 6.2.1, or "hash"."""
    for each in text.split(","):
        name = each[4:] if each[:4] == "oma:" else each[2:] if each[:2] == "v:" else ""
        if not name or name.lower().strip("abcdefghijklmnopqrstuvwxyz0123456789-"):
            return text == "hash"
    return True


def in_words(kind: str, allowed) -> str:
    """Return what a row allows, as text."""
    if isinstance(allowed, tuple) and kind == "str":
        return ", ".join(allowed[:-1]) + " or " + allowed[-1]
    if kind in ("int", "lifetime"):
        return "an integer from %d to %d" % allowed
    if kind == "number" and allowed:
        return "a number from %d to %d" % allowed
    return {
        "bool": "true or false",
        "number": "a number",
        "object": "one of " + ", ".join([str(number) for number in SENSORS + OUTPUTS]),
        "list": "a list of %d to %d entries" % (allowed if kind == "list" else (0, 0)),
        "dict": "a JSON object",
        "phone": "a telephone number of 3 to 15 digits, with or without +",
        "uri": "coap://HOST or coap://HOST:PORT, perhaps with a /PATH",
        "path": "a path such as /lwm2m",
    }.get(kind) or "text of at most %d characters" % allowed


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
