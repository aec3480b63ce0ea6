"""Portfolio and BinaryAppDataContainer (Objects 16 and 19): what servers keep on the device."""

from lwm2m.objects.data import Data


class Portfolio(Data):
    """Portfolio: identities that extend other Objects; servers may create and delete instances.

    GetAuthData (1) is not there unless a class of your own has it, by `has` and `execute`.
    """

    object_id = 16
    creatable = True
    resources = (
        b"\x00\x00\x1b\x01"  # Identity
        b"\x00\x01\x04\x00"  # GetAuthData
        b"\x00\x02\x09\x06"  # AuthData
        b"\x00\x03\x01\x02"  # AuthStatus
    )

class BinaryAppData(Data):
    """BinaryAppDataContainer: data of an application, down or up, in instances by direction.

    To act on what a server writes, override `write`; `set(0, data, 0)` reports data upwards.
    """

    object_id = 19
    creatable = True
    limits = ((1, 0, 254), (3, 0, 32), (4, 0, 32), (5, 0, 65535))
    resources = (
        b"\x00\x00\x1b\x06"  # Data
        b"\x00\x01\x03\x02"  # Data Priority
        b"\x00\x02\x03\x07"  # Data Creation Time
        b"\x00\x03\x03\x01"  # Data Description
        b"\x00\x04\x03\x01"  # Data Format
        b"\x00\x05\x03\x02"  # App ID
    )
