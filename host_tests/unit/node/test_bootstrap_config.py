"""The bootstrap server in the site configuration, and what is kept of its account."""

from node import config


def _site(**more):
    site = {"endpoint": "probe-1", "link": "udp", "bootstrap": {"uri": "coap://b.example"}}
    site.update(more)
    return site


def _refusal(site):
    try:
        config.check(site)
    except config.ConfigError as error:
        return str(error)
    raise AssertionError("not refused")


def test_a_bootstrap_server_is_enough():
    """DESIGN §6: with a bootstrap server no other is needed; the defaults are filled in."""
    site = config.check(_site())
    assert site["servers"] == []
    wanted = site["bootstrap"]
    assert wanted["hold_off_s"] == wanted["account_timeout_s"] == 0 and wanted["pack"] is False
    assert wanted["queue"] is True and wanted["after_sleep"] == "update"
    assert wanted["sms_trigger"] is None and "nat_s" not in wanted
    assert config.check(site) == site, "what is checked may be checked again"


def test_without_one_the_key_is_not_there():
    """Requirement, memory: a site without a bootstrap server has no table of it."""
    site = config.check(
        {"endpoint": "probe-1", "link": "udp", "servers": [{"uri": "coap://s.example"}]}
    )
    assert "bootstrap" not in site


def test_what_cannot_work_is_refused():
    """DESIGN §6: every error names the key, the value and what is allowed."""
    cases = (
        (_site(bootstrap={}), "bootstrap.uri: missing; use coap://HOST or coap://HOST:PORT"),
        (_site(bootstrap=7), "bootstrap: 7 is not allowed; use a JSON object"),
        (_site(bootstrap={"uri": "coaps://x"}), 'bootstrap.uri: "coaps://x" is not allowed; use'),
        (
            _site(bootstrap={"uri": "coap://x", "hold_off_s": -1}),
            "bootstrap.hold_off_s: -1 is not allowed; use an integer from 0 to 2147483647",
        ),
        (
            _site(bootstrap={"uri": "coap://x", "colour": 1}),
            "bootstrap.colour: no such key; allowed are uri, hold_off_s, ",
        ),
        (
            _site(bootstrap={"uri": "coap://x", "pack": True}),
            "bootstrap.pack: true is not allowed in 1.1; use 1.2",
        ),
        (_site(version="draft"), "bootstrap: not allowed in draft; use version 1.0, 1.1 or 1.2"),
        (_site(servers=[{}]), "servers[0].uri: missing; use coap://HOST"),
        (_site(servers=[{"uri": "coap://x"}] * 5), "servers: "),
    )
    for site, text in cases:
        refusal = _refusal(site)
        assert refusal[: len(text)] == text, refusal
