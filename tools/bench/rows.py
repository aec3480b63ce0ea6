"""What is measured, what it may cost, and the table of it."""

from pathlib import Path

from tools import build

PEER = "aiocoap.get.served"
PEER_COUNT = 150
NODE = "node.registered"
ROM_NODE = "node.registered.romfs"
BOARD = "board."
# The starts, by id: the board.
STARTS = {
    "boot.first_at": "lilygo_t_sim7000g",
    "boot.first_at.sim800": "sim800l_breakout",
}

# What field.py plays, by id: a function there, and its arguments.
FIELD = {
    "node.retained": ("retained_record", True),
    "node.retained.10": ("retained_record", False),
    "modem.wake_to_update": ("wake_to_update", "sim7000"),
    "modem.wake_to_update.sim800": ("wake_to_update", "sim800"),
    "modem.wake_to_update.sim7080": ("wake_to_update", "sim7080"),
    "modem.boot_to_registered": ("boot_to_registered", "sim7000"),
    "modem.boot_to_registered.first": ("boot_to_registered", "sim7000", True),
    "modem.boot_to_registered.sim800": ("boot_to_registered", "sim800"),
    "modem.boot_to_registered.sim7080": ("boot_to_registered", "sim7080"),
    "day.report15min": ("day_of_reports", "sim7000"),
    "day.report15min.sim800": ("day_of_reports", "sim800"),
    "day.report15min.brief": ("day_of_reports", "sim7000", "sleep", 5),
    "day.report15min.brief.psm": ("day_of_reports", "sim7000", "psm", 5),
    "day.report15min.brief.off": ("day_of_reports", "sim7000", "off", 5),
}

# Operations by id: N, so large that several garbage collections fall into 2N − N.
OPERATIONS = {
    "coap.decode": 1200,
    "coap.encode": 400,
    "coap.get.served": 800,
    "coap.get.served.64": 800,
    "coap.duplicate": 1200,
    "coap.idle": 2400,
    "coap.notify": 400,
    "coap.block2": 400,
    "coap.block1": 400,
    "lwm2m.get.served": 400,
    "lwm2m.get.served.64": 400,
    "lwm2m.register": 100,
    "lwm2m.update": 200,
    "lwm2m.notify.text": 200,
    "lwm2m.notify.cbor": 200,
    "lwm2m.notify.tlv": 200,
    "lwm2m.notify.json": 200,
    "lwm2m.notify.senml_json": 200,
    "lwm2m.notify.senml_cbor": 200,
    "lwm2m.notify.lwm2m_cbor": 200,
    "lwm2m.read3.tlv": 100,
    "lwm2m.read3.json": 100,
    "lwm2m.read3.senml_json": 100,
    "lwm2m.read3.senml_cbor": 100,
    "lwm2m.read3.lwm2m_cbor": 100,
    "lwm2m.change.1": 200,
    "lwm2m.change.10": 200,
    "lwm2m.change.100": 200,
    "lwm2m.change.1000": 200,
    "lwm2m.step.1": 400,
    "lwm2m.step.10": 400,
    "lwm2m.step.100": 400,
    "lwm2m.step.1000": 400,
}
# Rooms in the order in which they are imported, each with the module that opens it. Between them
# stands what a board's MicroPython brings along, or a desk in its place, which is not counted.
# What a usual node needs of lwm2m comes before the rest of it.
ROOMS = {
    "coap": "coap.endpoint",
    "lwm2m": "lwm2m.client",
    "board": "",
    "modem": "modem.sim7000",
    "node": "node.node",
}
_BOARD = ["asyncio", "machine", "esp32"]
# Objects 0, 1, 3, 4 and 3303, SenML CBOR and TLV; Object 1 and the rest come with the client.
_LWM2M = ["lwm2m.client"] + [
    "lwm2m." + name
    for name in "objects.security objects.device objects.connectivity objects.ipso "
    "codec.senml_cbor codec.tlv".split()
]
# What a node with a SIM7000 keeps of modem/; the rest comes with its use and goes behind it.
_MODEM = ["modem." + name for name in "sim7000 simcom at link udp sms".split()] + ["modem"]
_USUAL = {"lwm2m": _LWM2M, "modem": _MODEM}
# Modules that a node with a SIM7000 does not load: the registry is for applications and tests, the
# socket that of a simulated board without a modem, and the prompt's module for a person.
_NOT_COUNTED = {"coap.registry", "node.udp_socket", "node.repl"} | {
    "modem." + name for name in "sim800 sim7080 ca_context ca_read ca_sockets ca_udp".split()
}

