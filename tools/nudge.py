"""Wakes a sensor by hand: builds the LwM2M trigger SMS for it, and sends it through a modem.

python -m tools.nudge --to +447700900456                       print the SMS
python -m tools.nudge --to +447700900456 --port /dev/ttyUSB2   send it
"""

import argparse
import asyncio
import secrets
import sys

from . import sms_pdu
from .at_modem import AtModem
from .cli import Parser, hexadecimal, number, octet
from .server import trigger, wire

_EPILOG = """\
The SMS holds an Execute on the Registration Update Trigger of the device's
Server object: /1/INSTANCE/8, or /1/INSTANCE/11 with --version draft. The device
obeys it when it comes from the server's SMS number in its own configuration, so
send it from that number. Without --port, the commands and the PDU for any modem
in PDU mode are printed.
"""


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m tools.nudge",
        description="Wake a sensor: build and send its LwM2M trigger SMS.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", metavar="NUMBER", required=True, help="the device's SMS number")
    parser.add_argument(
        "--port", help="send through this modem: a serial port, a pty, or HOST:PORT for TCP"
    )
    parser.add_argument("--baud", type=int, default=115200, help="of the serial port (115200)")
    parser.add_argument(
        "--version",
        choices=("draft", "1.0", "1.1", "1.2"),
        default="1.1",
        help="of the enabler (1.1)",
    )
    parser.add_argument(
        "--format", choices=trigger.FORMS, default="bare", help="bare CoAP or WAP Push (bare)"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--con", action="store_true", help="Confirmable")
    kind.add_argument("--non", action="store_true", help="Non-confirmable (the default)")
    parser.add_argument(
        "--instance", type=int, default=0, metavar="N", help="instance of the Server object (0)"
    )
    parser.add_argument("--argument", default="", help="of the Execute, such as 0=U (none)")
    parser.add_argument("--root", default="", metavar="PATH", help="alternate path, if any")
    parser.add_argument(
        "--dcs",
        type=octet,
        metavar="N",
        help="data coding scheme: 0x04, or 0xF5 with --format wap",
    )
    parser.add_argument(
        "--token", type=hexadecimal, metavar="HEX", help="CoAP token (4 random octets)"
    )
    parser.add_argument(
        "--message-id",
        type=number(int, 0, 65535),
        metavar="N",
        help="CoAP message ID (random)",
    )
    return parser


def build(options: argparse.Namespace) -> trigger.TriggerSms:
    """Build the SMS that the options ask for; raises ValueError."""
    token = secrets.token_bytes(4) if options.token is None else options.token
    message_id = options.message_id
    if message_id is None:
        message_id = secrets.randbelow(65536)
    if len(token) > 8:
        raise ValueError("--token has %d octets; 8 are allowed" % len(token))
    message = trigger.build_message(
        options.version,
        instance=options.instance,
        confirmable=options.con,
        root=options.root,
        argument=options.argument,
        token=token,
        message_id=message_id,
    )
    return trigger.wrap(options.to, wire.encode(message), options.format, options.dcs)


async def _send(options: argparse.Namespace, sms: trigger.TriggerSms) -> None:
    modem = AtModem(options.port, options.baud)
    try:
        await modem.open()
        reference = await modem.send_sms(sms.number, sms.user_data, sms.dcs, sms.udh)
    finally:
        modem.close()
    print("sent to %s, message reference %d" % (sms.number, reference))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        sms = build(options)
        pdu, length = sms_pdu.submit(options.to, sms.user_data, dcs=sms.dcs, udh=sms.udh)
    except ValueError as error:
        parser.error(str(error))
    if options.port is None:
        print("AT+CMGF=0")
        print("AT+CMGS=%d" % length)
        print(pdu)
        return 0
    try:
        asyncio.run(_send(options, sms))
    except OSError as error:
        print("nudge: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
