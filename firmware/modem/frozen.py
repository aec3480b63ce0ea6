"""What a modem and its links must know again after a deep sleep of the host.

Loaded before and after it only.
"""


def freeze(modem, udp, sms) -> list:
    """Return what `thaw` takes, of integers, strings and tuples.

    Of the modem (state, PIN refused, address, recoveries, off by design, datagrams sent since one
    was received, how many of them raise a suspicion, climbs of the ladder in vain, and 1 where it
    uses CA*); of the UDP link ((socket, host, port), …), those that are open, an address as four
    octets; of the SMS link (last reference, (storage index, deadline), …), the parts of messages
    that wait on the SIM.
    """
    refused = 1 if modem.pin_refused else 0
    facts = (modem.state, refused, modem.info.get("ip", ""), tuple(modem.recoveries))
    facts += (1 if modem.rests else 0, udp.unheard, udp.patience, udp.failures)
    if modem.udp_set == "ca":
        facts += (1,)
    sockets = []
    if udp.generation == modem.generation:
        sockets = [(n, _packed(peer[0]), peer[1]) for n, peer in enumerate(udp.peers) if peer]
    ends = dict(sms.ends)
    if sms.assembler:
        ends.update(sms.assembler.waiting())
    parts = [pair for pair in ends.items() if pair[0] is not None]
    return [facts, tuple(sockets), tuple([sms.reference] + parts)]


def _packed(host):
    parts = host.split(".")
    if len(parts) == 4 and host == ".".join([part for part in parts if part.isdigit()]):
        if max([int(part) for part in parts]) < 256:
            return bytes([int(part) for part in parts])
    return host


def thaw(record, modem, udp, sms) -> None:
    """Take over what `freeze` gave before the host slept.

    `modem.resume` then checks it, and `sms.drain` reads the parts again.
    """
    facts, sockets, parts = record
    modem.state = facts[0]
    modem.pin_refused = bool(facts[1])
    if facts[2]:
        modem.info["ip"] = facts[2]
    modem.recoveries = list(facts[3])
    modem.rests = bool(facts[4])
    modem.asleep = modem.state != 0
    udp.unheard, udp.patience, udp.failures = facts[5:8]
    if facts[8:] and modem.udp_set == "cip":
        from .ca_udp import use_ca

        use_ca(modem)
    udp.generation = modem.generation
    for n, host, port in sockets:
        if host.__class__ is bytes:
            host = "%d.%d.%d.%d" % tuple(host)
        udp.peers[n] = (host, port)
        udp.known.append((host, port))
    sms.reference = parts[0]
    for index, deadline in parts[1:]:
        sms.ends[index] = deadline
