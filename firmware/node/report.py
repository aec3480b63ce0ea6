"""What a person wants to know of a running node; loaded when asked."""

import gc


def state(node) -> dict:
    """Return the facts of a node, as names and plain values."""
    gc.collect()
    now = node.clock.now()
    accounts = node.client.accounts
    facts = {
        "endpoint": node.client.endpoint_name,
        "mode": node.mode,
        "cause": node.cause,
        "crashes": node.crashes & 15,
        "busy": node.connecting or node.client.busy(now) or node.bearer.busy(),
        "servers": [account.short_server_id for account in accounts],
        "registered": [account.reachable for account in accounts],
        "heap_used": gc.mem_alloc() if hasattr(gc, "mem_alloc") else None,
    }
    device = node.tree.get(3, 0)
    facts["errors"] = sorted(device.values[11].values()) if device else []
    if hasattr(node.bearer, "modem"):
        facts["recoveries"] = list(node.bearer.modem.recoveries)
    if node.flash_writes:
        facts["flash_writes"] = node.flash_writes()
    return facts
