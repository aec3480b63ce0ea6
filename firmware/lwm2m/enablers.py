"""What the enabler versions say differently, as data: the change request, LwM2M 1.0, 1.1 and 1.2.

Needed when a version is first asked for, and not afterwards. Each property is explained in
`lwm2m.versions.Version`.
"""

from lwm2m.versions import Roles

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

# The roles of the resource ids 0, 1, 2 ...
_DRAFT_ROLES = (
    "uri",
    "lifetime",
    "security_mode",
    "security_key",
    "short_server_id",
    "pmin",
    "pmax",
    "disable",
    "disable_timeout",
    "storing",
    "binding",
    "update_trigger",
)
_ROLES = (
    "short_server_id",
    "lifetime",
    "pmin",
    "pmax",
    "disable",
    "disable_timeout",
    "storing",
    "binding",
    "update_trigger",
    "bootstrap_trigger",
    "apn_link",
    "alert_code",
    "last_bootstrapped",
    "priority",
    "registration_delay",
    "failure_block",
    "bootstrap_on_failure",
    "retry_count",
    "retry_timer",
    "sequence_delay",
    "sequence_retries",
    "sms_trigger",
    "preferred_transport",
    "mute_send",
    "alternate_apn",
    "server_versions",
    "default_notification_mode",
    "profile_hash",
)


def describe(version, name: str) -> None:
    """Fill in the properties of a lwm2m.versions.Version, which is to be "draft", "1.0", "1.1" or
    "1.2".
    """
    draft = name == "draft"
    latest = name == "1.2"
    later = latest or name == "1.1"
    version.name = name
    table = _DRAFT_SERVER if draft else _SERVER
    if later:
        table += _SINCE_1_1 + (_ORDER_1_2 if latest else _ORDER_1_1) + _TRIGGER
    if latest:
        table += _SINCE_1_2
    version.server_table = table
    version.server_resources = Roles((_DRAFT_ROLES if draft else _ROLES)[: len(table) // 4])
    version.lower = "1.1" if latest else "1.0" if later else None
    version.server_version = name if later else None
    # TS 1.1.1 has Server and Device 1.1, Connectivity Monitoring 1.2. In 1.2 all are told, for
    # Profile IDs, and so is a 1.0 of Access Control and Firmware Update.
    version.implied = b"\x02\xff\x05\xff" if latest else b"\x01\x01\x03\x01\x04\x02"
    version.update_method = 3 if draft else 2
    version.lwm2m_query = None if draft else name
    version.queue_query = "q" if draft else "Q" if later else None
    version.binding_query = not draft
    version.awake_rule = "ack_timeout_ms" if draft else "max_transmit_wait_ms"
    version.sms_replies = not later
    version.default_pmin_s = 1 if draft else 0
    version.update_on_address_change = draft
    version.structured_format = 112 if later else 11542
    version.formats = (0, 42, 112, 60, 11542, 110) if later else (0, 42, 11542, 11543, 112)
    version.attributes = "pmin pmax gt lt st"
    if later:
        version.attributes += " epmin epmax"
    if latest:
        version.formats += (320, 322, 11544)
        version.attributes += " edge con hqmax"
    version.announced_format = 112 if later else 11543
    version.composite = later
    version.observe_attributes = version.discover_depth = version.delete_resource_instance = latest
    version.endless = version.profiles = latest
