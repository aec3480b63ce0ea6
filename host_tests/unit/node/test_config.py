"""The site configuration: defaults, and one clear line for whatever cannot work."""

from node import config, feasible

_LEAST = {"endpoint": "probe-1", "link": "udp", "servers": [{"uri": "coap://127.0.0.1:5683"}]}


def _with(**changes):
    site = dict(_LEAST)
    site.update(changes)
    return site


def _refusal(site):
    try:
        config.check(site)
    except config.ConfigError as error:
        return str(error)
    raise AssertionError("accepted")


def test_the_defaults_are_filled_in():
    """DESIGN §6: the least a board needs is an endpoint name and one server."""
    site = config.check(_LEAST)
    server = site["servers"][0]
    assert site["version"] == "1.1"
    assert (server["lifetime_s"], server["binding"], server["queue"]) == (86400, "U", True)
    assert server["short_server_id"] == 1


def test_a_refusal_names_key_value_and_what_is_allowed():
    """DESIGN §6: every error a person sees names the thing, the value and what to do."""
    cases = (
        (_with(version="2.0"), 'version: "2.0" is not allowed; use draft, 1.0, 1.1 or 1.2'),
        (_with(servers=[]), "servers: [] is not allowed; use a list of 1 to 4 entries"),
        (_with(colour="red"), "colour: no such key; allowed are endpoint, "),
        (
            _with(servers=[{"uri": "http://x"}]),
            'servers[0].uri: "http://x" is not allowed; use coap://HOST or coap://HOST:PORT',
        ),
        (
            _with(servers=[{"uri": "coap://x", "lifetime_s": 0}]),
            "servers[0].lifetime_s: 0 is not allowed in 1.1; use an integer from 1 to 2147483647",
        ),
        (
            _with(servers=[{"uri": "coap://x", "queue": 1}]),
            "servers[0].queue: 1 is not allowed; use true or false",
        ),
        (_with(servers=[{}]), "servers[0].uri: missing; use coap://HOST or coap://HOST:PORT"),
        (_with(sms_number="call me"), 'sms_number: "call me" is not allowed; use a telephone'),
        (_with(root_path="lwm2m/"), 'root_path: "lwm2m/" is not allowed; use a path such as'),
        (_with(root_path="/a>,<b"), 'root_path: "/a>,<b" is not allowed; use a path such as'),
        (_with(link="sim7000"), "modem.apn: missing; use the operator's access point name"),
        (
            _with(link="sim7080", modem={"apn": "x", "udp_set": "cip"}),
            "modem.udp_set: cip is not allowed with link sim7080",
        ),
        (
            _with(link="sim7080", modem={"apn": "x", "network": "gsm"}),
            "modem.network: gsm is not allowed with link sim7080",
        ),
        (
            _with(link="sim800", modem={"apn": "x", "udp_set": "ca"}),
            "modem.udp_set: ca is not allowed with link sim800",
        ),
        (
            _with(servers=[{"uri": "coap://x"}, {"uri": "coap://y"}]),
            "servers[1].short_server_id: 1 is used twice; each server needs its own",
        ),
        (
            _with(servers=[{"uri": "coap://x", "binding": "US"}]),
            "servers[0].sms_number: missing; binding US needs the server's number",
        ),
        (
            _with(
                version="1.0",
                link="sim800",
                servers=[{"uri": "coap://x", "binding": "SU", "sms_number": "+4790000001"}],
            ),
            "servers[0].binding: SU is not allowed in 1.0, which prefers UDP; use US or S",
        ),
        (
            _with(version="draft", servers=[{"uri": "coap://x", "short_server_id": 256}]),
            "servers[0].short_server_id: 256 is not allowed in draft; use an integer from 1 to",
        ),
        ([], "configuration: [] is not allowed; use a JSON object"),
    )
    for site, text in cases:
        refusal = _refusal(site)
        assert refusal.startswith(text), refusal


def test_a_lifetime_may_not_exist():
    """CR 5.2.1 Table 2: without the resource no lifetime is sent; after the draft it is there."""
    site = config.check(_with(version="draft", servers=[{"uri": "coap://x", "lifetime_s": None}]))
    assert site["servers"][0]["lifetime_s"] is None
    refusal = _refusal(_with(servers=[{"uri": "coap://x", "lifetime_s": None}]))
    assert refusal == "servers[0].lifetime_s: null is not allowed in 1.1; use an integer"


