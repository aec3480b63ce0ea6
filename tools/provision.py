"""Make a site configuration: what a board is told about its servers, SIM, Objects.

Three ways: by asking (without options), from options, or from a CSV file for
many devices. What comes out has passed the look that the firmware itself takes.
A key that is not given stays out, so that the defaults of a later firmware
apply. Without an endpoint each board registers by the IMEI of its modem, and
one file serves any number of boards.

    python -m tools.provision
    python -m tools.provision --server coap://HOST --apn NAME --pin-from-stdin
    python -m tools.provision --csv devices.csv --template all.json --out sites

The first row of a CSV file names keys, such as endpoint,pin,servers[0].nat_s,
and each further row is a device and becomes a file, which its endpoint names,
or its imei or serial. An empty cell leaves its key as options and template
have it. Nothing is written unless all rows can work.

--keys lists the keys, their defaults and short names.
"""

import argparse
import contextlib
import copy
import getpass
import sys
from pathlib import Path

from tools import boards, site_asking, site_csv, site_files, site_keys
from tools.build import ROOT
from tools.cli import Parser, say
from tools.serial_trouble import PortTrouble

for _path in (ROOT / "firmware", ROOT / "host_tests/shim"):
    sys.path.insert(0, str(_path))
from node import config, feasible  # noqa: E402  what the board itself looks at

_BUTTON_S = 60  # for which a person may press the button of a board that sleeps
# Options that set a key, in the order in which they do.
_SET = ("version", "link", "apn", "user", "sms_number", "endpoint", "bootstrap")
_OF_SERVERS = {"server_number": "sms_number", "binding": "binding", "lifetime": "lifetime_s"}


class _Refused(argparse.Action):
    """An option that would leave a secret in the history of the shell."""

    def __call__(self, parser, namespace, values, option_string=None):
        name = option_string or ""
        parser.error(
            f"{name}: would stay in the shell's history; use {name}-file FILE or "
            f"{name}-from-stdin, or insist by --set modem.{name[2:]}=…"
        )


def _parser():
    summary, _, more = (__doc__ or "").partition("\n\n")
    parser = Parser(
        prog="python -m tools.provision",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=summary,
        epilog=more,
        allow_abbrev=False,
    )
    site = parser.add_argument_group("what the board is told")
    site.add_argument(
        "--server", action="append", default=[], metavar="URI", help="may be repeated"
    )
    site.add_argument("--bootstrap", metavar="URI", help="the bootstrap server's")
    site.add_argument("--endpoint", metavar="NAME", help="left out: the modem's IMEI")
    site.add_argument("--version", metavar="VERSION", help="of LwM2M")
    site.add_argument("--link", metavar="MODEM", help="or udp, for a board without")
    site.add_argument("--apn", metavar="NAME", help="the operator's access point name")
    site.add_argument("--user", metavar="NAME", help="at the access point")
    for name in ("pin", "password"):
        site.add_argument(f"--{name}", nargs="?", action=_Refused, help=argparse.SUPPRESS)
        site.add_argument(
            f"--{name}-file",
            type=Path,
            metavar="FILE",
            help="with the PIN of the SIM" if name == "pin" else "with the access point's",
        )
        site.add_argument(
            f"--{name}-from-stdin",
            action="store_true",
            help="the first line, or asked for" if name == "pin" else "the line after the PIN's",
        )
    site.add_argument("--sms-number", metavar="NUMBER", help="the SIM's own")
    site.add_argument("--server-number", metavar="NUMBER", help="the server's, for triggers")
    site.add_argument("--binding", metavar="BINDING", help="such as US")
    site.add_argument("--lifetime", metavar="S", help="of the registration")
    site.add_argument(
        "--object",
        action="append",
        default=[],
        metavar="ID[:KEY=VALUE,…]",
        help="such as 3303:pin=34,scale=100,offset=-50; may be repeated",
    )
    site.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key, see --keys"
    )
    site.add_argument("--template", type=Path, metavar="FILE", help="a site.json to begin with")
    site.add_argument(
        "--csv", type=Path, metavar="FILE", help="a row a device; needs --out FOLDER"
    )
    site.add_argument("--ask", action="store_true", help="ask, in spite of options")
    site.add_argument("--keys", action="store_true", help="list all keys, and end")
    out = parser.add_argument_group("where it goes")
    out.add_argument("--out", type=Path, metavar="FILE|FOLDER", help="default site.json")
    out.add_argument("--force", action="store_true", help="overwrite a file that is there")
    out.add_argument("--port", metavar="PORT", help="to the board on this serial port")
    out.add_argument(
        "--board",
        metavar="NAME|FILE",
        help="the board that it is for, whose wires are looked at: " + ", ".join(boards.names()),
    )
    return parser


def from_options(options, site: dict) -> None:
    """Set in a site what options say, and the modem where the board has another than the usual;
    raises KeyProblem, SiteProblem.
    """

    modems = getattr(options.module, "MODEMS", None)
    if "link" not in site and modems and "sim7000" not in modems:
        site["link"] = modems[0]

    def put(name, text):
        key = site_keys.find(name)
        site_keys.put(site, key, site_keys.read(key, text))

    for name in _SET:
        if getattr(options, name) is not None:
            put(name, getattr(options, name))
    for index, uri in enumerate(options.server):
        put(f"servers[{index}].uri", uri)
    for option, field in _OF_SERVERS.items():
        text = getattr(options, option)
        if text is not None:
            for index in range(len(options.server) or 1):
                put(f"servers[{index}].{field}", text)
    objects = site.get("objects")
    first = len(objects) if isinstance(objects, list) else 0
    for index, text in enumerate(options.object, first):
        number, _, more = text.partition(":")
        put(f"objects[{index}].object", number)
        for pair in more.split(",") if more else ():
            put(f"objects[{index}].{_pair('--object', pair)[0]}", _pair("--object", pair)[1])
    for pair in options.set:
        put(*_pair("--set", pair))
    for name, text in _secrets(options):
        put(name, text)


