"""What tells one modem from another: answers as data, power key limits and times.

Sources: SIM800 AT Command Manual V1.09, SIM800L Hardware Design, SIM7000 AT Command Manual V1.06,
SIM7000 Hardware Design V1.07, SIM7070/7080/7090 AT Command Manual V1.05 and their TCPUDP note, the
Compatible Design of SIM7070 and SIM7000.  Times are milliseconds; those of `scaled` are divided by
a modem's `speed`, the others are limits that a driver has to meet and stay as they are.
"""


class Profile:
    """The personality of one modem; every value can be overridden by keyword."""

    # Times that `speed` shortens.
    scaled = (
        "boot_ms", "off_ms", "sim_ms", "call_ready_ms", "sms_ready_ms", "register_ms",
        "psm_exit_ms", "attach_ms", "pdp_ms", "dns_ms", "sms_submit_ms", "sms_store_ms", "scan_ms",
        "tail_ms",
    )  # fmt: skip

    def __init__(self, **overrides):
        self.name = ""
        self.lte = False  # SIM7000: CEREG, CPSI, CNMP, CNMB, AcT fields
        self.information = ()  # the lines of ATI
        self.model = ""
        self.revision = ""
        self.sockets = 6
        # Power key (Hardware Design, "Power on/off scenarios").
        self.key_on_ms = 1000  # at least this long low turns it on
        self.key_off_ms = 1500  # … and a running one off
        self.key_off_max_ms = None  # longer does not turn it off
        self.key_reset_ms = None  # so long low restarts it
        self.key_rest_ms = 800  # after it is off, before the key works again
        self.reset_low_ms = 105  # RST low so long restarts it
        self.boot_ms = 3000  # from power on to a UART that answers
        self.off_ms = 2000
        self.boot_bytes = b""  # sent at 115200 baud straight after power on
        # Start, counted from the UART being usable.
        self.sim_ms = 1000
        self.sms_ready_ms = 3500
        self.call_ready_ms = 3200  # None: this modem does not say Call Ready
        self.register_ms = 6000
        self.psm_exit_ms = 3000  # … where the network still knows it, after PSM
        self.attach_ms = 600
        # Work.
        self.response_ms = 2
        self.send_ms = 30  # from the last byte of a datagram to SEND OK
        self.pdp_ms = 1250
        self.connect_ms = 20
        self.dns_ms = 800
        self.sms_submit_ms = 2500
        self.sms_store_ms = 300
        self.scan_ms = 30_000
        self.tail_ms = 2000  # radio stays connected after the last datagram
        self.idle_ms = 100  # quiet time before it sleeps, with CSCLK=1 and DTR high
        self.wake_ms = 50  # from DTR low to a UART that answers
        self.ri_ms = 120
        # Settings: kept by AT&W, and by themselves.
        self.saved_by_w = ()
        self.saved_at_once = ()
        self.autobaud_rates = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
        self.fixed_rates = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800)
        self.clock_start = 1072915200  # what the clock says at power on: 2004-01-01
        self.csq_bit_errors = 0
        # Answers that the sources disagree about: switches.
        self.receive_colon = False  # a colon at the end of +RECEIVE with CIPSRIP=1
        self.clport_mux = True  # AT+CLPORT takes a connection number
        self.accept_space = ""  # between "DATA ACCEPT:" and the numbers
        self.empty_slot_error = False  # AT+CMGR of an empty slot: +CMS ERROR: 321, not only OK
        self.mux_space = " "  # between "n," and a result: app notes have it, the AT manual not
        self.reference_space = True  # between "+CMGS:" and its number
        self.iccid_prefix = ""  # "+CCID: " on some firmware
        self.pin_tries = True  # AT+SPIC shows how many times a PIN may be tried
        self.reset_ok_first = True  # AT+CFUN=1,1 answers before the reset
        self.clts_quote = False  # *PSUTTZ with a lone quote, as SIM7000 sends it
        # The two sets of UDP commands: CIP*, and CNACT with CA* (ca.py) in one of its grammars.
        self.cip = True
        self.ca = ""  # "", "sim7000" or "sim7080"
        self.ca_connections = 0
        self.ca_index = False  # SIM7000: AT+CNACT? answers with a leading index (SSL7000)
        self.ca_configures = True  # AT+CACFG is there (manual of 2018-12 and later)
        self.ca_prompt = "> "  # or ">"
        self.ca_send_result = False  # +CASEND: cid,result,length behind the OK
        self.ca_lines = False  # +CARECV: cid,length on a line of its own, as the manual has it
        self.ca_merge = False  # AT+CARECV gives a stream, without borders of datagrams
        self.ca_indicate = "empty"  # +CADATAIND after nothing waited; "each"; "once" after a send
        self.ca_fragile = False  # AT+CARECV can crash and freeze it
        for name, value in overrides.items():
            if not hasattr(self, name):
                raise ValueError(f"profile: no setting {name}")
            setattr(self, name, value)


