"""Enabler versions as data: all that the change request, LwM2M 1.0, 1.1 and 1.2 say differently.

The rest of the client asks a `Version` and never compares names. `draft` is the change request
(CR 5.2.1, C.1, 6.1), the others are OMA-TS-LightweightM2M.

Roles are the names by which code refers to a resource of the LwM2M Server object (Object 1),
because its numbering changed between the draft and the released versions: see _DRAFT_ROLES and
_ROLES below.
"""

# Rows of Object 1: resource id (2 bytes), flags (R=1 W=2 E=4 MULTIPLE=8 MANDATORY=16),
# type (NONE=0 STRING=1 INTEGER=2 UNSIGNED=3 FLOAT=4 BOOLEAN=5 OPAQUE=6 TIME=7 OBJLNK=8).
_DRAFT_SERVER = (
    b"\x00\x00\x03\x01"  # LWM2M Server URI
    b"\x00\x01\x03\x02"  # Lifetime
    b"\x00\x02\x01\x02"  # Security Mode
    b"\x00\x03\x01\x06"  # Security Key
    b"\x00\x04\x01\x03"  # Short Server ID
    b"\x00\x05\x03\x03"  # Default Minimum Period
    b"\x00\x06\x03\x03"  # Default Maximum Period
    b"\x00\x07\x04\x00"  # Disable
    b"\x00\x08\x03\x03"  # DisableTimeout
    b"\x00\x09\x03\x05"  # Notification Storing When Disabled or Offline
    b"\x00\x0a\x03\x02"  # Binding Preference
    b"\x00\x0b\x04\x00"  # Registration Update Trigger
)
_SERVER = (
    b"\x00\x00\x11\x02"  # Short Server ID
    b"\x00\x01\x13\x02"  # Lifetime
    b"\x00\x02\x03\x02"  # Default Minimum Period
    b"\x00\x03\x03\x02"  # Default Maximum Period
    b"\x00\x04\x04\x00"  # Disable
    b"\x00\x05\x03\x02"  # Disable Timeout
    b"\x00\x06\x13\x05"  # Notification Storing When Disabled or Offline
    b"\x00\x07\x13\x01"  # Binding
    b"\x00\x08\x14\x00"  # Registration Update Trigger
)
_SINCE_1_1 = (
    b"\x00\x09\x04\x00"  # Bootstrap-Request Trigger
    b"\x00\x0a\x03\x08"  # APN Link
    b"\x00\x0b\x01\x03"  # TLS-DTLS Alert Code
    b"\x00\x0c\x01\x07"  # Last Bootstrapped
)
_ORDER_1_1 = (
    b"\x00\x0d\x00\x03"  # Registration Priority Order
    b"\x00\x0e\x00\x03"  # Initial Registration Delay Timer
    b"\x00\x0f\x00\x05"  # Registration Failure Block
    b"\x00\x10\x00\x05"  # Bootstrap on Registration Failure
    b"\x00\x11\x00\x03"  # Communication Retry Count
    b"\x00\x12\x00\x03"  # Communication Retry Timer
    b"\x00\x13\x00\x03"  # Communication Sequence Delay Timer
    b"\x00\x14\x00\x03"  # Communication Sequence Retry Count
)
_ORDER_1_2 = (
    b"\x00\x0d\x01\x03"  # Registration Priority Order
    b"\x00\x0e\x03\x03"  # Initial Registration Delay Timer
    b"\x00\x0f\x01\x05"  # Registration Failure Block
    b"\x00\x10\x01\x05"  # Bootstrap on Registration Failure
    b"\x00\x11\x03\x03"  # Communication Retry Count
    b"\x00\x12\x03\x03"  # Communication Retry Timer
    b"\x00\x13\x03\x03"  # Communication Sequence Delay Timer
    b"\x00\x14\x03\x03"  # Communication Sequence Retry Count
)
_TRIGGER = (
    b"\x00\x15\x03\x05"  # Trigger
    b"\x00\x16\x03\x01"  # Preferred Transport
    b"\x00\x17\x03\x05"  # Mute Send
)
_SINCE_1_2 = (
    b"\x00\x18\x0b\x08"  # Alternate APN Links
    b"\x00\x19\x0b\x01"  # Supported Server Versions
    b"\x00\x1a\x03\x02"  # Default Notification Mode
    b"\x00\x1b\x03\x03"  # Profile ID Hash Algorithm
)

