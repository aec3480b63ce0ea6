"""Transmission parameters of a link (RFC 7252 §4.8) and the times derived from them (§4.8.2)."""


class Transmission:
    """How patient a sender is on one kind of link; not changed after it is made.

    ack_timeout_ms: ACK_TIMEOUT. random_factor_permille: ACK_RANDOM_FACTOR x 1000.
    max_retransmit: MAX_RETRANSMIT, 0 to send each message once. nstart: NSTART, interactions
    outstanding to one peer. max_latency_ms: MAX_LATENCY. processing_delay_ms: PROCESSING_DELAY,
    ACK_TIMEOUT when None. probing_rate: PROBING_RATE, bytes a second.
    """

    def __init__(
        self,
        ack_timeout_ms: int = 2_000,
        random_factor_permille: int = 1_500,
        max_retransmit: int = 4,
        nstart: int = 1,
        max_latency_ms: int = 100_000,
        processing_delay_ms: int | None = None,
        probing_rate: int = 1,
    ):
        if processing_delay_ms is None:
            processing_delay_ms = ack_timeout_ms
        longest_ms = ack_timeout_ms * random_factor_permille // 1_000
        self.ack_timeout_ms = ack_timeout_ms
        self.ack_spread_ms = longest_ms - ack_timeout_ms
        self.max_retransmit = max_retransmit
        self.nstart = nstart
        self.probing_rate = probing_rate
        self.max_transmit_span_ms = longest_ms * ((1 << max_retransmit) - 1)
        self.max_transmit_wait_ms = longest_ms * ((2 << max_retransmit) - 1)
        self.non_lifetime_ms = self.max_transmit_span_ms + max_latency_ms
        self.exchange_lifetime_ms = self.non_lifetime_ms + max_latency_ms + processing_delay_ms


def udp() -> Transmission:
    """The defaults of RFC 7252 §4.8: 93 s until a sender gives up."""
    return Transmission()


def gprs() -> Transmission:
    """A 2G packet link, where one round trip takes 0.5 to 3 s: the first wait is doubled and the
    last retransmission dropped, so that a sender gives up after 90 s."""
    return Transmission(ack_timeout_ms=4_000, max_retransmit=3, processing_delay_ms=2_000)


def nb_iot() -> Transmission:
    """An NB-IoT link in enhanced coverage, with round trips of up to 10 s."""
    return Transmission(ack_timeout_ms=15_000, max_retransmit=2, processing_delay_ms=2_000)


def sms() -> Transmission:
    """Short messages: no retransmission (OMA LwM2M Transport §6.8), delay without a bound."""
    return Transmission(
        ack_timeout_ms=120_000,
        random_factor_permille=1_000,
        max_retransmit=0,
        max_latency_ms=300_000,
    )
