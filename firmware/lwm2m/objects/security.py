"""LwM2M Security (Object 0), definitions of 1.2: the accounts' addresses and secrets.

Only a bootstrap server may write it; to every other one each operation answers 4.01. No message
and no log quotes its values.
"""

from lwm2m.object import Object


class Security(Object):
    """One account.

    uri: "coap://host:port". short_server_id: of the Server Object Instance that belongs to it.
    mode: 0 PSK, 1 raw public key, 2 certificate, 3 NoSec. identity, server_key, secret: bytes, by
    mode. sms_number: digits from which triggers are taken (resource 9), None for no SMS.
    bootstrap: whether it is the bootstrap server's. hold_off_s, timeout_s: resources 11 and 12 of
    such a one, None to leave them out.
    """

    object_id = 0
    object_version = "1.2"
    multiple = True
    resources = (
        b"\x00\x00\x10\x01"  # LwM2M Server URI
        b"\x00\x01\x10\x05"  # Bootstrap-Server
        b"\x00\x02\x10\x02"  # Security Mode
        b"\x00\x03\x10\x06"  # Public Key or Identity
        b"\x00\x04\x10\x06"  # Server Public Key
        b"\x00\x05\x10\x06"  # Secret Key
        b"\x00\x06\x00\x02"  # SMS Security Mode
        b"\x00\x07\x00\x06"  # SMS Binding Key Parameters
        b"\x00\x08\x00\x06"  # SMS Binding Secret Key(s)
        b"\x00\x09\x00\x01"  # LwM2M Server SMS Number
        b"\x00\x0a\x00\x02"  # Short Server ID
        b"\x00\x0b\x00\x02"  # Client Hold Off Time
        b"\x00\x0c\x00\x02"  # Bootstrap-Server Account Timeout
        b"\x00\x0d\x00\x03"  # Matching Type
        b"\x00\x0e\x00\x01"  # SNI
        b"\x00\x0f\x00\x03"  # Certificate Usage
        b"\x00\x10\x08\x03"  # DTLS/TLS Ciphersuite
        b"\x00\x11\x00\x08"  # OSCORE Security Mode
        b"\x00\x12\x08\x03"  # Groups To Use by Client
        b"\x00\x13\x08\x03"  # Signature Algorithms Supported by Server
        b"\x00\x14\x08\x03"  # Signature Algorithms To Use by Client
        b"\x00\x15\x08\x03"  # Signature Algorithm Certs Supported by Server
        b"\x00\x16\x00\x03"  # TLS 1.3 Features To Use by Client
        b"\x00\x17\x00\x03"  # TLS Extensions Supported by Server
        b"\x00\x18\x00\x03"  # TLS Extensions To Use by Client
        b"\x00\x19\x08\x01"  # Secondary LwM2M Server URI
        b"\x00\x1a\x00\x08"  # MQTT Server
        b"\x00\x1b\x08\x08"  # LwM2M COSE Security
        b"\x00\x1c\x00\x02"  # RDS Destination Port
        b"\x00\x1d\x00\x02"  # RDS Source Port
        b"\x00\x1e\x00\x01"  # RDS Application ID
    )

    def __init__(
        self,
        uri: str = "",
        short_server_id: "int | None" = None,
        mode: int = 3,
        identity: bytes = b"",
        server_key: bytes = b"",
        secret: bytes = b"",
        sms_number: "str | None" = None,
        bootstrap: bool = False,
        hold_off_s: "int | None" = None,
        timeout_s: "int | None" = None,
    ) -> None:
        super().__init__()
        values = self.values
        values[0] = uri
        values[1] = bootstrap
        values[2] = mode
        values[3] = identity
        values[4] = server_key
        values[5] = secret
        if sms_number is not None:
            values[6] = 3
            values[9] = sms_number
        if short_server_id is not None:
            values[10] = short_server_id
        if hold_off_s is not None:
            values[11] = hold_off_s
        if timeout_s is not None:
            values[12] = timeout_s
