"""What Device tells of the battery (/3/0/6, 7, 9 and Error Code 1): the board's own measure, or
else what the modem sees at its supply.

Loaded at a start, and where the modem has been asked.
"""

from micropython import const

from node import hw

_INTERNAL_BATTERY = const(1)
_LOW_BATTERY = const(1)  # an error code
# A little above what the modem switches itself off at: 3.4 V (HW800L 3.2.1), 3.0 V (HW7000).
_LOW_MV_SIM800 = const(3500)
_LOW_MV = const(3200)
# Less is no battery: a board on USB may disconnect it, and its divider then shows next to nothing.
_LEAST_MV = const(2000)
_SAMPLES = const(8)
_STEP_MV = const(10)  # finer steps would be noise, and tell observers of it


def show_battery(node) -> None:
    """Set Device's battery resources and its error code, where there is anything to tell."""
    device = node.tree.get(3, 0)
    info = node.bearer.info
    battery_mv = _measured_mv(node.board)
    if battery_mv is None:
        if "battery_mv" not in info:
            return
        battery_mv = info["battery_mv"]
        device.set(9, info["battery_percent"])
    device.set(6, {0: _INTERNAL_BATTERY})
    device.set(7, {0: battery_mv})
    lowest_mv = _LOW_MV_SIM800 if node.site["link"] == "sim800" else _LOW_MV
    device.error(_LOW_BATTERY, battery_mv < lowest_mv)


def _measured_mv(board):
    """What the board measures, None where it cannot or where there is no battery."""
    if hasattr(board, "BATTERY"):
        probe = hw.AnalogInput(board.BATTERY["pin"])
        sum_uv = 0
        for _ in range(_SAMPLES):
            sum_uv += probe.read_uv()
        battery_mv = sum_uv // (_SAMPLES * 1000) * board.BATTERY["ratio"]
    elif hasattr(board, "battery_mv"):
        from node import supplies

        try:
            battery_mv = board.battery_mv(supplies)
        except OSError:
            return None  # a power chip that does not answer has been told of by power_up
    else:
        return None
    battery_mv = int(battery_mv) // _STEP_MV * _STEP_MV
    return battery_mv if battery_mv >= _LEAST_MV else None