def test_secrets_are_not_shown():
    """DESIGN §6: a refused PIN or password does not appear in the error."""
    refusal = _refusal(_with(modem={"pin": "12a456"}))
    assert refusal == "modem.pin: malformed; use 4 to 8 digits"
    refusal = _refusal(_with(modem={"password": 123456}))
    assert "123456" not in refusal and refusal.startswith("modem.password: this value")


def test_uris():
    """RFC 7252 §6.1: coap URIs of a host name or an IPv4 address."""
    for uri in ("coap://lwm2m.example", "coap://10.0.0.1:5783/", "coap://x/y?z=1"):
        assert config.check(_with(servers=[{"uri": uri}]))["servers"][0]["uri"] == uri
    for wrong in ("coaps://x", "coap://", "coap://x:0", "coap://x:99999", "coap://x/%2f", "x"):
        assert _refusal(_with(servers=[{"uri": wrong}])).startswith("servers[0].uri: "), wrong


def test_modem_settings():
    """AT+CSTT, AT+CNMP: what stands on a command line cannot end it; switches have names."""
    for name in ("apn", "user", "password"):
        refusal = _refusal(_with(modem={name: 'x"\rAT'}))
        assert refusal.startswith("modem.%s: malformed" % name)
    assert _refusal(_with(mtu=100)) == ("mtu: 100 is not allowed; use an integer from 128 to 1400")
    assert _refusal(_with(modem={"sms_mtu": 1025})) == (
        "modem.sms_mtu: 1025 is not allowed; use an integer from 64 to 1024"
    )
    assert config.check(_with())["mtu"] == 1024
    modem = config.check(_with(modem={"network": "nb-iot", "attach_s": 600}))["modem"]
    assert (modem["network"], modem["attach_s"], modem["baudrate"]) == ("nb-iot", 600, None)
    assert _refusal(_with(objects=[{"object": 3303.0}])).startswith("objects[0].object: ")


def test_the_order_and_the_patience_of_servers():
    """TS 1.1 Core E.2 resources 13 to 20: a key each, not there where it is not given, and refused
    where the version has no such resource."""
    keys = {
        "priority": 3,
        "registration_delay_s": 0,
        "failure_block": True,
        "bootstrap_on_failure": False,
        "retry_count": 5,
        "retry_timer_s": 60,
        "sequence_delay_s": 4294967295,
        "sequence_retries": 2,
        "nat_s": 30,
    }
    site = config.check(_with(servers=[dict(keys, uri="coap://x"), _other()]))
    for key, value in keys.items():
        assert site["servers"][0][key] == value and key not in site["servers"][1]
        older = _with(version="1.0", servers=[{"uri": "coap://x", key: value}])
        if key == "nat_s":
            config.check(older)
        else:
            text = "servers[0].%s: not allowed in 1.0; it needs version 1.1" % key
            assert _refusal(older) == text
    assert _refusal(_with(servers=[{"uri": "coap://x", "retry_count": 0}])) == (
        "servers[0].retry_count: 0 is not allowed; use an integer from 1 to 65535"
    )


def _other():
    return {"uri": "coap://y", "short_server_id": 2}


def test_profile_ids():
    """TS 1.2 Core 6.2.1: the grammar of a Profile ID, and the version it needs."""
    for good in ("hash", "v:meter-7", "oma:A1,v:b"):
        site = _with(version="1.2", servers=[{"uri": "coap://x", "profile_id": good}])
        assert config.check(site)["servers"][0]["profile_id"] == good
    for bad in ("", "6:27354b9a", "v:", "v:a b", "hash,v:a", "v:a,", 'v:"'):
        refusal = _refusal(_with(version="1.2", servers=[{"uri": "coap://x", "profile_id": bad}]))
        assert refusal.startswith("servers[0].profile_id: "), refusal
    assert _refusal(_with(servers=[{"uri": "coap://x", "profile_id": "hash"}])) == (
        "servers[0].profile_id: not allowed in 1.1; it needs version 1.2"
    )


