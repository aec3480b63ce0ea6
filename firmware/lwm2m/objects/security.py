"""LwM2M Security (Object 0), definitions of 1.1: the accounts' addresses and secrets.

No server may read or write it (every operation answers 4.01), and no message quotes its values.
"""

from lwm2m.object import Object


class Security(Object):
    """One account.

    uri: "coap://host:port". short_server_id: of the Server Object Instance that belongs to it.
    mode: 0 PSK, 1 raw public key, 2 certificate, 3 NoSec. identity, server_key, secret: bytes, by
    mode. sms_number: digits from which triggers are taken (resource 9), None for no SMS.
    """

    object_id = 0
    object_version = "1.1"
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
    ) -> None:
        super().__init__()
        values = self.values
        values[0] = uri
        values[1] = False
        values[2] = mode
        values[3] = identity
        values[4] = server_key
        values[5] = secret
        if sms_number is not None:
            values[6] = 3
            values[9] = sms_number
        if short_server_id is not None:
            values[10] = short_server_id
