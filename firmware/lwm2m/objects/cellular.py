"""Cellular Connectivity, APN Connection Profile and Bearer Selection (Objects 10, 11 and 13).

They keep what servers and the application write. What of it a modem is to obey is the
application's: a class of its own overrides `write`, and `set` tells what the network decided.
"""

from micropython import const

from lwm2m.object import OperationError
from lwm2m.objects.data import Data

_BAD_REQUEST = const(0x80)


class CellularConnectivity(Data):
    """Cellular Connectivity. values: 11, Activated Profile Names, is mandatory: {11: {0: (11, 0)}}
    links to an APN Connection Profile.
    """

    object_id = 10
    object_version = "1.1"
    multiple = False
    limits = (
        (1, 0, 65535),
        (4, 0, 0x7FFFFFFF),
        (5, 0, 0x7FFFFFFF),
        (7, 0, 255),
        (8, 0, 255),
        (9, 0, 255),
        (10, 0, 255),
        (13, 0, 255),
        (14, 0, 255),
    )
    resources = (
        b"\x00\x00\x03\x01"  # SMSC address
        b"\x00\x01\x03\x02"  # Disable radio period
        b"\x00\x02\x03\x01"  # Module activation code
        b"\x00\x03\x01\x08"  # Vendor specific extensions
        b"\x00\x04\x03\x02"  # PSM Timer (s)
        b"\x00\x05\x03\x02"  # Active Timer (s)
        b"\x00\x07\x03\x06"  # eDRX parameters for Iu mode
        b"\x00\x08\x03\x06"  # eDRX parameters for WB-S1 mode
        b"\x00\x09\x03\x06"  # eDRX parameters for NB-S1 mode
        b"\x00\x0a\x03\x06"  # eDRX parameters for A/Gb mode
        b"\x00\x0b\x19\x08"  # Activated Profile Names
        b"\x00\x0c\x01\x03"  # Supported Power Saving Modes
        b"\x00\x0d\x03\x03"  # Active Power Saving Modes
        b"\x00\x0e\x03\x03"  # Release Assistance Indication Usage
    )

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 what is beyond the limits, and a power saving mode that is not among
        those supported (12), bit by bit.
        """
        super().validate(rid, value)
        if rid == 13 and 12 in self.values and value & ~self.values[12]:
            raise OperationError(_BAD_REQUEST)


class ApnProfile(Data):
    """APN Connection Profile. values: 0, Profile name, and 4, Authentication Type (0 PAP, 1 CHAP,
    2 either, 3 none), are mandatory. Servers may create and delete profiles.
    """

    object_id = 11
    object_version = "1.1"
    creatable = True
    limits = (
        (4, 0, 3),
        (24, 0, 3),
        (27, 0, 4),
        (29, 0, 4),
        (32, 0, 15),
        (33, 0, 15),
    )
    resources = (
        b"\x00\x00\x13\x01"  # Profile name
        b"\x00\x01\x03\x01"  # APN
        b"\x00\x02\x03\x05"  # Auto select APN by device
        b"\x00\x03\x03\x05"  # Enable status
        b"\x00\x04\x13\x02"  # Authentication Type
        b"\x00\x05\x03\x01"  # User Name
        b"\x00\x06\x03\x01"  # Secret
        b"\x00\x07\x03\x01"  # Reconnect Schedule
        b"\x00\x08\x0b\x01"  # Validity (MCC, MNC)
        b"\x00\x09\x09\x07"  # Connection establishment time (1)
        b"\x00\x0a\x09\x02"  # Connection establishment result (1)
        b"\x00\x0b\x09\x02"  # Connection establishment reject cause (1)
        b"\x00\x0c\x09\x07"  # Connection end time (1)
        b"\x00\x0d\x01\x02"  # TotalBytesSent
        b"\x00\x0e\x01\x02"  # TotalBytesReceived
        b"\x00\x0f\x0b\x01"  # IP address (2)
        b"\x00\x10\x0b\x01"  # Prefix length(2)
        b"\x00\x11\x0b\x01"  # Subnet mask (2)
        b"\x00\x12\x0b\x01"  # Gateway (2)
        b"\x00\x13\x0b\x01"  # Primary DNS address (2)
        b"\x00\x14\x0b\x01"  # Secondary DNS address (2)
        b"\x00\x15\x01\x02"  # QCI (3)
        b"\x00\x16\x01\x08"  # Vendor specific extensions
        b"\x00\x17\x01\x02"  # TotalPacketsSent
        b"\x00\x18\x03\x02"  # PDN Type
        b"\x00\x19\x01\x02"  # APN Rate Control
        b"\x00\x1a\x03\x03"  # Serving PLMN Rate control
        b"\x00\x1b\x03\x03"  # Uplink Time Unit
        b"\x00\x1c\x01\x02"  # APN Rate Control for Exception Data
        b"\x00\x1d\x03\x03"  # APN Exception Data Uplink Time Unit
        b"\x00\x1e\x0b\x03"  # Supported RAT Types
        b"\x00\x1f\x0b\x01"  # RDS Application ID
        b"\x00\x20\x0b\x02"  # RDS Destination Port
        b"\x00\x21\x0b\x02"  # RDS Source Port
    )


class BearerSelection(Data):
    """Bearer Selection: which networks are wanted, and how strong."""

    object_id = 13
    object_version = "1.1"
    multiple = False
    limits = (
        (0, 0, 100),
        (1, -110, -48),
        (2, -120, -25),
        (3, -140, -44),
        (10, -158, -44),
    )
    resources = (
        b"\x00\x00\x0b\x02"  # Preferred Communications Bearer
        b"\x00\x01\x03\x02"  # Acceptable RSSI (GSM)
        b"\x00\x02\x03\x02"  # Acceptable RSCP (UMTS)
        b"\x00\x03\x03\x02"  # Acceptable RSRP (LTE)
        b"\x00\x04\x03\x02"  # Acceptable RSSI (1xEV-DO)
        b"\x00\x05\x03\x01"  # Cell lock list
        b"\x00\x06\x03\x01"  # Operator list
        b"\x00\x07\x03\x05"  # Operator list mode
        b"\x00\x08\x01\x01"  # List of available PLMNs
        b"\x00\x09\x01\x08"  # Vendor specific extensions
        b"\x00\x0a\x03\x02"  # Acceptable RSRP (NB-IoT)
        b"\x00\x0b\x03\x02"  # Higher Priority PLMN Search Timer
        b"\x00\x0c\x03\x05"  # Attach without PDN connection
    )
