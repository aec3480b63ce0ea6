"""Enabler versions: the rest of the client asks a `Version` and never compares names.

`draft` is the change request (CR 5.2.1, C.1, 6.1), the others are OMA-TS-LightweightM2M. What they
say differently stands in `lwm2m.enablers`.

Roles are the names by which code refers to a resource of the LwM2M Server object (Object 1),
because its numbering changed between the draft and the released versions.
"""

# Values of Binding in 1.0; the draft counts the first four of them.
_BINDINGS = ("U", "UQ", "S", "SQ", "US", "UQS")

_NAMES = ("draft", "1.0", "1.1", "1.2")
_loaded = {}


class Roles:
    """The roles that a version of Object 1 has: `in`, [role] and get(role) as a dict of ids has.

    names: the roles of the resource ids 0, 1, 2 ... This takes less memory than a dict does.
    """

    def __init__(self, names: tuple) -> None:
        self._names = names

    def get(self, role: str) -> "int | None":
        """Return the resource id of a role, None where the version lacks it."""
        return self._names.index(role) if role in self._names else None

    def __contains__(self, role: str) -> bool:
        return role in self._names

    def __getitem__(self, role: str) -> int:
        return self._names.index(role)

    def name(self, rid: int) -> "str | None":
        """Return the role of a resource id, None where the version lacks it."""
        return self._names[rid] if 0 <= rid < len(self._names) else None


class Version:
    """What one enabler version prescribes.

    name: "draft", "1.0", "1.1" or "1.2".
    server_table: rows of Object 1, 4 bytes each (see lwm2m.object).
    server_resources: the Roles of that table.
    lower: the version to go on with where a server answers 4.12, None for none.
    server_version: object version of Object 1 to announce as `;ver=`, None for 1.0.
    implied: (Object ID, minor version) by bytes, of the Objects whose version, where a client does
        not tell it, is not 1.0; 255 for one that is to be told in any case.
    update_method: CoAP method code of Update, PUT = 3 in the draft, POST = 2 after (OMA issue 96).
    lwm2m_query: value of `lwm2m=`, None where it is not sent (CR Table 2: only > 1.0).
    queue_query: the parameter of its own that asks for queue mode ("q", "Q"), None where the
        binding parameter says it.
    binding_query: whether `b=` is sent.
    awake_rule: the attribute of a link's Transmission that is the awake time: ACK_TIMEOUT (CR 6.1)
        or MAX_TRANSMIT_WAIT (TS 1.0 8.3).
    sms_replies: True where a request over SMS gets its immediate response over SMS (CR Table 3);
        False where, unless the binding is S, only the trigger is obeyed and nothing is answered.
    default_pmin_s: Minimum Period where nothing says it (CR C.1 resource 5: 1; TS C.1: 0).
    update_on_address_change: True where a new address needs an Update (CR 5.2.1), False where the
        released text asks a NoSec client to Register again.
    structured_format: content format of a multi-valued answer to a request without Accept.
    formats: content formats the client may send, its own choice first; 112 in the older versions
        only to a request whose Accept names it.
    announced_format: `ct` of the root link: the JSON of 1.0 by its number (TS 1.0 §5.3.1), which
        the draft leaves to IANA (CR 5.2.1, 100 in its example).
    attributes: names of the attributes that may be written, with spaces between (TS 1.2 7.3).
    composite: whether FETCH and iPATCH are served (TS 1.1 6.3.8, 6.3.9).
    observe_attributes: whether an Observe may bring attributes of its own (TS 1.2 6.4.1).
    discover_depth: whether a Discover may say its depth (TS 1.2 6.3.2).
    delete_resource_instance: whether a Delete may name one (TS 1.2 6.3.7).
    endless: whether a Lifetime of 0 never ends (TS 1.2 E.2).
    profiles: whether a Register may name a profile instead of its object list (TS 1.2 6.2.1).
    """

    name: str
    server_table: bytes
    server_resources: Roles
    lower: "str | None"
    server_version: "str | None"
    implied: bytes
    update_method: int
    lwm2m_query: "str | None"
    queue_query: "str | None"
    binding_query: bool
    awake_rule: str
    sms_replies: bool
    default_pmin_s: int
    update_on_address_change: bool
    structured_format: int
    formats: tuple
    announced_format: int
    attributes: str
    composite: bool
    observe_attributes: bool
    discover_depth: bool
    delete_resource_instance: bool
    endless: bool
    profiles: bool

    def parse_binding(self, value) -> "tuple[str, bool] | None":
        """Read a value of Binding Preference (CR C.1 resource 10) or Binding (since 1.0: 7).

        Returns (transports, queue mode): transports is "U", "S" or "US", preferred first; or None
        when the version does not allow the value. Since 1.1 the queue mode is not part of it.
        """
        if not self.binding_query:
            value = _BINDINGS[value] if value in (0, 1, 2, 3) else ""
        elif not isinstance(value, str):
            return None
        if self.queue_query != "Q":
            return (value.replace("Q", ""), "Q" in value) if value in _BINDINGS else None
        letters = "UTSNMH" if self.endless else "UTSN"
        transports = ""
        for letter in value:
            if letter not in letters or value.count(letter) > 1:
                return None
            if letter in "US":
                transports += letter
        return (transports, False) if transports else None

    def format_binding(self, transports: str, queue: bool):
        """Return the value of the binding resource for transports ("U", "S", "US") and queue mode.

        An int in the draft, whose value names the preferred transport only; a str after it.
        """
        if not self.binding_query:
            return _BINDINGS.index(transports[0] + ("Q" if queue else ""))
        if self.queue_query:
            return transports
        if len(transports) > 1:
            return "UQS" if queue else "US"
        return transports + ("Q" if queue else "")


def get(name: str) -> Version:
    """Return the version called name; ValueError naming the allowed ones when there is none."""
    if name not in _NAMES:
        raise ValueError("version {!r}: use one of {}".format(name, ", ".join(_NAMES)))
    if name not in _loaded:
        from lwm2m.enablers import describe

        _loaded[name] = version = Version()
        describe(version, name)
    return _loaded[name]
