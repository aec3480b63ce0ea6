"""Answers that a test or an operator asks the server to give instead of its own, so many times.

refusals.add("register", "5.03", max_age_s=30)      the next Register of any client
refusals.add("update", "4.04", endpoint="s1")       the next Update of s1
refusals.add("send", "none", times=2)               two Sends get no answer at all
refusals.add("register", None)                      the server answers by itself again
"""

import re
from dataclasses import dataclass

from aiocoap import Message

from . import wire

WHAT = ("register", "update", "deregister", "send")


@dataclass
class Refusal:
    """code: dotted, or "none" for silence. times: how many are left, None for all."""

    code: str
    max_age_s: int | None
    times: int | None


class Refusals:
    """The answers asked for, by what is refused and whom."""

    def __init__(self):
        self._wanted: dict[tuple[str, str | None], Refusal] = {}

    def add(
        self,
        what: str,
        code: str | None,
        *,
        max_age_s: int | None = None,
        times: int | None = 1,
        endpoint: str | None = None,
    ) -> None:
        """Refuse the next requests of a kind, of one client or of all; None as code withdraws it.

        what: one of WHAT. code: dotted such as "5.03", or "none": the request gets no answer, nor
        do its retransmissions. max_age_s: how long the refusal holds for the client. times: None
        for all that come. Raises ValueError that says what is allowed.
        """
        if what not in WHAT:
            raise ValueError("%r cannot be refused; use %s" % (what, ", ".join(WHAT)))
        if code is None:
            self._wanted.pop((what, endpoint), None)
            return
        if not re.fullmatch(r"none|[45]\.[0-3][0-9]", code):
            raise ValueError("code %r is not one such as 5.03, or none" % code)
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times %r is not a number from 1" % (times,))
        if max_age_s is not None and (not isinstance(max_age_s, int) or max_age_s < 0):
            raise ValueError("max_age_s %r is not a number of seconds" % (max_age_s,))
        self._wanted[what, endpoint] = Refusal(code, max_age_s, times)

    def take(self, what: str, endpoint: str) -> tuple[bool, Message | None]:
        """Tell whether a request is refused, and the answer: None is silence."""
        for key in ((what, endpoint), (what, None)):
            refusal = self._wanted.get(key)
            if refusal is None:
                continue
            if refusal.times is not None:
                refusal.times -= 1
                if not refusal.times:
                    del self._wanted[key]
            return True, _answer(refusal)
        return False, None


def _answer(refusal: Refusal) -> Message | None:
    if refusal.code == "none":
        return None
    answer = wire.message(wire.code_of(refusal.code), payload=b"as asked for")
    if refusal.max_age_s is not None:
        answer.opt.max_age = refusal.max_age_s
    return answer