def test_endless_lifetime():
    """TS 1.2 Core E.2 resource 1: 0 is for 1.2 alone."""
    site = _with(version="1.2", servers=[{"uri": "coap://x", "lifetime_s": 0}])
    assert config.check(site)["servers"][0]["lifetime_s"] == 0


_SMS = {"uri": "coap://x", "sms_number": "+447700900123"}
_QUIET = {"uri": "coap://x", "awake_time_s": 20}


def _modem(modem, link="sim7000", servers=(_QUIET,), **changes):
    settings = {"apn": "iot.example"}
    settings.update(modem)
    return _with(link=link, modem=settings, servers=list(servers), **changes)


def test_the_least_has_no_keys_of_power_saving():
    """DESIGN §4: what hardly a site has takes no memory; the watchdog is there by default."""
    site = config.check(_modem({}))
    assert site["watchdog_s"] == 120 and "outlive_power" not in site
    for name in ("idle", "psm_tau_s", "psm_active_s", "edrx_s", "release_assistance"):
        assert name not in site["modem"], name
    good = {"idle": "psm", "psm_tau_s": 3600, "psm_active_s": 20, "edrx_s": 20}
    modem = config.check(_modem(good))["modem"]
    assert {name: modem[name] for name in good} == good
    for link in ("sim800", "sim7000", "sim7080"):
        assert config.check(_modem({"idle": "off"}, link))["modem"]["idle"] == "off"
    assert config.check(_modem({}, sleep="light"))["sleep"] == "light"


def test_power_saving_that_cannot_work():
    """AT7000 AT+CPSMS, AT+CEDRXS, AT+CRAI: what this modem has not, or what shuts a server out."""
    psm = {"idle": "psm"}
    cases = (
        (_modem(psm, "sim800"), "modem.idle: psm is not allowed with link sim800; use link sim7"),
        (
            _modem({"edrx_s": 60}, "sim800"),
            "modem.edrx_s: 60 is not allowed with link sim800; use link sim7000 or sim7080",
        ),
        (
            _modem({"release_assistance": True}, "sim800"),
            "modem.release_assistance: true is not allowed with link sim800; use link sim7000",
        ),
        (
            _modem({"edrx_s": 60, "network": "gsm"}),
            "modem.edrx_s: 60 is not allowed with modem.network gsm; use nb-iot, cat-m or lte",
        ),
        (
            _modem({"release_assistance": True, "network": "cat-m"}),
            "modem.release_assistance: true is not allowed with modem.network cat-m; use nb-iot",
        ),
        (
            _modem({"psm_tau_s": 600}),
            "modem.psm_tau_s: not allowed with modem.idle sleep; use psm",
        ),
        (
            _modem({"idle": "off", "edrx_s": 60}),
            "modem.edrx_s: not allowed with modem.idle off, where no message arrives",
        ),
        (
            _modem({"idle": "psm", "sms_check_s": 60}),
            "modem.sms_check_s: not allowed with modem.idle psm, where no message arrives",
        ),
        (_modem(psm, sleep="none"), "modem.idle: psm is not allowed with sleep none; use sleep"),
        (
            _modem({"idle": "psm", "psm_active_s": 60, "psm_tau_s": 60}),
            "modem.psm_active_s: 60 is not allowed; use less than modem.psm_tau_s",
        ),
        (
            _modem({"idle": "psm", "psm_active_s": 10}),
            "modem.psm_active_s: 10 is not allowed, servers are heard for 20 s after a message; "
            "use as many, or a shorter servers[0].awake_time_s",
        ),
        (
            _modem({"idle": "off"}, servers=[_SMS]),
            "servers[0].sms_trigger: true is not allowed with modem.idle off, where no message",
        ),
        (
            _modem(psm, servers=[dict(_SMS, binding="US", sms_trigger=False)]),
            "servers[0].binding: US is not allowed with modem.idle psm, where no message arrives",
        ),
        (
            _modem(psm, servers=[dict(_QUIET, queue=False)]),
            "servers[0].queue: false is not allowed with modem.idle psm, where no server is heard",
        ),
        (
            _modem(psm, bootstrap={"uri": "coap://x"}),
            "bootstrap.sms_trigger: use false with modem.idle psm, where no message arrives",
        ),
        (
            _modem({"idle": "nap"}),
            'modem.idle: "nap" is not allowed; use sleep, psm or off',
        ),
        (
            _modem({}, watchdog_s=30),
            "watchdog_s: 30 is not allowed, one AT command may take 86 s (AT+CIICR); use 0, or an",
        ),
        (
            _modem({"sms_storing": False}, sleep="light"),
            "modem.sms_storing: false is not allowed with sleep light; the message that wakes",
        ),
    )
    for site, text in cases:
        refusal = _refusal(site)
        assert refusal.startswith(text) and "\n" not in refusal, refusal
    config.check(_modem(psm, servers=[dict(_SMS, sms_trigger=False, awake_time_s=20)]))
    config.check(_modem({"idle": "psm", "psm_active_s": 20}, version="draft"))
    config.check(_modem({"idle": "off"}, bootstrap={"uri": "coap://x", "sms_trigger": False}))