FLAT_PERCENT = 5
_STARTING_HEAP = 57_344  # what an ESP32 starts with
# The most that a row may take. instructions_aim is told, not asked for; flat_to names the row
# whose instructions these may differ from by FLAT_PERCENT, or by flat_percent.
TARGETS = {
    "import.coap": {"kept_bytes": 12288},
    "import.lwm2m": {"kept_bytes": 24_576},
    "import.modem": {"kept_bytes": 14_336},
    NODE: {"kept_bytes": _STARTING_HEAP},
    "node.retained": {"kept_bytes": 512},
    "modem.wake_to_update": {"round_trips": 6, "device_ms": 2_000, "flash_writes": 0},
    "coap.get.served": {
        "instructions": 122_000,
        "instructions_aim": 60_000,
        "garbage_bytes": 300,
        "datagrams": 1,
    },
    "coap.get.served.64": {"flat_to": "coap.get.served"},
    "coap.duplicate": {"garbage_bytes": 100},
    "coap.idle": {"garbage_bytes": 0},
    "lwm2m.get.served.64": {"flat_to": "lwm2m.get.served"},
    "lwm2m.register": {"wire_bytes": 130},
    "lwm2m.update": {"wire_bytes": 13},
    "lwm2m.notify.text": {"wire_bytes": 20},
    "lwm2m.change.1000": {"flat_to": "lwm2m.change.10", "flat_percent": 10},
}
_OF_BOARDS = {"kept_bytes": _STARTING_HEAP, "flash_bytes": 98_304}
_UNITS = {
    "instructions": "instructions",
    "garbage_bytes": "B of garbage",
    "kept_bytes": "B kept",
    "datagrams": "datagram",
    "wire_bytes": "B on the wire",
    "round_trips": "AT round trips",
    "device_ms": "ms of the device's own",
    "flash_writes": "flash writes",
    "flash_bytes": "B of LittleFS",
}
# The tables, by the values that make a row one of theirs, but for values that more than one has;
# a row of none is one of the first. A line fits a terminal of 80 columns.
_SHARED = ("flash_writes", "kept_bytes")
_TABLES = (
    {
        "instructions": "Instructions",
        "garbage_bytes": "Garbage",
        "kept_bytes": "Kept",
        "wire_bytes": "Wire",
    },
    {
        "at_commands": "AT",
        "round_trips": "Trips",
        "virtual_ms": "ms",
        "device_ms": "Device",
        "flash_writes": "Flash",
    },
    {
        "awake_ms": "Awake",
        "modem_ms": "Modem",
        "radio_ms": "Radio",
        "air_bytes": "Air",
        "flash_writes": "Flash",
    },
    {
        "files": "Files",
        "flash_bytes": "Flash",
        "kept_bytes": "Heap",
    },
)


def imports(firmware: Path = build.ROOT / "firmware") -> list:
    """Return [("import.ROOM", modules of the room)], and (None, modules) for what is not counted.

    Each stands on those before it, from the last (None, None) on.
    """
    steps = []
    rest = {}
    for room, entry in ROOMS.items():
        if room == "board":
            steps.append((None, _BOARD))
            continue
        modules = []
        for path in sorted((firmware / room).rglob("*.py")):
            parts = path.relative_to(firmware).with_suffix("").parts
            modules.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        modules.sort(key=lambda name: name != entry)
        modules = [name for name in modules if name not in _NOT_COUNTED]
        if room == "lwm2m":
            # What a node has of coap, whose other modules are loaded on use.
            steps += [(None, None), (None, [ROOMS["coap"]])]
        usual = _USUAL.get(room, modules)
        rest[room] = [name for name in modules if name not in usual]
        steps.append((f"import.{room}", usual))
    return steps + [(f"import.{room}.rest", rest[room]) for room in _USUAL]


def judged(found: dict) -> list:
    """Return the rows of the JSON file for {id: measured values}."""
    rows = []
    for name, values in found.items():
        target = target_of(name)
        rows.append({"id": name, **values, "target": target, "met": not misses(found, name)})
    return rows


def target_of(name: str) -> dict:
    """Return the most that a row may take."""
    return _OF_BOARDS if name.startswith(BOARD) else TARGETS.get(name, {})


def misses(found: dict, name: str) -> list:
    """Return what a row has more of than its target allows, as names of values."""
    missed = []
    for key, most in target_of(name).items():
        if key == "flat_to":
            base = found[most]["instructions"]
            percent = target_of(name).get("flat_percent", FLAT_PERCENT)
            if abs(found[name]["instructions"] - base) * 100 > base * percent:
                missed.append(key)
        elif key in _UNITS and found[name][key] > most:
            missed.append(key)
    return missed


def _words(target: dict) -> str:
    words = []
    for key, most in target.items():
        if key == "flat_to":
            words.append(f"{most} ± {target.get('flat_percent', FLAT_PERCENT)} %")
        elif key in _UNITS:
            words.append(f"≤ {_number(most)} {_UNITS[key]}")
    return ", ".join(words)


def _number(value) -> str:
    return "" if value is None else f"{value:,}".replace(",", " ")


def table(rows: list) -> str:
    """Return the rows as Markdown tables with their columns aligned, and the targets below."""
    parts = []
    left = rows
    for columns in _TABLES[1:]:
        here = [row for row in left if _belongs(row, columns)]
        left = [row for row in left if row not in here]
        if here:
            parts.append("\n".join(_aligned(columns, here)))
    parts.insert(0, "\n".join(_aligned(_TABLES[0], left)))
    targets = {}
    for row in rows:
        if row["target"]:
            name = f"{BOARD}*" if row["id"].startswith(BOARD) else row["id"]
            targets[name] = f"- `{name}`: {_words(row['target'])}"
    return "\n\n".join([*parts, "Targets:", "\n".join(targets.values())])


def _belongs(row, columns):
    return any(row[column] is not None for column in columns if column not in _SHARED)


def _aligned(columns, rows):
    lines = [("Id", *columns.values(), "Met")]
    for row in rows:
        met = ("yes" if row["met"] else "**no**") if row["target"] else ""
        lines.append((f"`{row['id']}`", *[_number(row[column]) for column in columns], met))
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns) + 2)]
    numeric = range(1, 1 + len(columns))
    rule = [
        "-" * (width - 1) + ":" if i in numeric else "-" * width for i, width in enumerate(widths)
    ]
    lines.insert(1, tuple(rule))
    return [
        "| "
        + " | ".join(
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    ]
