"""Supply, power key, DTR, RI and sleep (Hardware Design: power on and off, sleep).

States, and what moves them:
    off       supply and a key press of key_on_ms, held or released  -> booting
    booting   boot_ms                                                 -> on
    on        a key press of key_off_ms, AT+CPOWD                     -> stopping
              AT+CFUN=1,1 or the fault "reset"                        -> booting
    stopping  off_ms                                                  -> off
    any but off  RST low for reset_low_ms, and let go                -> booting
    any       the supply goes                                         -> off
While on, the UART is deaf in sleep: AT+CSCLK=1 with DTR high, or AT+CSCLK=2 after 5 s of silence.
"""

OFF, BOOTING, ON, STOPPING = range(4)
STATES = ("off", "booting", "on", "stopping")

_SUPPLY_RAMP_MS = 55  # VDD_EXT, and with it RI's pull-up, follow the power key
_AUTO_SLEEP_MS = 5000
_AUTO_WAKE_MS = 100
_RESET_MS = 300


class Power:
    """The lines between a board and its modem, other than the UART."""

    def __init__(self, modem):
        self.state = OFF
        self.supplied = True
        self.asleep = False
        self.dtr = True  # pulled up inside; high lets the modem sleep
        self.ri = False  # low while the modem has no power
        self.silent = False  # boot codes are not sent, until the first command
        self._hung = False
        self._key_dead = False
        self._ri_level = False  # what RI would be at, were it not stuck
        self._modem = modem
        self._key_timer = None
        self._reset_timer = None
        self._rst_low_ms = None  # since when RST is low
        self._pressed_ms = None  # None: the key is up, or this press has done its work
        self._off_since_ms = None
        self._idle_timer = None
        self._deaf_until_ms = 0
        self._ri_timer = None

    def supply(self, on: bool) -> None:
        """Connect or cut VBAT; a cut loses everything that is not saved, without a word."""
        self.supplied = on
        if not on and self._modem.psm:
            self._modem.psm.forget()
        if not on and self.state != OFF:
            self._off()
        if on and self._pressed_ms is not None:
            self.key(True)

    def key(self, pressed: bool) -> None:
        """Press or let go PWRKEY."""
        if self._key_dead:
            return
        modem = self._modem
        timers, profile = modem.timers, modem.profile
        timers.cancel(self._key_timer)
        timers.cancel(self._reset_timer)
        if pressed and profile.key_reset_ms:
            self._reset_timer = timers.call_later(profile.key_reset_ms, self._key_held)
        if pressed:
            self._key_timer = None
            self._pressed_ms = timers.now()
            if self.state == OFF and self.supplied:
                rest_ms = 0
                if self._off_since_ms is not None:
                    rest_ms = max(0, self._off_since_ms + profile.key_rest_ms - timers.now())
                self._key_timer = timers.call_later(profile.key_on_ms + rest_ms, self._key_on)
            return
        if self._pressed_ms is None:
            return
        if self._key_timer is not None and timers.now() >= self._key_timer.deadline:
            self._key_on()
            return
        held_ms = timers.now() - self._pressed_ms
        self._pressed_ms = None
        longest = profile.key_off_max_ms
        if self.state == ON and held_ms >= profile.key_off_ms:
            if longest is None or held_ms < longest:
                self.stop("power key", said=True)

    def _key_held(self):
        if self.state != OFF:
            self._pressed_ms = None
            self.boot("power key held")

    def _key_on(self):
        if self.state == OFF and self.supplied:
            self._pressed_ms = None
            self.boot("power key")

    def rst(self, low: bool) -> None:
        """Pull RST low or let it go, which restarts the modem, a hung one too; not one that is
        off.
        """
        now = self._modem.timers.now()
        if low:
            self._rst_low_ms = now
            return
        since_ms, self._rst_low_ms = self._rst_low_ms, None
        if since_ms is not None and now - since_ms >= self._modem.profile.reset_low_ms:
            if self.state != OFF:
                self.boot("RST")

    def boot(self, reason: str, silent: bool = False) -> None:
        """Start the modem, from off or in the middle of its work; without a code if `silent`."""
        modem = self._modem
        modem.halt()
        self.silent = silent
        self.go_on()
        self.state = BOOTING
        self.asleep = False
        modem.event("modem_boot", {"reason": reason})
        modem.later(_SUPPLY_RAMP_MS, self._set_ri, True)
        if modem.profile.boot_bytes and not silent:
            modem.later(_SUPPLY_RAMP_MS, modem.uart.raw, modem.profile.boot_bytes, 115200)
        modem.later(modem.scaled("boot_ms"), self._ready)

    def _ready(self):
        self.state = ON
        self._modem.event("modem_ready", {})
        self._modem.start()
        self.activity()

    def reset(self, reason: str) -> None:
        """Restart in a moment: what was not saved is lost."""
        self._modem.later(_RESET_MS, self.boot, reason)

    def stop(self, reason: str, said: bool) -> None:
        """Shut down in order, with NORMAL POWER DOWN where `said`."""
        modem = self._modem
        if said:
            modem.emit(b"\r\nNORMAL POWER DOWN\r\n")
        self.state = STOPPING
        modem.event("modem_stop", {"reason": reason})
        modem.detach()
        modem.later(modem.scaled("off_ms") if said else 100, self._off)

    def rest(self) -> None:
        """PSM: off on every line, for the key to start it at any time."""
        self._off("modem_psm")
        self._off_since_ms = None

    def _off(self, event="modem_off"):
        self._modem.halt()
        self.go_on()
        self.state = OFF
        self.asleep = False
        self._off_since_ms = self._modem.timers.now()
        self._modem.timers.cancel(self._ri_timer)
        self._set_ri(False)
        self._modem.event(event, {})

    def collapse(self) -> None:
        """The battery gives way: off, which AT+CBATCHK=1 tells."""
        if self.state == ON:
            if self._modem.settings["+CBATCHK"]:
                self._modem.urc("UNDER-VOLTAGE POWER DOWN")
                self._modem.uart.cut_off(self._off)
            else:
                self._off()
        elif self.state != OFF:
            self._off()

    def hang(self, key_dead: bool) -> None:
        """The UART is dead from here on, and the power key too where `key_dead`."""
        self._hung = self._modem.uart.mute = True
        self._key_dead = key_dead

    def go_on(self) -> None:
        """It works again."""
        self._hung = self._key_dead = self._modem.uart.mute = False

    # Sleep.

    def set_dtr(self, level: bool) -> None:
        """Set DTR: high lets a modem with AT+CSCLK=1 sleep, low wakes it."""
        if level == self.dtr:
            return
        self.dtr = level
        if self.state != ON:
            return
        if not level and self.asleep and self._modem.settings["+CSCLK"] == 1:
            self._wake(self._modem.profile.wake_ms)
        self.activity()

    def hears(self) -> bool:
        """Whether bytes of the host get in; the first ones may wake it (AT+CSCLK=2)."""
        if self.state != ON or self._hung:
            return False
        if self.asleep:
            if self._modem.settings["+CSCLK"] == 2:
                self._wake(_AUTO_WAKE_MS)
            return False
        return self._modem.timers.now() >= self._deaf_until_ms

    def activity(self) -> None:
        """Something happened on the UART or on its control lines: the quiet time starts again."""
        modem = self._modem
        modem.timers.cancel(self._idle_timer)
        self._idle_timer = None
        mode = modem.settings.get("+CSCLK", 0)
        if not (modem.profile.lte or modem.fixed_rate() or modem.line.synchronised):
            mode = 0  # SIM800L Hardware Design 3.6: in auto-baud, not before the rate is found
        if self.state == ON and not self.asleep and (mode == 2 or mode == 1 and self.dtr):
            delay_ms = modem.profile.idle_ms if mode == 1 else _AUTO_SLEEP_MS
            self._idle_timer = modem.timers.call_later(delay_ms, self._sleep)

    def _sleep(self):
        modem = self._modem
        if self.state != ON:
            return
        if modem.busy():
            self.activity()
            return
        self.asleep = True
        modem.event("modem_asleep", {})

    def _wake(self, deaf_ms):
        self.asleep = False
        self._deaf_until_ms = self._modem.timers.now() + deaf_ms
        self._modem.event("modem_awake", {})
        self.activity()

    # RI.

    def pulse_ri(self) -> None:
        """Pull RI low for 120 ms."""
        if self._hung:
            return
        timers = self._modem.timers
        timers.cancel(self._ri_timer)
        self._modem.count("ri_pulses")
        self._set_ri(False)
        self._ri_timer = timers.call_later(self._modem.profile.ri_ms, self._set_ri, True)

    def _set_ri(self, level):
        self._ri_level = level
        self.show_ri()

    def show_ri(self) -> None:
        """Put RI at its level, or where a fault holds it."""
        held = self._modem.faults.value("ri")
        level = self._ri_level if held is None else held != "low"
        if level != self.ri:
            self.ri = level
            if self._modem.on_ri:
                self._modem.on_ri(level)
