"""Short names for what stays inside the firmware: a board's heap holds every name of it once.

MicroPython interns the names of attributes, functions, parameters and a module's variables, at
about 20 bytes each. Most occur in a module or two, so the modules can share a few names among
them: `_0`, `_1` and so on, which nobody gives anything by hand. Two names that occur in one
module, or in modules that one class is made of, never get the same one, and a name gets the same
one everywhere.

Names that stay inside are the private ones, `_like_this`, and of the others those of functions,
classes, variables of modules and parameters that are never an attribute or a keyword, are in no
string, and that no application meets. Constants, which the compiler folds away, have none.
"""

import ast
import builtins
import gc
import io
import re
import tokenize

_DOTTED = re.compile(r"[\w. ]+")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def assign(firmware: dict, others: dict, interface=frozenset()) -> dict:
    """Return {name inside the firmware: short name}.

    firmware, others: {dotted name: source}, of the modules that go on a board and of those that
    use their names, as tests do; what those have of their own stays as it is. interface: what
    applications call by name. Raises SyntaxError whose filename is the module.
    """
    sources = {**others, **firmware}
    trees = {module: _parsed(source, module) for module, source in sources.items()}
    found = {module: names_of(source) for module, source in sources.items()}
    inside = set().union(*(_private(found[module], trees[module]) for module in firmware))
    inside |= _defined(trees[module] for module in firmware) - interface - _met(trees, firmware)
    inherited = {module: _bases(tree, module) for module, tree in trees.items()}
    together = [
        inside & set().union(*(found.get(each, ()) for each in family))
        for family in (_family(module, inherited) for module in sources)
    ]
    short = {}
    for name in sorted(inside, key=lambda name: (-_count(name, together), name)):
        beside = set().union(*(group for group in together if name in group))
        taken = {short[other] for other in beside if other in short}
        number = 0
        while f"_{number}" in taken:
            number += 1
        short[name] = f"_{number}"
    return short


def interface(page: str, modules) -> set:
    """Return the names that an application may use: all words of the page about them, and what
    the modules (sources) that it meets define, with the parameters of that.
    """
    names = set(re.findall(r"\w+", page))
    for source in modules:
        tree = _parsed(source)
        names |= _defined((tree,))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)}
    return {name for name in names if not name.startswith("_")}


def shorten(source: str, short: dict) -> str:
    """Return a module's source with its names replaced; its lines stay where they are.

    Raises ValueError where one stands in an f-string, which older Pythons do not take apart.
    """
    lines = source.splitlines(keepends=True)
    for token in reversed(list(_tokens(source))):
        if token.string in short:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + short[token.string] + line[token.end[1] :]
    text = "".join(lines)
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Attribute) and node.attr in short:
            raise ValueError(f"line {node.lineno}: {node.attr} in an f-string")
    return text


def _parsed(source, name="<text>"):
    # Callbacks of a collection, such as hypothesis has, make the parser of Python 3.11 fail.
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, name)
    finally:
        if collects:
            gc.enable()


def _nodes(tree):
    """Return all nodes of a module; walked once, because that is what takes the time."""
    if not hasattr(tree, "nodes"):
        tree.nodes = list(ast.walk(tree))
    return tree.nodes


def _count(name, groups):
    return sum(name in group for group in groups)


def names_of(source: str) -> set:
    """Return every name in a module's source."""
    return {token.string for token in _tokens(source)}


def _tokens(source):
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token


def _private(names, tree):
    constants = _constants(tree)
    return {
        name
        for name in names - constants
        if name.startswith("_") and not name.startswith("__") and name.strip("_")
    }


def _constants(tree):
    """Return what a module sets with const()."""
    return {
        target.id
        for node in _nodes(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "const"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _defined(trees):
    """Return the public functions, classes and variables of modules, and all parameters."""
    names = set()
    for tree in trees:
        for node in tree.body:
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        names |= {node.arg for node in _nodes(tree) if isinstance(node, ast.arg)} - {"self"}
        names -= _constants(tree)
    return {name for name in names if not name.startswith("_")}


def _met(trees, firmware):
    """Return the names that are more than one module's, or are reached in another way than by
    `from … import`: of builtins, modules, attributes, keywords; in strings; and of exceptions,
    which are told by name.
    """
    names = set(dir(builtins))
    for module, tree in trees.items():
        names.update(module.split("."))
        names |= _constants(tree)
        for node in _nodes(tree):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                names.add(node.arg)
            elif isinstance(node, ast.JoinedStr):
                names |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            elif isinstance(node, ast.ClassDef):
                names |= _in_class(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if _DOTTED.fullmatch(node.value):
                    names.update(re.findall(r"\w+", node.value))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                if isinstance(node, ast.Import) or _source(node, module) not in firmware:
                    names.update(re.findall(r"\w+", ast.unparse(node)))
    return names


def _in_class(node):
    names = {part.name for part in node.body if isinstance(part, _FUNCTIONS)}
    for part in node.body:
        if isinstance(part, ast.Assign):
            names |= {target.id for target in part.targets if isinstance(target, ast.Name)}
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            names.add(part.target.id)
    if any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases):
        names.add(node.name)
    return names


def _source(node, module):
    """Return the module that an `import from` of another module takes something from."""
    package = module.split(".")[: -node.level] if node.level else []
    return ".".join([*package, *([node.module] if node.module else [])])


def _bases(tree, module):
    """Return the modules from which a module takes a class to inherit from."""
    origin = {}
    for node in _nodes(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origin[alias.asname or alias.name] = _source(node, module)
    return {
        origin[base.id]
        for node in _nodes(tree)
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
