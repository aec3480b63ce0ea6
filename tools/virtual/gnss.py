"""The GNSS receiver of SIM7000 and SIM7080: AT+CGNSPWR, AT+CGNSINF, AT+CGPIO (AT7000 ch. 19).

The lines of AT+CGNSINF are as modules give them: 21 fields on a SIM7000, 18 on a SIM7080, which
leaves the fix status empty and tells a place of its own before it has one. A SIM7080 has one radio
for both: while AT+CFUN is 1 its receiver finds nothing.
"""

from tools.virtual import sms_pdu
from tools.virtual.at import ERROR, OK, number

_CLOCK_S = 5  # from the first satellite to the time of day
_FIELDS = {"sim7000": 21, "sim7080": 18}
_ANTENNA_PIN = 48


class Gnss:
    """The receiver and the sky above it.

    place: (latitude, longitude) in degrees, or None where nothing is received. fix_s: seconds
    from power on to a fix. altitude: metres. speed: km/h. course: degrees, or None. accuracy:
    metres, or None where the modem does not tell it. fed: whether the antenna gets its supply by
    itself; where it does not, pin 48 has to be high (T-SIM7000G).
    """

    def __init__(self, modem):
        self._modem = modem
        self._grammar = modem.profile.ca
        self.place = None
        self.fix_s = 30
        self.altitude = 114.6
        self.speed = 0.0
        self.course = None
        self.accuracy = None
        self.fed = True
        self._since_ms = 0
        modem.define("+CGNSPWR", 0)
        modem.define("+CGPIO", 0)
        modem.line.commands.update(
            {"+CGNSPWR": self._power, "+CGNSINF": self._tell, "+CGPIO": self._pin}
        )

    @property
    def on(self) -> bool:
        """Whether the receiver runs."""
        return self._modem.state == "on" and bool(self._modem.settings["+CGNSPWR"])

    def set(self, latitude=None, longitude=None, fix_s=None, **more) -> None:
        """Say where the modem is and how long it takes to find out; without a place, nowhere.

        Raises ValueError for what is none.
        """
        if (latitude is None) != (longitude is None):
            raise ValueError("latitude and longitude go together")
        for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
            if value is not None and not -most <= float(value) <= most:
                raise ValueError(f"{name} {value} is not {-most} to {most}")
        if fix_s is not None and not 0 <= float(fix_s) <= 86400:
            raise ValueError(f"fix_s {fix_s} is not 0 to 86400")
        for name, value in more.items():
            if name not in ("altitude", "speed", "course", "accuracy", "fed"):
                raise ValueError(f"{name} is none of altitude, speed, course, accuracy, fed")
            setattr(self, name, value)
        self.place = None if latitude is None else (float(latitude), float(longitude))
        if fix_s is not None:
            self.fix_s = fix_s

    def _power(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CGNSPWR: {modem.settings['+CGNSPWR']}")
        elif op == "=?":
            modem.reply("+CGNSPWR: (0-1)")
        elif op == "=" and len(args) == 1 and number(args, 0) in (0, 1):
            on = number(args, 0)
            if on != modem.settings["+CGNSPWR"]:
                modem.set("+CGNSPWR", on)
                self._since_ms = modem.timers.now()
                modem.event("gnss", {"on": bool(on)})
        else:
            return ERROR
        return OK

    def _pin(self, op, args):
        if op != "=" or number(args, 0) != 0 or len(args) != 4:
            return OK if op == "=?" else ERROR
        if number(args, 2) not in (0, 1) or number(args, 3) not in (0, 1):
            return ERROR
        if number(args, 1) == _ANTENNA_PIN:
            self._modem.set("+CGPIO", number(args, 3))
        return OK

    def _tell(self, op, args):
        if op:
            return OK if op == "=?" else ERROR
        fields = self._fields()
        fields += [""] * (_FIELDS[self._grammar] - len(fields))
        self._modem.reply("+CGNSINF: " + ",".join(fields))
        return OK

    def _fields(self):
        modem = self._modem
        alone = self._grammar == "sim7080"
        if not self.on:
            return ["0"]
        running_ms = modem.timers.now() - self._since_ms
        hears = self.place and (self.fed or modem.settings["+CGPIO"])
        if alone and modem.settings["+CFUN"] == 1:
            hears = False
        found = hears and running_ms >= self.fix_s * 1000
        if alone and not found:
            return "1,,,0.000000,0.000000,-18.000,,,1,,0.1,0.1,0.1,,,,9999000.0,6000.0".split(",")
        if not found:
            if not hears or running_ms < _CLOCK_S * 1000:
                return "1,0,,,,,,,0".split(",")
            return ["1", "0", self._time()] + ",,,0.00,0.0,0,,,,,,3,0,,,44".split(",")
        place = ["%.6f" % self.place[0], "%.6f" % self.place[1], "%.3f" % self.altitude]
        speed = "%.2f" % self.speed
        course = "" if self.course is None else "%.1f" % self.course
        accuracy = "" if self.accuracy is None else "%.1f" % self.accuracy
        fields = ["1", "1", self._time()] + place + [speed]
        if alone:
            return fields + [course] + "1,,1.4,1.7,0.9,,6,".split(",") + [accuracy or "12.4"]
        course = course or "0.0"
        return fields + [course] + "1,,1.1,1.4,0.9,,9,6,,,45".split(",") + [accuracy]

    def _time(self):
        return "%04d%02d%02d%02d%02d%02d.000" % sms_pdu.civil(self._modem.network.epoch_s())