class _Board:
    def __init__(self, chip=None, rx=26, **pins):
        if chip:
            self.CHIP = chip
        tx, dtr = (5, 7) if chip == "esp32s3" else (27, 25)
        self.UART = {"id": 1, "tx": tx, "rx": rx, "baudrate": 115200}
        self.PINS = {"pwrkey": 4, "pwrkey_pressed": 1, "dtr": dtr, "ri": 33}
        self.PINS.update(pins)


def _unfit(site, board):
    try:
        feasible.check_board(config.check(site), board)
    except config.ConfigError as error:
        return str(error)
    return None


def test_a_board_that_no_message_can_wake():
    """ESP32 esp32.wake_on_ext0: RTC GPIOs end a deep sleep, other pins do not."""
    waits = _modem({}, servers=[_SMS])
    refused = 'PINS["ri"] of the board: GPIO %d cannot end a deep sleep; use %s, or sleep light'
    esp32 = "0, 2, 4, 12-15, 25-27, 32-39"
    for pin in (0, 2, 12, 13, 14, 15, 32, 33, 34, 39):
        assert _unfit(waits, _Board(ri=pin)) is None, pin
    for pin in (1, 3, 5, 16, 17, 18, 19, 21, 22, 23):
        assert _unfit(waits, _Board(ri=pin)) == refused % (pin, esp32), pin
    assert _unfit(waits, _Board("esp32s3", ri=21)) is None
    assert _unfit(waits, _Board("esp32s3", ri=33)) == refused % (33, "0-21")
    assert _unfit(waits, _Board("esp32p4", ri=50)) is None  # which pins it has is not known here
    for sleep in ("light", "idle", "none"):
        assert _unfit(_modem({}, servers=[_SMS], sleep=sleep), _Board(ri=16)) is None, sleep
    # One that waits for no message needs no pin.
    assert _unfit(_modem({}), _Board(ri=16)) is None
    assert _unfit(_modem({}, servers=[dict(_SMS, sms_trigger=False)]), _Board(ri=16)) is None
    assert _unfit(_least(), _Board(ri=16)) is None


def _least():
    return dict(_LEAST)


def test_a_board_that_the_timer_alone_wakes():
    """ESP32 machine.deepsleep: where neither RI nor RX can wake, something has to be due."""
    endless = dict(_SMS, lifetime_s=0)
    board = _Board(ri=None, rx=16)
    assert _unfit(_modem({}, servers=[_SMS]), board) is None  # the next Update is due
    refusal = _unfit(_modem({}, servers=[endless], version="1.2"), board)
    assert refusal and refusal.startswith("modem.sms_check_s: missing; no pin of this board wakes")
    looks = _modem({"sms_check_s": 600}, servers=[endless], version="1.2")
    assert _unfit(looks, board) is None
    assert _unfit(_modem({}, servers=[endless], version="1.2"), _Board(ri=None)) is None


def test_a_modem_that_nothing_can_start():
    """HW7000 PWRKEY: a modem that rests in PSM or off comes back by its key alone."""
    for idle in ("psm", "off"):
        assert _unfit(_modem({"idle": idle}), _Board(pwrkey=None)) == (
            "modem.idle: %s is not allowed on this board, whose power key is not wired; use sleep"
            % idle
        )
        assert _unfit(_modem({"idle": idle}), _Board()) is None
