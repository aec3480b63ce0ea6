"""What a simulated life (system/simulation.py) is like: modem, version, settings; by its seed."""

from system.faults import Draw

_MODEMS = ("sim800", "sim7000", "sim7000", "sim7080")
_VERSIONS = ("1.1", "1.1", "1.1", "draft", "1.0", "1.2")
_REPORTS_S = (900, 3_600, 3_600, 10_800)
_LIFETIMES_S = (86_400, 86_400, 7_200, 604_800)
# Seconds in which the application raises, from the first time on.
_CRASHING_S = (1, 1, 3_600, 10_800)


class Variant:
    """What one life is like, drawn from its seed where it is not given."""

    def __init__(self, seed, modem=None, report_s=None):
        draw = Draw(seed + 77)
        self.link = modem or draw.of(_MODEMS)
        self.version = draw.of(_VERSIONS)
        self.report_s = report_s or draw.of(_REPORTS_S)
        self.lifetime_s = draw.of(_LIFETIMES_S)
        self.sleep = "deep" if draw.chance(700) else draw.of(("light", "light", "idle", "none"))
        self.nat_timeout_s = draw.of((30, 60, 60, 300, None))
        self.slow_permille = draw.of((0, 0, 0, 5, 15))
        self.pins = {"ri": None} if draw.chance(100) else {}
        self.modem = {"apn": "iot.example"}
        if draw.chance(200):
            self.modem["udp_manual"] = True
        if self.link != "sim800" and draw.chance(250):
            self.modem["network"] = "nb-iot"
        self.stored_bytes = draw.of((2048, 2048, 200))
        self.outlive = draw.chance(150)
        self.sends = self.version in ("1.1", "1.2") and draw.chance(300)
        self.composite = self.version in ("1.1", "1.2") and draw.chance(500)
        self.crashing_s = draw.of(_CRASHING_S) if draw.chance(200) else 0
        self.crashes_in_setup = draw.chance(300)
        self.other = {"lifetime_s": draw.of(_LIFETIMES_S)} if draw.chance(200) else None
        self.profile = None
        if self.link == "sim7000" and draw.chance(250):
            self.modem["udp_set"] = "ca"
            self.modem.pop("udp_manual", None)
            self.profile = draw.of((None, "sim7000g-1351", "sim7000g-1529b10v02"))
        self.idle = "sleep"
        if self.sleep != "none" and draw.chance(150):
            self._no_sms(draw)

    def _no_sms(self, draw):
        """The modem is off, or as good as off, between two reports: no text message is sent."""
        self.idle = "off" if self.link == "sim800" else draw.of(("psm", "off"))
        self.modem["idle"] = self.idle
        self.lifetime_s = min(self.lifetime_s, 86_400)
        self.report_s = max(self.report_s, 3_600)  # for less it does not pay
        if self.other:
            self.other.update(sms_trigger=False, lifetime_s=min(self.other["lifetime_s"], 86_400))

    def line(self) -> str:
        """Return the variant in few words."""
        return "%s %s report %d s lifetime %d s %s" % (
            self.link,
            self.version,
            self.report_s,
            self.lifetime_s,
            " ".join([self.sleep] + self._marks()),
        )

    def _marks(self):
        modem = self.modem
        marks = [modem[name] for name in ("network", "udp_set", "idle") if name in modem]
        for there, mark in (
            (self.pins, "no RI"),
            (self.other, "two servers"),
            (self.outlive, "outlive"),
            (self.sends, "Send"),
            (self.composite, "composite"),
            (self.crashing_s, "crashes"),
        ):
            if there:
                marks.append(mark)
        return marks
