"""The device management operations, a method each (TS Core §6.3; 1.0 §5.4)."""

import asyncio
from collections.abc import Callable

from .operations import Result


class DeviceManagement:
    """What LwM2mServer inherits: each method awaits its Result.

    In Queue Mode that is when the client has shown and answered. They raise UnknownEndpoint,
    RequestFailed, or ValueError for a wrong path. A caller's own time-out (asyncio.wait_for)
    withdraws the request. via "S" sends it by SMS at once, past the queue. accept and
    content_format are CoAP numbers.
    """

    # (endpoint, operation, path, value, **options) → the future of its Result; see core.py.
    enqueue: Callable[..., asyncio.Future]

    async def read(
        self, endpoint: str, path: str, *, accept: int | None = None, via: str | None = None
    ) -> Result:
        """Read an Object, Instance, Resource or Resource Instance."""
        return await self.enqueue(endpoint, "read", path, accept=accept, via=via)

    async def write(
        self,
        endpoint: str,
        path: str,
        value,
        *,
        content_format: int | None = None,
        replace: bool = True,
        via: str | None = None,
    ) -> Result:
        """Write by PUT, or with replace=False a partial update by POST."""
        kw = {"content_format": content_format, "replace": replace, "via": via}
        return await self.enqueue(endpoint, "write", path, value, **kw)

    async def execute(
        self, endpoint: str, path: str, argument: str | None = None, *, via: str | None = None
    ) -> Result:
        """Execute a Resource, with an argument such as "0='reboot'"."""
        return await self.enqueue(endpoint, "execute", path, argument, via=via)

    async def discover(self, endpoint: str, path: str, *, via: str | None = None) -> Result:
        """Discover: the value is a list of {"target": …, attribute: …}."""
        return await self.enqueue(endpoint, "discover", path, via=via)

    async def write_attributes(
        self, endpoint: str, path: str, attributes: dict, *, via: str | None = None
    ) -> Result:
        """Write attributes such as {"pmin": 10, "gt": None}; None unsets."""
        return await self.enqueue(
            endpoint, "write-attributes", path, attributes=attributes, via=via
        )

    async def create(
        self,
        endpoint: str,
        path: str,
        value: dict,
        *,
        content_format: int | None = None,
        via: str | None = None,
    ) -> Result:
        """Create an Object Instance: path "/3303" or "/3303/5", value {resource: value}."""
        kw = {"content_format": content_format, "via": via}
        return await self.enqueue(endpoint, "create", path, value, **kw)

    async def delete(self, endpoint: str, path: str, *, via: str | None = None) -> Result:
        """Delete an Object Instance."""
        return await self.enqueue(endpoint, "delete", path, via=via)

    async def observe(
        self, endpoint: str, path: str, *, accept: int | None = None, via: str | None = None
    ) -> Result:
        """Observe; result.observing tells whether the client does. Notifications are events."""
        return await self.enqueue(endpoint, "observe", path, accept=accept, via=via)
