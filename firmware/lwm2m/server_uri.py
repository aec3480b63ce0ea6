"""Where a server is to be found: the URI and the telephone number that a configuration tells.

Programs on a desk read them too, so nothing of MicroPython's own is needed here.
"""


def digits(number: "str | None") -> "str | None":
    """Return the digits of a telephone number, None for what is none (alphanumeric sender)."""
    if not number:
        return None
    kept = number.replace("+", "").replace(" ", "").replace("-", "")
    for character in kept:
        if not "0" <= character <= "9":
            return None
    return kept or None


_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.-_"


def parse_uri(uri: str) -> tuple:
    """Return (host, port, rest) of `coap://host[:port][/path][?query]`, RFC 7252 §6.1.

    rest: "path?query" without the slash before it, "" for none. Raises ValueError for others. A
    host is a name or an IPv4 address: a server may write it, and a modem's command line holds it,
    so that nothing else is let through; nor are percent-encodings.
    """
    address, _, rest = uri[7:].partition("/")
    host, _, port = address.partition(":")
    port = port or "5683"
    if (
        uri[:7] != "coap://"
        or not host
        or host.lower().strip(_LETTERS)
        or len(port) > 5
        or port.strip("0123456789")
        or not 0 < int(port) < 65536
        or rest.lower().strip(_LETTERS + "~/?!$&'()*+,;=:@")
    ):
        raise ValueError("server URI {!r}: use coap://host:port".format(uri))
    return host, int(port), rest
