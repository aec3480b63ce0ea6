"""The keys of a site configuration as a person writes them: `modem.apn`, `servers[0].nat_s`.

What there is, what it is by default and what is allowed comes from the firmware's own schema
(firmware/node/config.py); here is how a key is found, read from text, set and shown.
"""

import ast
import json
import math
import re
import sys
import textwrap

from tools.build import ROOT

sys.path.insert(0, str(ROOT / "firmware"))
from node import config  # noqa: E402  the schema that the board reads its configuration with

# Short names, of what nearly every site has.
SHORT = {
    "server": "servers[0].uri",
    "server_number": "servers[0].sms_number",
    "binding": "servers[0].binding",
    "lifetime": "servers[0].lifetime_s",
    "bootstrap": "bootstrap.uri",
    "apn": "modem.apn",
    "user": "modem.user",
    "password": "modem.password",
    "pin": "modem.pin",
}
_PARTS = {
    "servers": config.SERVER,
    "objects": config.OBJECT,
    "modem": config.MODEM,
    "bootstrap": config.BOOTSTRAP,
}
_FORM = re.compile(r"([a-z_]+)(?:\[([0-9]{1,4})\])?(?:\.([a-z_]+))?")
_COLUMNS = 80


class KeyProblem(Exception):
    """No such key, or a text that is no value; it is named, and what to use."""


class Key:
    """One key: its `name` in full, `kind` and `allowed` as its row of the schema has them, and the
    `steps` that lead to it.
    """

    def __init__(self, row, *steps):
        self.field, self.kind, self.default, self.allowed = row
        self.steps = (*steps, self.field)
        name = "".join(
            "[%d]" % step if isinstance(step, int) else "." + step for step in self.steps
        )
        self.name = name[1:]
        self.secret = self.name in config.SECRETS


def find(text: str) -> Key:
    """Return the key that a person means; raises KeyProblem."""
    match = _FORM.fullmatch(SHORT.get(text, text))
    part, index, field = match.groups() if match else (None, None, None)
    top = {row[0]: row for row in config.SITE}
    if part in _PARTS and field:
        listed = isinstance(top[part][3], tuple)
        if listed != (index is not None):
            example = part + ("[0]" if listed else "") + "." + field
            raise KeyProblem(f"{text}: no such key; use {example}")
        rows = {row[0]: row for row in _PARTS[part]}
        if field not in rows:
            raise KeyProblem(f"{text}: no such key; allowed are {', '.join(rows)}")
        if not listed:
            return Key(rows[field], part)
        most = top[part][3][1] - 1
        if int(index) > most:
            raise KeyProblem(f"{text}: no such entry; use {part}[0] to {part}[{most}]")
        return Key(rows[field], part, int(index))
    if part in top and index is None and field is None:
        return Key(top[part])
    shown = text if text.isprintable() and len(text) <= 40 else "this"
    raise KeyProblem(f"{shown}: no such key; --keys lists them")


def read(key: Key, text: str):
    """Return the value that a text means for a key; what is none stays text, and is the schema's
    to refuse. Raises KeyProblem for what nobody types.
    """
    if any(character < " " or character == "\x7f" for character in text):
        raise KeyProblem(f"{key.name}: has a character that is not printable")
    if key.kind in ("bool", "int", "number", "object", "lifetime", "list", "dict"):
        words = {"yes": True, "no": False} if key.kind == "bool" else {}
        try:
            value = words[text] if text in words else json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(value, float) and not math.isfinite(value):
            return text
        return text if value is None and key.kind != "lifetime" else value
    return text


def put(site: dict, key: Key, value) -> None:
    """Set a key in a site configuration; entries of a list that it needs are made."""
    place = site
    for step, following in zip(key.steps, key.steps[1:], strict=False):
        kind = list if isinstance(following, int) else dict
        if isinstance(step, int):
            place.extend({} for _ in range(step + 1 - len(place)))
        elif step not in place:
            place[step] = kind()
        if not isinstance(place[step], kind):
            place[step] = kind()
        place = place[step]
    place[key.field] = value


def get(site: dict, key: Key):
    """Return what a site configuration has under a key, or None."""
    place = site
    for step in key.steps:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            return None
    return place


def drop(site: dict, key: Key) -> None:
    """Leave a key out of a site configuration; an entry of a list that cannot be without it goes,
    and those behind it.
    """
    if get(site, key) is None:
        return
    part = key.steps[0]
    place = site
    for step in key.steps[:-1]:
        place = place[step]
    if len(key.steps) == 3 and key.default is config.NEEDED:
        del site[part][key.steps[1] :]
    else:
        del place[key.field]
    if part in site and site[part] in ([], {}):
        del site[part]


