"""Site configurations for many devices from a CSV file: a row a device, a column a key.

The first row names the keys, in full (`servers[0].uri`) or short (tools/site_keys.py); `imei` or
`serial` may name the files where a device has no `endpoint` of its own. An empty cell leaves its
key to the template. Commas, semicolons or tabs stand between the cells, as in the first row.
"""

import copy
import csv
import io
import json
import re
from pathlib import Path

from tools import site_keys
from tools.site_files import SiteProblem, encoded, reason

_NAMES = ("imei", "serial")  # columns that name a file, and are no keys
_NAME_MOST = 64
_UNFIT = re.compile(r"[^A-Za-z0-9._+=@-]")


class Table:
    """What a CSV file holds: `columns`, of which each is a Key or one of _NAMES, and `rows`, each
    (number, cells) with numbers as a spreadsheet has them.
    """

    def __init__(self, path: Path):
        self.path = path
        rows = _rows(path)
        number, header = next(rows, (1, []))
        self.columns = self._header([name.strip() for name in header])
        self.rows = []
        for number, cells in rows:
            if len(cells) != len(self.columns):
                raise self.problem(
                    number, f"{len(cells)} cells; the first row has {len(self.columns)}"
                )
            self.rows.append((number, cells))
        if not self.rows:
            raise SiteProblem(f"{path}: no devices; each has a row below the names of the keys")

    def problem(self, number: int, text: str) -> SiteProblem:
        """Return what is wrong with a row, to be raised."""
        return SiteProblem(f"{self.path}: row {number}: {text}")

    def _header(self, names):
        columns = []
        problems = []
        for name in names:
            try:
                columns.append(name if name in _NAMES else site_keys.find(name))
            except site_keys.KeyProblem as problem:
                problems.append((len(columns) + len(problems) + 1, problem))
        if not columns:  # perhaps the first device, of which nothing is shown
            raise self.problem(1, "names no keys; the first row does, such as endpoint,modem.apn")
        if problems:
            number, problem = problems[0]
            said = problem if names[number - 1] else "without a name; use a key"
            raise self.problem(1, f"column {number}: {said}")
        full = [column if column in _NAMES else column.name for column in columns]
        for name in full:
            if full.count(name) > 1:
                raise self.problem(1, f"{name}: is there twice")
        if not set(full) & {"endpoint", *_NAMES}:
            raise self.problem(1, "endpoint: missing; it names the files, as imei or serial can")
        return columns


def _rows(path):
    """Yield (number, cells) of the rows that are not empty; raises SiteProblem."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise SiteProblem(f"{path}: {reason(error)}") from None
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise SiteProblem(f"{path}: line {number}: not UTF-8; save it as CSV UTF-8") from None
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise SiteProblem(f"{path}: row {number}: {_in_words(str(error))}") from None
        if any(cell.strip() for cell in cells):
            yield number, cells


def _in_words(problem):
    if "unexpected end" in problem:
        return 'a cell begins with " and does not end'
    if "expected after" in problem:
        return 'something stands behind the " that ends a cell; inside a cell write ""'
    if "field limit" in problem:
        return 'a cell is too long; a " may be missing'
    return problem


def files(table: Table, base: dict, check) -> dict:
    """Return {file name: bytes} for all devices of a table.

    base: a site configuration that holds where a device has an empty cell or no such column.
    check: callable(site) that raises config.ConfigError. Raises SiteProblem at the first row that
    cannot work, or that is a device another row is.
    """
    made = {}
    seen = {}  # file name in small letters, endpoint: the row that has it
    for number, cells in table.rows:
        site = copy.deepcopy(base)
        name = _fill(table, number, cells, site)
        endpoint = site.get("endpoint")
        site = site_keys.numbered(site)
        try:
            check(site)
            data = encoded(site)
        except site_keys.config.ConfigError as error:
            raise table.problem(number, str(error)) from None
        for what, value in (("endpoint", endpoint), ("file", name.casefold())):
            if value and (what, value) in seen:
                shown = json.dumps(value) if what == "endpoint" else name + ".json"
                where = seen[what, value]
                raise table.problem(number, f"{what}: {shown} is that of row {where} as well")
            seen[what, value] = number
        made[name + ".json"] = data
    return made


def _fill(table, number, cells, site):
    """Set the keys of a row, and return the name of its file."""
    names = {}
    for column, cell in zip(table.columns, cells, strict=True):
        key = column if column in _NAMES else column.name
        if cell != cell.strip() and key not in site_keys.config.SECRETS:
            raise table.problem(number, f"{key}: blanks around it")
        if cell and column in _NAMES:
            names[key] = _checked_name(table, number, key, cell)
        elif cell:
            try:
                site_keys.put(site, column, site_keys.read(column, cell))
            except site_keys.KeyProblem as problem:
                raise table.problem(number, str(problem)) from None
            if key == "endpoint":
                names[key] = cell
    for key in ("endpoint", *_NAMES):
        if key in names:
            name = _UNFIT.sub("_", names[key])
            return "_" + name[1:] if name[0] == "." else name
    there = ", ".join(
        key for key in ("endpoint", *_NAMES) if key in [_name(column) for column in table.columns]
    )
    raise table.problem(number, f"{there}: empty; it names the file")


def _checked_name(table, number, key, cell):
    if key == "imei" and not re.fullmatch("[0-9]{15}", cell):
        shown = site_keys.in_text(cell)[:40]
        raise table.problem(number, f"imei: {shown} is not allowed; use 15 digits")
    if len(cell) > _NAME_MOST:
        raise table.problem(number, f"{key}: too long; use at most {_NAME_MOST} characters")
    return cell


def _name(column):
    return column if column in _NAMES else column.name