# The roles, in the order of the resource ids 0, 1, 2 ...; each stands between two spaces.
_DRAFT_ROLES = (
    " uri lifetime security_mode security_key short_server_id pmin pmax disable disable_timeout "
    "storing binding update_trigger "
)
_ROLES = (
    " short_server_id lifetime pmin pmax disable disable_timeout storing binding update_trigger "
    "bootstrap_trigger apn_link alert_code last_bootstrapped priority registration_delay "
    "failure_block bootstrap_on_failure retry_count retry_timer sequence_delay sequence_retries "
    "sms_trigger preferred_transport mute_send alternate_apn server_versions "
    "default_notification_mode profile_hash "
)

# Values of Binding in 1.0; the draft counts the first four of them.
_BINDINGS = ("U", "UQ", "S", "SQ", "US", "UQS")

_NAMES = ("draft", "1.0", "1.1", "1.2")
_loaded = {}


class Roles:
    """The roles that a version of Object 1 has: `in`, [role] and get(role) as a dict of ids has.

    One text of all the names takes a tenth of the memory of a dict of them.
    """

    def __init__(self, names: str, count: int) -> None:
        self._names = names
        self._count = count

    def get(self, role: str) -> "int | None":
        """Return the resource id of a role, None where the version lacks it."""
        at = self._names.find(" %s " % role)
        rid = self._names.count(" ", 0, at) if at >= 0 else self._count
        return rid if rid < self._count else None

    def __contains__(self, role: str) -> bool:
        return self.get(role) is not None

    def __getitem__(self, role: str) -> int:
        rid = self.get(role)
        if rid is None:
            raise KeyError(role)
        return rid

    def name(self, rid: int) -> "str | None":
        """Return the role of a resource id, None where the version lacks it."""
        return self._names.split(" ")[rid + 1] if 0 <= rid < self._count else None


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

    def __init__(self, name: str) -> None:
        draft = name == "draft"
        latest = name == "1.2"
        later = latest or name == "1.1"
        self.name = name
        table = _DRAFT_SERVER if draft else _SERVER
        if later:
            table += _SINCE_1_1 + (_ORDER_1_2 if latest else _ORDER_1_1) + _TRIGGER
        if latest:
            table += _SINCE_1_2
        self.server_table = table
        self.server_resources = Roles(_DRAFT_ROLES if draft else _ROLES, len(table) // 4)
        self.lower = "1.1" if latest else "1.0" if later else None
        self.server_version = name if later else None
        # TS 1.1.1 has Server and Device 1.1, Connectivity Monitoring 1.2. In 1.2 all are told, for
        # Profile IDs, and so is a 1.0 of Access Control and Firmware Update.
        self.implied = b"\x02\xff\x05\xff" if latest else b"\x01\x01\x03\x01\x04\x02"
        self.update_method = 3 if draft else 2
        self.lwm2m_query = None if draft else name
        self.queue_query = "q" if draft else "Q" if later else None
        self.binding_query = not draft
        self.awake_rule = "ack_timeout_ms" if draft else "max_transmit_wait_ms"
        self.sms_replies = not later
        self.default_pmin_s = 1 if draft else 0
        self.update_on_address_change = draft
        self.structured_format = 112 if later else 11542
        self.formats = (0, 42, 112, 60, 11542, 110) if later else (0, 42, 11542, 11543, 112)
        self.attributes = "pmin pmax gt lt st"
        if later:
            self.attributes += " epmin epmax"
        if latest:
            self.formats += (320, 322, 11544)
            self.attributes += " edge con hqmax"
        self.announced_format = 112 if later else 11543
        self.composite = later
        self.observe_attributes = self.discover_depth = self.delete_resource_instance = latest
        self.endless = self.profiles = latest

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
        _loaded[name] = Version(name)
    return _loaded[name]
