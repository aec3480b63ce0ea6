"""An embedded LwM2M server for tests, the demo and the command line; core.py has the API.

Events, as on_event(name, facts); every one but listening and drop has `endpoint`, and of a
composite operation `paths` beside the `path` of the root. Where values have times, `records` is
the list of them, {path, value, time in seconds since 1970}, and `value` the newest of each path.

    listening        host, port
    registered       location, version, lifetime_s, binding, queue_mode, sms_number, address,
                     objects, root, profile, replaced (old location or None)
    updated          as registered, and changed (list of fact names), previous_address
    deregistered, expired, replaced     location
    awake            awake_s, waiting          asleep    reason, waiting
    queued           id, operation, path, waiting
    sending          id, operation, path, via ("U" or "S"), to, tries
    response         id, operation, path, code, value, content_format, via [, records, error]
    requeued         id, operation, path, reason, tries, max_tries
    failed           id, operation, path, reason, text, tries
    notification     path, token, code, value, content_format, via, observe, confirmable, fresh
                     [, records, error]
    observing        path, token               observation_ended   path, token, reason
    trigger_sent     number, form, dcs, udh, user_data, path, confirmable, reply_expected
    trigger_reply    number, code              trigger_unanswered  number, reason
    direct_sent      path, to                  direct_response     path, code, value
    direct_lost      path, to, reason
    send             value, content_format [, records, error]
    drop             reason, from, length
"""

from .core import LwM2mServer, running
from .endpoint import RequestFailed, Transmission
from .operations import Result
from .registry import Client, UnknownEndpoint
from .trigger import TriggerSms

__all__ = [
    "Client",
    "LwM2mServer",
    "RequestFailed",
    "Result",
    "Transmission",
    "TriggerSms",
    "UnknownEndpoint",
    "running",
]
