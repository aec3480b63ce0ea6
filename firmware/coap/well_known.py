"""Resource discovery: which links of `/.well-known/core` a request asks for (RFC 6690 §4.1)."""

# Attributes that hold a list with spaces between, any one of which may match.
_LISTS = ("rt", "if", "rel", "rev", "ct")


def filtered(links, queries):
    """Yield those of `links` that match every filter.

    links: an iterable of str, a link each, as '</s/t>;rt="temperature c";ct=50'. queries: the
    Uri-Query arguments of the request as str. "rt=a" takes the links of which an item of `rt` is
    "a", "rt=a*" those of which one begins with "a", "rt=*" those that have the attribute, as does
    "rt" alone; "href" stands for what is between < and >. The RFC defines a single filter; of
    several, a link has to match all.
    """
    filters = [_parted(query) for query in queries if query]
    for link in links:
        for name, wanted in filters:
            if not _matches(link, name, wanted):
                break
        else:
            yield link


def _parted(query: str) -> tuple:
    at = query.find("=")
    return (query, "*") if at < 0 else (query[:at], query[at + 1 :])


def _matches(link: str, name: str, wanted: str) -> bool:
    """Tell whether an attribute of this name has a value that is wanted."""
    at = link.find(">")
    if name == "href":
        return _fits(link[link.find("<") + 1 : at], wanted)
    at = link.find(";", at)
    while at >= 0:
        start = at + 1
        at = _end(link, start)
        attribute = link[start:at] if at >= 0 else link[start:]
        found, _, value = attribute.partition("=")
        if found == name:
            if value.startswith('"'):
                value = _unquoted(value)
            for item in value.split(" ") if name in _LISTS else (value,):
                if _fits(item, wanted):
                    return True
    return False


def _end(link: str, at: int) -> int:
    """Return where the next attribute begins, at its ";", or -1; a ";" in quotes begins none."""
    end = link.find(";", at)
    quote = link.find('"', at)
    if not 0 <= quote < end:
        return end
    while True:
        quote = link.find('"', quote + 1)
        before = quote
        while link[before - 1] == "\\":
            before -= 1
        if quote - before & 1 == 0 or quote < 0:
            return link.find(";", quote)


def _unquoted(value: str) -> str:
    value = value[1:-1]
    at = value.find("\\")
    while at >= 0:
        value = value[:at] + value[at + 1 :]
        at = value.find("\\", at + 1)
    return value


def _fits(value: str, wanted: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted
