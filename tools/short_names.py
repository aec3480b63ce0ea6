"""Short names for what is private: a board's heap holds every name of the firmware once.

MicroPython interns the names of attributes, methods and functions of a .mpy file, at about 20
bytes each. A private name, `_like_this`, is used in its own module and in those that inherit from
its classes, so the modules can share a few names among them: `_0`, `_1` and so on, which nobody
gives an attribute by hand. Two private names that occur in one module, or in modules that one
class is made of, never get the same one, and a name gets the same one everywhere.

Names in capitals are constants, which the compiler folds away.
"""

import ast
import gc
import io
import tokenize


def assign(firmware: dict, others: dict) -> dict:
    """Return {private name of the firmware: short name}.

    firmware, others: {dotted name: source}, of the modules that go on a board and of those that
    use their private names, as tests do; what those have of their own stays as it is. Raises
    SyntaxError whose filename is the module.
    """
    sources = {**others, **firmware}
    trees = {module: _parsed(source, module) for module, source in sources.items()}
    found = {module: _names(source) for module, source in sources.items()}
    private = set().union(*(found[module] for module in firmware))
    inherited = {module: _bases(tree, module) for module, tree in trees.items()}
    together = [
        private & set().union(*(found.get(each, ()) for each in family))
        for family in (_family(module, inherited) for module in sources)
    ]
    short = {}
    for name in sorted(private, key=lambda name: (-_count(name, together), name)):
        beside = set().union(*(group for group in together if name in group))
        taken = {short[other] for other in beside if other in short}
        number = 0
        while f"_{number}" in taken:
            number += 1
        short[name] = f"_{number}"
    return short


def _parsed(source, name="<text>"):
    # Callbacks of a collection, such as hypothesis has, make the parser of Python 3.11 fail.
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, name)
    finally:
        if collects:
            gc.enable()


def _count(name, groups):
    return sum(name in group for group in groups)


def shorten(source: str, short: dict) -> str:
    """Return a module's source with its private names replaced; its lines stay where they are.

    Raises ValueError where one stands in an f-string, which older Pythons do not take apart.
    """
    lines = source.splitlines(keepends=True)
    for token in reversed(list(_private(source))):
        if token.string in short:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + short[token.string] + line[token.end[1] :]
    text = "".join(lines)
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Attribute) and node.attr in short:
            raise ValueError(f"line {node.lineno}: {node.attr} in an f-string")
    return text


def _names(source):
    return {token.string for token in _private(source)}


def _private(source):
    """Yield the tokens of a module that are private names."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = token.string
        if token.type == tokenize.NAME and name.startswith("_") and name.strip("_"):
            if not name.startswith("__") and name != name.upper():
                yield token


def _bases(tree, module):
    """Return the modules from which a module takes a class to inherit from."""
    origin = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                origin[alias.asname or alias.name] = source
    return {
        origin[base.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in origin
    }


def _family(module, inherited):
    """Return a module and those that its classes inherit from, near or far."""
    found = {module}
    waiting = [module]
    while waiting:
        for base in inherited.get(waiting.pop(), ()):
            if base not in found:
                found.add(base)
                waiting.append(base)
    return found
