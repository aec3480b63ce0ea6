"""The virtual clock that the system tests run on."""

import asyncio

from shim import virtual_time


def test_a_day_of_sleep_takes_no_wall_time():
    """shim: time jumps to the next timer when nothing is ready."""

    async def sleeper():
        start = virtual_time.now_ms()
        await asyncio.sleep_ms(86_400_000)
        return virtual_time.now_ms() - start

    assert virtual_time.run(sleeper()) == 86_400_000


def test_timers_fire_in_order():
    """shim: two tasks see each other's timers at the right instant."""
    seen = []

    async def after(delay_ms, name):
        await asyncio.sleep_ms(delay_ms)
        seen.append((name, virtual_time.now_ms()))

    async def both():
        start = virtual_time.now_ms()
        slow = asyncio.create_task(after(2000, "slow"))
        quick = asyncio.create_task(after(500, "quick"))
        await slow
        await quick
        return start

    start = virtual_time.run(both())
    assert [name for name, _ in seen] == ["quick", "slow"]
    assert [at - start for _, at in seen] == [500, 2000]


def test_a_timeout_and_a_flag():
    """shim: wait_for_ms ends at its time, and a flag set from another task wakes its waiter."""

    async def main():
        flag = asyncio.ThreadSafeFlag()
        start = virtual_time.now_ms()
        timed_out = False
        try:
            await asyncio.wait_for_ms(flag.wait(), 300)
        except asyncio.TimeoutError:
            timed_out = True
        elapsed = virtual_time.now_ms() - start
        flag.set()
        await flag.wait()
        return timed_out, elapsed

    assert virtual_time.run(main()) == (True, 300)


def test_waiting_for_ever_ends_the_run():
    """shim: a run in which nothing can happen any more is reported, not waited for."""

    async def main():
        await asyncio.ThreadSafeFlag().wait()

    try:
        virtual_time.run(main())
    except virtual_time.Stalled:
        return
    raise AssertionError("not stalled")
