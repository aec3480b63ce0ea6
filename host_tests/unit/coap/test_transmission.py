"""RFC 7252 §4.8: transmission parameters and the times derived from them."""

from coap import transmission


def test_defaults():
    """RFC 7252 §4.8.2, table 3: the derived times of the default parameters."""
    udp = transmission.udp()
    assert udp.ack_timeout_ms == 2_000
    assert udp.ack_timeout_ms + udp.ack_spread_ms == 3_000
    assert udp.max_retransmit == 4 and udp.nstart == 1
    assert udp.max_transmit_span_ms == 45_000
    assert udp.max_transmit_wait_ms == 93_000
    assert udp.non_lifetime_ms == 145_000
    assert udp.exchange_lifetime_ms == 247_000


def test_changed_parameters():
    """RFC 7252 §4.8.1: the derived times follow the parameters."""
    slow = transmission.Transmission(
        ack_timeout_ms=4_000, max_retransmit=2, max_latency_ms=10_000, processing_delay_ms=1_000
    )
    assert slow.max_transmit_span_ms == 18_000
    assert slow.max_transmit_wait_ms == 42_000
    assert slow.non_lifetime_ms == 28_000
    assert slow.exchange_lifetime_ms == 39_000


def test_links():
    """RFC 7252 §4.8.1: no preset is quicker than ACK_TIMEOUT 2 s; SMS is sent once (TS §6.8)."""
    for preset in (transmission.udp, transmission.gprs, transmission.nb_iot, transmission.sms):
        assert preset().ack_timeout_ms >= 2_000
        assert preset().ack_spread_ms >= 0
    assert transmission.sms().max_retransmit == 0
    assert transmission.sms().max_transmit_wait_ms == transmission.sms().ack_timeout_ms
