"""A site configuration by asking, at a terminal of 80 columns.

Each answer is looked at as the firmware will look at it, with what was answered before; one that
cannot work gets the firmware's line, and the question again. What is answered by Enter alone stays
out of the configuration, or as a template has it.
"""

import copy
import getpass
import sys
import textwrap

from tools import boards, site_keys
from tools.cli import say

_COLUMNS = 80
_LATER = "coap://later.example"
# In the place of what will be asked and must be there.
_MEANWHILE = (
    ("endpoint", "later"),
    ("modem.apn", "later"),
    ("bootstrap.uri", _LATER),
)
_PINS = range(49)
_NAMED = "named by a bootstrap server"
_LEFT_OUT = "-"


def welcome() -> None:
    """Say how to answer."""
    say("Enter takes what is in brackets, - leaves a key out, ? tells what is allowed.")
    say("Ctrl-C ends, and nothing is written.")
    say("")


def board() -> "str | None":
    """Ask for the board whose wires are looked at; return its name, or None."""
    while True:
        answer = _line("Board [none, its pins are not checked]: ").strip()
        if answer in ("", _LEFT_OUT):
            return None
        if answer in boards.names():
            return answer
        _tell("use one of " + ", ".join(boards.names()))


class Asking:
    """The questions about one site; `site` is what has been answered.

    check: callable(site) that raises config.ConfigError where a site cannot work.
    """

    def __init__(self, template: dict, check):
        self.site = copy.deepcopy(template)
        self._check = check
        self._asked = set()
        self._look()  # a template may be wrong as it is

    def run(self) -> dict:
        """Ask everything and return the site; EOFError or KeyboardInterrupt where the person
        ends.
        """
        self.ask("version", "LwM2M version")
        if self.ask("link", "Modem, or udp for none") != "udp":
            self.ask("modem.apn", "Access point name of the operator", by_itself="needed")
            if self.ask("modem.user", "User name there"):
                self.ask("modem.password", "Password there, not shown")
            self.ask("modem.pin", "PIN of the SIM, not shown")
            self.ask("sms_number", "Telephone number of the SIM")
        self._servers()
        self.ask("endpoint", "Endpoint name", by_itself="urn:imei: and the modem's IMEI")
        self._objects()
        return self.site

    def _servers(self):
        title = "Server, coap://HOST:PORT"
        uri = self.ask("servers[0].uri", title, by_itself=_NAMED)
        while not uri and not self._may_bootstrap():
            uri = self.ask("servers[0].uri", title)
        if not uri:
            self.ask("bootstrap.uri", "Bootstrap server, coap://HOST:PORT")
            return
        index = 0
        while uri:
            part = "servers[%d]." % index
            if self._value("link", "sim7000") != "udp":
                self.ask(part + "sms_number", "Telephone number of the server")
                self.ask(part + "binding", "Binding")
            self.ask(part + "lifetime_s", "Lifetime, s")
            index += 1
            if index == self._most("servers"):
                return
            uri = self.ask(f"servers[{index}].uri", "Another server", by_itself="no")

    def _may_bootstrap(self):
        """Return whether there may be a bootstrap server; where not, say why."""
        self.site.pop("servers", None)
        site = copy.deepcopy(self.site)
        try:
            self.site.setdefault("bootstrap", {"uri": _LATER})
            self._look()
        except site_keys.config.ConfigError as error:
            _tell(str(error))
            return False
        finally:
            self.site = site
        return True

    def _objects(self):
        for index in range(self._most("objects")):
            part = "objects[%d]." % index
            title = "Another Object" if index else "Object, such as 3303 (temperature)"
            number = self.ask(part + "object", title, by_itself="no")
            if not number:
                return
            self.ask(part + "pin", "Its GPIO")
            measured = number not in site_keys.config.OUTPUTS
            if measured and site_keys.get(self.site, site_keys.find(part + "pin")) is not None:
                self.ask(part + "scale", "Volts at the pin, times")
                self.ask(part + "offset", "plus")
                self.ask(part + "every_s", "Measured every so many s")
            if measured:
                self.ask(part + "units", "Unit of the result, such as Cel")

    def ask(self, name: str, question: str, by_itself: str = ""):
        """Ask for one key until the answer can work; return its value, None where it is left out.

        by_itself: what is without an answer, where the schema has nothing to say.
        """
        key = site_keys.find(name)
        self._asked.add(name)
        before = copy.deepcopy(self.site)
        while True:
            kept = site_keys.get(self.site, key)
            if kept is None:
                default = site_keys.default_of(key)
                if default in ("", "unset"):
                    default = by_itself or default.replace("unset", "none")
            else:
                default = "set" if key.secret else site_keys.in_text(kept)
            answer = _answer(f"{question} [{default}]: " if default else f"{question}: ", key)
            if answer == "?":
                _tell(f"{key.name}: {site_keys.allowed_of(key)}")
                continue
            try:
                if answer == _LEFT_OUT:
                    site_keys.drop(self.site, key)
                elif answer:
                    site_keys.put(self.site, key, site_keys.read(key, answer))
                elif kept is None and not by_itself and key.default is site_keys.config.NEEDED:
                    site_keys.put(self.site, key, None)  # which the schema refuses
                self._look()
                return site_keys.get(self.site, key)
            except (site_keys.config.ConfigError, site_keys.KeyProblem) as error:
                _tell(str(error))
                self.site = copy.deepcopy(before)

    def _look(self):
        """Check what there is, with something in the place of what will be asked."""
        site = copy.deepcopy(self.site)
        for name, value in _MEANWHILE:
            key = site_keys.find(name)
            if name in self._asked or site_keys.get(site, key):
                continue
            if name != "bootstrap.uri":
                site_keys.put(site, key, value)
            elif not site.get("servers"):
                site["servers"] = [{"uri": value}]
        site = site_keys.numbered(site)
        pin = self._pin_to_come(site)
        for number in _PINS if pin else (None,):
            if pin:
                site_keys.put(site, pin, number)
            try:
                return self._check(site)
            except site_keys.config.ConfigError as error:
                if pin is None or number == _PINS[-1] or not str(error).startswith(pin.name):
                    raise
        return None

    def _pin_to_come(self, site):
        """Return the key of the pin of an output, if that will be asked."""
        for index, entry in enumerate(site.get("objects") or ()):
            key = site_keys.find("objects[%d].pin" % index)
            needed = isinstance(entry, dict) and entry.get("object") in site_keys.config.OUTPUTS
            if needed and key.name not in self._asked and site_keys.get(site, key) is None:
                return key
        return None

    def _value(self, name, otherwise):
        return site_keys.get(self.site, site_keys.find(name)) or otherwise

    def _most(self, part):
        return site_keys.find(part).allowed[1]


def agreed(question: str) -> bool:
    """Return whether a person says yes; Enter is yes."""
    return _line(f"{question} [yes]: ").lower() in ("", "y", "yes")


def _answer(prompt, key):
    if key.secret and sys.stdin.isatty():
        return getpass.getpass(prompt)
    answer = _line(prompt)
    return answer if key.secret else answer.strip()


def _line(prompt):
    try:
        return input(prompt)
    except UnicodeDecodeError:
        return "\x7f"  # which is no answer to anything


def _tell(text):
    for line in textwrap.wrap(text, _COLUMNS - 4, break_on_hyphens=False):
        say("    " + line)
