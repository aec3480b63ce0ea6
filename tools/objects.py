"""Object definitions out of the OMA registry's XML: `python -m tools.objects 3304`.

Prints Python source: a class of lwm2m.object with its packed table, to go into an application.
`--ipso` prints firmware/lwm2m/objects/ipso_table.py, the definitions of all IPSO Objects.

The registry is a folder with files N.xml or N-1_0.xml, as OMA publishes them: --registry DIR, or
OMA_REGISTRY in the environment, or ../shared/oma-registry beside the repository. Instead of a
number a file may be named.
"""

import os
import re
import sys
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from xml.etree import ElementTree

from tools.cli import Parser, say

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ROOT.parent / "shared" / "oma-registry"
FIRST_IPSO, LAST_IPSO = 3200, 3349
_IPSO_VERSIONS = ("1.0", "1.1", "2.0")

_LARGEST = 1 << 20  # bytes of a file; OMA's own have some 20 000
_MOST_RESOURCES = 1024
_WIDTH = 99

_OPERATIONS = {"R": 1, "W": 2, "E": 4}
_MULTIPLE = 8
_MANDATORY = 16
_EXECUTE = 4
_TYPES = {
    "none": 0,
    "string": 1,
    "integer": 2,
    "unsigned integer": 3,
    "float": 4,
    "boolean": 5,
    "opaque": 6,
    "time": 7,
    "objlnk": 8,
    "corelnk": 9,
}


class RegistryError(Exception):
    """A definition that is missing or unusable; the text names the file and what is wrong."""


@dataclass(frozen=True)
class Resource:
    """One row: flags and type as in lwm2m.object."""

    id: int
    flags: int
    type: int
    name: str
    units: str = ""

    def packed(self) -> bytes:
        """Return the four bytes of the table."""
        return self.id.to_bytes(2, "big") + bytes((self.flags, self.type))


@dataclass(frozen=True)
class Definition:
    """An Object. version: "1.0", "1.1" …; resources: by ascending id."""

    id: int
    version: str
    name: str
    multiple: bool
    resources: tuple


def registry(folder: "str | None" = None) -> Path:
    """Return the registry's folder: the one named, OMA_REGISTRY's, or the one beside."""
    return Path(folder or os.environ.get("OMA_REGISTRY") or BESIDE)


class _Tree(ElementTree.TreeBuilder):
    def doctype(self, name, pubid, system):
        """Refuse what could define entities that grow without bounds."""
        raise RegistryError("has a document type, which definitions do not need")


