"""An embedded LwM2M server for tests, the demo and the command line; see core.py."""

from .core import LwM2mServer, running
from .endpoint import RequestFailed, Transmission
from .operations import Result
from .registry import Client, UnknownEndpoint
from .trigger import TriggerSms

__all__ = [
    "Client",
    "LwM2mServer",
    "RequestFailed",
    "Result",
    "Transmission",
    "TriggerSms",
    "UnknownEndpoint",
    "running",
]
