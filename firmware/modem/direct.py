"""Messages taken as they come, past the SIM; loaded only where that is configured or needed."""

from . import release


def listen(link) -> None:
    """Take `+CMT: [alpha],length` and the PDU in the next line; reports, broadcasts likewise."""

    def heard(line):
        def pdu_line(text):
            from .inbox import direct

            try:
                return direct(link, line, text)
            finally:
                release("inbox", "pdu", "wap", "concat")

        return pdu_line

    for prefix in ("+CMT:", "+CDS:", "+CBM:"):
        link.modem.channel.on(prefix, heard)
    link.direct = True