def load(path: Path) -> Definition:
    """Read the definition in one file; raises RegistryError for what is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise RegistryError(f"{path}: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise RegistryError(f"{path}: more than {_LARGEST} bytes, which no definition has")
    try:
        root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_Tree()))
        element = root.find("Object") if root.tag != "Object" else root
        if element is None:
            raise RegistryError("defines no Object")
        return _definition(element)
    except ElementTree.ParseError as error:
        raise RegistryError(f"{path}: no XML: {error}") from None
    except RegistryError as error:
        raise RegistryError(f"{path}: {error}") from None


def find(folder: Path, object_id: int, version: "str | None" = None) -> Definition:
    """Return an Object's definition in a version, or the newest there is.

    Raises RegistryError where there is none.
    """
    if not folder.is_dir():
        raise RegistryError(
            f"{folder}: no such folder; name the OMA registry by --registry DIR or OMA_REGISTRY"
        )
    found = {}
    for path in [folder / f"{object_id}.xml", *folder.glob(f"{object_id}-*.xml")]:
        if path.is_file():
            definition = load(path)
            if definition.id != object_id:
                raise RegistryError(f"{path}: defines Object {definition.id}")
            found[definition.version] = definition
    if not found:
        raise RegistryError(f"{folder}: no definition of Object {object_id}")
    newest = max(found, key=lambda text: [int(part) for part in text.split(".")])
    if (version or newest) not in found:
        raise RegistryError(
            f"{folder}: Object {object_id} is there in {', '.join(sorted(found))}, not {version}"
        )
    return found[version or newest]


def ipso(folder: Path) -> list:
    """Return the newest definitions of the IPSO Objects that the registry has, by id."""
    numbers = {
        int(match.group(1))
        for path in folder.glob("3[23]*.xml")
        if (match := re.fullmatch(r"(\d+)(-\d+_\d+)?", path.stem))
    }
    wanted = sorted(number for number in numbers if FIRST_IPSO <= number <= LAST_IPSO)
    if not wanted:
        raise RegistryError(f"{folder}: no Object from {FIRST_IPSO} to {LAST_IPSO}")
    return [find(folder, number) for number in wanted]


def source(definition: Definition) -> str:
    """Return the Python source of a definition: one class."""
    title = definition.name.replace("\\", "/").replace('"', "'")
    lines = [
        "from lwm2m.object import Object",
        "",
        "",
        f"class {_class_name(definition)}(Object):",
        f'    """{title} (Object {definition.id}), version {definition.version}."""',
        "",
        f"    object_id = {definition.id}",
    ]
    if definition.version != "1.0":
        lines.append(f'    object_version = "{definition.version}"')
    if definition.multiple:
        lines.append("    multiple = True")
    lines.append("    resources = (")
    for row in definition.resources:
        lines.append(_commented(row.packed(), _title(row), "        "))
    lines.append("    )\n")
    return "\n".join(lines)


def ipso_source(definitions: list) -> str:
    """Return the source of ipso_table.py: rows that several Objects share stand there once."""
    rows = sorted(
        {row.packed(): row for each in definitions for row in each.resources}.values(),
        key=lambda row: (row.id, row.flags, row.type),
    )
    if len(rows) > 256:
        raise RegistryError(f"{len(rows)} different resources: an index is one byte")
    index = {row.packed(): number for number, row in enumerate(rows)}
    objects = []
    seen = {}
    for each in definitions:
        if not each.multiple or each.version not in _IPSO_VERSIONS:
            raise RegistryError(f"Object {each.id} is single or newer than the table can say")
        indices = bytes(index[row.packed()] for row in each.resources)
        version = _IPSO_VERSIONS.index(each.version) << 6
        if indices in seen:
            packed = bytes((each.id - FIRST_IPSO, version, seen[indices] - FIRST_IPSO))
        else:
            seen[indices] = each.id
            packed = bytes((each.id - FIRST_IPSO, version | len(indices))) + indices
        objects.append((packed, f"{each.id} {each.name}"))
    return _IPSO_MODULE % (
        "\n".join(_commented(row.packed(), f"{row.id} {row.name}", "    ") for row in rows),
        "\n".join(_commented(packed, title, "    ") for packed, title in objects),
    )


_IPSO_MODULE = '''"""The definitions of the IPSO Objects, for `lwm2m.objects.ipso.define`.

