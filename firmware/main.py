"""Starts the node when the board boots."""

import asyncio

from node import boot


def start(console=None) -> None:
    """Run the node for ever; `console` gives command lines (node/console.py), if wanted."""
    asyncio.run(boot.run("site.json", console))


if __name__ == "__main__":
    start()
