"""SIM800 (L, C, H): GSM only, six sockets."""

from .simcom import SimCom


class Sim800(SimCom):
    """A SIM800; the common driver's figures are its own."""