Written by `python -m tools.objects --ipso`; not to be changed by hand.
"""

# Rows as in lwm2m.object. The same resource may have several, as it is mandatory or not.
_ROWS = (
%s
)

# An Object each: its id - 3200; 0, 64 or 128 for version 1.0, 1.1 or 2.0, added to the number of
# its rows; their indices. Where that number is 0, the id - 3200 of the Object with the same rows.
_OBJECTS = (
%s
)


def find(object_id: int) -> "tuple | None":
    """Return (version, table of the resources) of an Object, None for one that is not there."""
    wanted = object_id - 3200
    version = None
    at = 0
    while at < len(_OBJECTS):
        count = _OBJECTS[at + 1] & 63
        if _OBJECTS[at] == wanted:
            version = version or ("1.0", "1.1", "2.0")[_OBJECTS[at + 1] >> 6]
            if count:
                table = bytearray()
                for index in _OBJECTS[at + 2 : at + 2 + count]:
                    table += _ROWS[4 * index : 4 * index + 4]
                return version, bytes(table)
            wanted = _OBJECTS[at + 2]
            at = 0
        else:
            at += 2 + (count or 1)
    return None
'''


def _definition(element) -> Definition:
    rows = {}
    for item in element.iter("Item"):
        row = _resource(item)
        if row.id in rows:
            raise RegistryError(f"resource {row.id} is defined twice")
        rows[row.id] = row
        if len(rows) > _MOST_RESOURCES:
            raise RegistryError(f"more than {_MOST_RESOURCES} resources")
    version = _text(element, "ObjectVersion") or "1.0"
    if not re.fullmatch("[0-9][.][0-9]", version):
        raise RegistryError(f"ObjectVersion {version!r} is not of the form 1.0")
    return Definition(
        _number(_text(element, "ObjectID"), "ObjectID", 65535),
        version,
        _text(element, "Name") or "Object",
        _choice(element, "MultipleInstances", "Single", "Multiple"),
        tuple(rows[rid] for rid in sorted(rows)),
    )


def _resource(item) -> Resource:
    rid = _number(item.get("ID") or "", "Item ID", 65534)
    operations = _text(item, "Operations")
    if operations.strip("RWE"):
        raise RegistryError(f"resource {rid}: operations {operations!r} are not of R, W and E")
    flags = sum(_OPERATIONS[letter] for letter in set(operations))
    flags += _MULTIPLE * _choice(item, "MultipleInstances", "Single", "Multiple")
    flags += _MANDATORY * _choice(item, "Mandatory", "Optional", "Mandatory")
    kind = _text(item, "Type").lower() or "none"
    if kind not in _TYPES or (kind == "none") != bool(flags & _EXECUTE):
        raise RegistryError(f"resource {rid}: type {_text(item, 'Type')!r} does not fit")
    return Resource(rid, flags, _TYPES[kind], _text(item, "Name"), _text(item, "Units"))


def _text(element, tag) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _number(text, what, most) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= most):
        raise RegistryError(f"{what} {text!r} is not a number from 0 to {most}")
    return int(text)


def _choice(element, tag, no, yes) -> bool:
    text = _text(element, tag)
    if text not in (no, yes):
        raise RegistryError(f"{tag} {text!r} is neither {no} nor {yes}")
    return text == yes


def _class_name(definition) -> str:
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"(?i)^lwm2m ", "", definition.name))
    name = "".join(word if word.isupper() else word[0].upper() + word[1:] for word in words)
    good = name[:1].isalpha() and not iskeyword(name)
    return name if good else f"Object{definition.id}"


def _title(row) -> str:
    name = f"{row.id} {row.name}" if row.id > 255 else row.name
    return f"{name} ({row.units})" if row.units else name


def _commented(packed: bytes, title: str, indent: str) -> str:
    literal = 'b"%s"' % "".join(f"\\x{octet:02x}" for octet in packed)
    parts = [literal]
    if len(indent + literal + title) + 4 > _WIDTH:  # several, the comment behind the first
        parts = [
            'b"%s"' % "".join(f"\\x{octet:02x}" for octet in packed[at : at + 14])
            for at in range(0, len(packed), 14)
        ]
    comment = title.encode("ascii", "replace").decode()
    room = _WIDTH - len(indent + parts[0]) - 4
    parts[0] += "  # " + (comment if len(comment) <= room else comment[: room - 3] + "...")
    return "\n".join(indent + part for part in parts)


def main(arguments: "list | None" = None) -> int:
    """Print what is asked for; returns the exit code: 2 for what cannot be done, in one line."""
    parser = Parser(prog="tools.objects", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("object", nargs="?", help="the Object's number, or an XML file")
    parser.add_argument("--version", help="such as 1.0; without it the newest there is")
    parser.add_argument("--registry", metavar="DIR", help="the folder of the OMA registry")
    parser.add_argument("--ipso", action="store_true", help="the table of all IPSO Objects")
    options = parser.parse_args(arguments)
    if options.ipso == bool(options.object):
        parser.error("name one Object, or use --ipso")
    if options.version and (options.ipso or not options.object.isdigit()):
        parser.error("--version goes with an Object's number")
    try:
        if options.ipso:
            text = ipso_source(ipso(registry(options.registry)))
        elif options.object.endswith(".xml"):
            text = source(load(Path(options.object)))
        elif options.object.isascii() and options.object.isdigit() and int(options.object) < 65536:
            text = source(
                find(registry(options.registry), int(options.object), options.version)
            )
        else:
            parser.error(f"{options.object!r} is not allowed; use 0 to 65535, or NAME.xml")
    except RegistryError as error:
        print(f"python -m tools.objects: {error}", file=sys.stderr)
        return 2
    say(text.rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