def _pair(option, text):
    """Split KEY=VALUE; what is none is not shown, as it may be a secret."""
    key, equals, value = text.partition("=")
    if not equals:
        form = "KEY=VALUE" if option == "--set" else "3303:pin=34,scale=100"
        raise site_keys.KeyProblem(f"{option}: without a =; use {form}")
    return key.strip(), value


def _secrets(options):
    for name in ("pin", "password"):
        path = getattr(options, name + "_file")
        if path is not None:
            yield name, site_files.secret(path)
        elif getattr(options, name + "_from_stdin"):
            if sys.stdin.isatty():
                yield name, getpass.getpass(f"modem.{name}, not shown: ")
                continue
            line = sys.stdin.readline()
            if not line:
                raise site_files.SiteProblem(f"--{name}-from-stdin: nothing came")
            yield name, line.rstrip("\r\n")


def _checker(options):
    """Return a function that raises config.ConfigError where a site cannot work."""
    module = options.module = boards.module_of(options.board) if options.board else None

    def check(site):
        if not site.get("servers") and "bootstrap" not in site:
            raise config.ConfigError(
                "servers: missing; use --server URI, --bootstrap URI or --set servers[0].uri=URI"
            )
        checked = config.check(site)
        if module:
            feasible.check_board(checked, module)
        site_files.encoded(site)

    return check


def _said_nothing(options):
    """Whether no option says anything of the site itself, so that a person is asked."""
    return not any(
        getattr(options, name)
        for name in vars(options)
        if name not in ("out", "force", "port", "board", "module", "template", "keys")
    )


def _one(options, site, check):
    """Make one configuration; return the exit code."""
    path = site_files.place(options.out or Path("site.json"))
    to_file = options.out is not None or not options.port
    if to_file and not options.force:
        site_files.refuse_to_overwrite(path)
    asked = options.ask or _said_nothing(options)
    if asked:
        site_asking.welcome()
        if not options.board:
            options.board = site_asking.board()
            check = _checker(options)
    from_options(options, site)
    if asked:
        site = site_asking.Asking(site, check).run()
    site = site_keys.numbered(site)
    check(site)
    target = str(path) if to_file else f"the board on {options.port}"
    if asked:
        say("")
        _summary(site)
        if not site_asking.agreed(f"Write {target}?"):
            say("nothing written")
            return 1
    if to_file:
        site_files.write(path, site_files.encoded(site))
        say(f"{path}: written")
        if not asked:
            _summary(site)
    if options.port:
        _to_board(options.port, site)
        say(f"{options.port}: site.json written, and the board started anew")
    return 0


def _to_board(port, site):
    """Give a board its site.json: the old one is there until the new one is whole."""
    from tools.live_board import LiveBoard, tell

    board = LiveBoard.connect(port, _BUTTON_S, tell)
    try:
        board.write("site.json", site_files.compact(site))
        board.rename(["site.json"])
        board.restart()
    except (PortTrouble, KeyboardInterrupt) as error:
        with contextlib.suppress(PortTrouble, KeyboardInterrupt):
            board.restart()  # with what it has
        if isinstance(error, KeyboardInterrupt):
            raise PortTrouble(f"{port}: stopped; run this again") from None
        raise
    finally:
        board.close()


def _summary(site):
    for key, value in site_keys.shown(site):
        say(f"  {key:<27} {value}")
    if "endpoint" not in site:
        say(f"  {'endpoint':<27} urn:imei: and the IMEI; fits any number of boards")


def _many(options, base, check):
    from_options(options, base)
    table = site_csv.Table(options.csv)
    files = site_csv.files(table, base, check)
    site_files.write_all(options.out, files, options.force)
    say(f"{options.out}: {len(files)} site configurations written, of {options.csv}")
    return 0


def main(arguments=None) -> int:
    """Make what was asked for; return the exit code: 2 for a wrong argument, 1 for what went
    wrong.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest:  # shown without what may be a secret
        first = next((word.split("=")[0] for word in rest if word[:2] == "--"), None)
        parser.error(f"{first}: no such option" if first else "an argument without an option")
    if options.keys:
        say(site_keys.table())
        return 0
    if options.csv and (options.out is None or options.port or options.ask):
        parser.error("--csv: needs --out FOLDER, and neither --port nor --ask")
    try:
        check = _checker(options)
        base = site_files.read(options.template) if options.template else {}
        return (_many if options.csv else _one)(options, copy.deepcopy(base), check)
    except (EOFError, KeyboardInterrupt):
        print("\nnothing written", file=sys.stderr)
        return 1
    except (site_keys.KeyProblem, boards.BoardError, config.ConfigError) as error:
        print(error, file=sys.stderr)
        return 2
    except (site_files.SiteProblem, PortTrouble) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
