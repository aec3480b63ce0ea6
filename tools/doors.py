"""Check the doors of the house: which room of firmware/ may import which (README, "Layout").

`python -m tools.doors` prints every import that no door is drawn for, and ends with 1 if there is
one.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A room may import itself and the rooms named here.
DOORS = {
    "main": {"node"},
    "node": {"lwm2m", "coap", "modem", "secure"},
    "secure": {"coap"},
    "lwm2m": {"coap"},
    "modem": set(),
    "coap": set(),
}
_OUTSIDE = {"tools", "host_tests"}
_HARDWARE = {"machine", "esp32", "esp", "network"}
# The files of a site and of a board, which stand beside main.py on the file system.
_BESIDE_MAIN = {"app", "board"}


def _imported(tree: ast.AST):
    """Yield (line, module name) of every import in a module, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def broken(firmware: Path) -> list:
    """Return a line of text for every import below `firmware` that breaks a rule."""
    found = []
    for path in sorted(firmware.rglob("*.py")):
        parts = path.relative_to(firmware).parts
        room = parts[0] if len(parts) > 1 else path.stem
        where = path.relative_to(firmware.parent).as_posix()
        if room not in DOORS:
            found.append(f"{where}: {room} is no room of the house")
            continue
        for line, name in _imported(ast.parse(path.read_text())):
            top = name.split(".")[0]
            if name.startswith("."):
                if len(name) - len(name.lstrip(".")) >= len(parts):
                    found.append(f"{where}:{line}: relative import out of {room}")
            elif top in _OUTSIDE:
                found.append(f"{where}:{line}: firmware imports {top}")
            elif top in _HARDWARE and parts != ("node", "hw.py"):
                found.append(f"{where}:{line}: {top} is imported outside node/hw.py")
            elif top in DOORS and top != room and top not in DOORS[room]:
                found.append(f"{where}:{line}: no door leads from {room} to {top}")
            elif top in _BESIDE_MAIN and room != "node":
                found.append(f"{where}:{line}: only node may import {top}")
    return found


def main() -> int:
    """Print what is wrong, or one line that says all is well; return the exit code."""
    lines = broken(ROOT / "firmware")
    for line in lines:
        print(line)
    print(
        f"doors: {len(lines)} imports without a door" if lines else "doors: all imports have one"
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
