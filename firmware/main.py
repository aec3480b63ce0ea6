"""Starts the node when the board boots."""

import asyncio

from node import node


def start(console=None) -> None:
    """Run the node for ever; `console` gives command lines (node/console.py) where one is wanted."""
    asyncio.run(node.main("site.json", console))


if __name__ == "__main__":
    start()