def numbered(site: dict) -> dict:
    """Return a site configuration in which what has to differ does: the Short Server IDs of
    several servers, the instances of several Objects of a kind. What was given stays.
    """
    for part, field, least in (("servers", "short_server_id", 1), ("objects", "instance", 0)):
        entries = [entry for entry in _listed(site, part) if isinstance(entry, dict)]
        taken = [(entry.get("object"), entry[field]) for entry in entries if field in entry]
        for entry in entries:
            kind = entry.get("object")
            number = least
            while (kind, number) in taken:
                number += 1
            if field not in entry:
                taken.append((kind, number))
                if number != least:
                    entry[field] = number
    return site


def _listed(site, part):
    entries = site.get(part)
    return entries if isinstance(entries, list) else []


def ordered(site: dict) -> dict:
    """Return a site configuration with its keys in the order of the schema."""
    result = {}
    for name, *_ in config.SITE:
        if name not in site:
            continue
        value = site[name]
        rows = _PARTS.get(name, ())
        if isinstance(value, dict):
            value = _in_order(value, rows)
        elif isinstance(value, list):
            value = [_in_order(entry, rows) for entry in value]
        result[name] = value
    return result


def _in_order(entry, rows):
    return {row[0]: entry[row[0]] for row in rows if row[0] in entry}


def shown(site: dict) -> list:
    """Return a site configuration as (key, value) in text; of a secret only that it is set."""
    found = []
    for name, value in ordered(site).items():
        if isinstance(value, list):
            for index, entry in enumerate(value):
                found += [(f"{name}[{index}].{field}", entry[field]) for field in entry]
        elif isinstance(value, dict):
            found += [(f"{name}.{field}", value[field]) for field in value]
        else:
            found.append((name, value))
    return [
        (key, "set" if key in config.SECRETS and value else in_text(value)) for key, value in found
    ]


def in_text(value) -> str:
    """Return a value as a person writes it, in one line."""
    if isinstance(value, str) and value.isprintable():
        return value
    return json.dumps(value)


def default_of(key: Key) -> str:
    """Return what holds where a key is left out, in text; empty where it must be given."""
    if key.default is config.NEEDED:
        return ""
    if key.default is config.LEFT_OUT and key.steps[0] == "objects":
        return in_text(dict(config.MEASURED)[key.field]) if key.field != "pin" else "unset"
    if key.default in (None, config.LEFT_OUT, "", {}) or key.default == []:
        return "unset"
    return in_text(key.default)


def table() -> str:
    """Return all keys with their defaults and what is allowed, for a terminal of 80 columns."""
    lines = [_row("Key", "Default", "Allowed")]
    meanings = _meanings()
    for part, rows in (("", config.SITE), *_PARTS.items()):
        listed = part in ("servers", "objects")
        lines.append("")
        for row in rows:
            if row[0] in _PARTS:
                continue
            key = Key(row, *([part, 0] if listed else [part] if part else []))
            name = key.name.replace("[0]", "[N]")
            lines.append(_row(name, default_of(key) or "needed", allowed_of(key)))
            meaning = meanings.get((part, row[0]))
            if meaning:
                lines.append(textwrap.fill(meaning, _COLUMNS, **_indented(4)))
    lines += ["", "Short names:"]
    lines += ["    %-15s %s" % pair for pair in SHORT.items()]
    most = {row[0]: row[3] for row in config.SITE if row[1] == "list"}
    lines += [
        "",
        "N: servers[0] to servers[%d], objects[0] to objects[%d]. With bootstrap.uri there"
        % (most["servers"][1] - 1, most["objects"][1] - 1),
        "need be no servers. What is left out is as the board's firmware has it.",
    ]
    return "\n".join(lines)


def allowed_of(key: Key) -> str:
    """Return what the schema allows, in words."""
    return config.in_words(key.kind, key.allowed)


def _row(name, default, allowed):
    head = "%-30s %-8s " % (name, default)
    wrapped = textwrap.wrap(allowed, _COLUMNS - 40)
    if len(head) > 40:
        return "\n".join([head.rstrip(), *(" " * 40 + line for line in wrapped)])
    return "\n".join(
        (head if index == 0 else " " * 40) + line for index, line in enumerate(wrapped)
    )


def _indented(columns):
    return {"initial_indent": " " * columns, "subsequent_indent": " " * columns}


def _meanings():
    """Return {(part, field): comment} of the schema's rows, from its source."""
    source = (ROOT / "firmware/node/config.py").read_text()
    lines = source.split("\n")
    tables = {"SITE": "", **{part.upper().rstrip("S"): part for part in _PARTS}}
    found = {}
    for node in ast.parse(source).body:
        name = node.targets[0].id if isinstance(node, ast.Assign) else ""  # pyright: ignore
        for row in ast.walk(node) if name in tables else ():
            if isinstance(row, ast.Tuple) and len(row.elts) == 4:
                code, _, comment = lines[(row.end_lineno or 1) - 1].partition("  # ")
                if comment:
                    field = ast.literal_eval(row.elts[0])
                    found[tables[name], field] = comment
                    if name == "SERVER":
                        found["bootstrap", field] = comment
    return found