def sim800l(**overrides) -> Profile:
    """A SIM800L: GSM/GPRS, MT6261, firmware 1418B05."""
    values = dict(
        name="sim800l",
        information=("SIM800 R14.18",),
        model="SIMCOM_SIM800L",
        revision="1418B05SIM800L24",
        key_off_max_ms=33_000,
        boot_bytes=b"\x00IIII\xff\xff\xff\xff",
        saved_by_w=(
            "E", "+IPR", "+CMEE", "+CSCLK", "+CLTS", "+CFGRI", "+CNMI", "+CIURC", "+CREG",
            "+CGREG",
        ),
        saved_at_once=("+CFUN",),
        reset_ok_first=False,
    )  # fmt: skip
    values.update(overrides)
    return Profile(**values)


def sim800c(**overrides) -> Profile:
    """A SIM800C: the same core in another housing, firmware 1418B04."""
    values = dict(
        name="sim800c",
        model="SIMCOM_SIM800C",
        revision="1418B04SIM800C24",
        empty_slot_error=True,
        mux_space="",
    )
    values.update(overrides)
    return sim800l(**values)


def sim7000g(**overrides) -> Profile:
    """A SIM7000G: LTE Cat-M1, NB-IoT and GPRS, firmware 1529B05."""
    values = dict(
        name="sim7000g",
        lte=True,
        information=("SIM7000G R1529",),
        model="SIMCOM_SIM7000G",
        revision="1529B05SIM7000G",
        sockets=8,
        key_off_ms=1200,
        key_rest_ms=2000,
        reset_low_ms=252,
        boot_ms=4500,
        off_ms=1800,
        call_ready_ms=None,
        sms_ready_ms=4000,
        register_ms=8000,
        attach_ms=100,
        pdp_ms=500,
        tail_ms=10_000,
        saved_by_w=("+CLTS",),
        saved_at_once=("+IPR", "+CSCLK", "+CNMP", "+CMNB", "+CFUN"),
        autobaud_rates=(9600, 19200, 38400, 57600, 115200),
        fixed_rates=(
            1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 3000000,
            3200000, 3686400,
        ),
        clock_start=315964800,  # 1980-01-06
        csq_bit_errors=99,
        accept_space=" ",
        empty_slot_error=True,
        clts_quote=True,
        ca="sim7000",
        ca_connections=8,
        ca_send_result=True,
        ca_fragile=True,
    )  # fmt: skip
    values.update(overrides)
    return Profile(**values)


def sim7000g_1351(**overrides) -> Profile:
    """A SIM7000G with firmware 1351B05: the CA* set as its manual of 2018-05 has it."""
    values = dict(
        name="sim7000g-1351",
        information=("SIM7000G R1351",),
        revision="1351B05SIM7000G",
        ca_configures=False,
        ca_lines=True,
        ca_index=True,
        ca_prompt=">",
    )
    values.update(overrides)
    return sim7000g(**values)


def sim7000g_1529b10(**overrides) -> Profile:
    """A SIM7000G with firmware 1529B10 V02: AT+CASEND ends in OK alone."""
    values = dict(name="sim7000g-1529b10v02", revision="1529B10V02SIM7000G", ca_send_result=False)
    values.update(overrides)
    return sim7000g(**values)


def sim7080g(**overrides) -> Profile:
    """A SIM7080G: LTE Cat-M1 and NB-IoT, no CIP* commands, firmware 1951B16."""
    values = dict(
        name="sim7080g",
        information=("SIM7080G R1951.16",),
        model="SIMCOM_SIM7080G",
        revision="1951B16SIM7080",
        key_on_ms=1200,
        key_off_max_ms=12_000,
        key_reset_ms=12_000,
        boot_ms=2000,
        cip=False,
        ca="sim7080",
        ca_connections=13,
        ca_prompt=">",
        ca_send_result=False,
        ca_fragile=False,
    )
    values.update(overrides)
    return sim7000g(**values)


def get(name: str) -> Profile:
    """Return the profile called `name`; raises ValueError naming the ones there are."""
    makers = {
        "sim800l": sim800l,
        "sim800": sim800l,
        "sim800c": sim800c,
        "sim7000g": sim7000g,
        "sim7000": sim7000g,
        "sim7000g-1351": sim7000g_1351,
        "sim7000g-1529b10v02": sim7000g_1529b10,
        "sim7080g": sim7080g,
        "sim7080": sim7080g,
    }
    if name not in makers:
        raise ValueError(f"modem: {name!r} is not one of {', '.join(sorted(makers))}")
    return makers[name]()
