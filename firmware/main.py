"""Starts the node when the board boots."""

import asyncio

from node import boot


def start(console=None) -> None:
    """Run the node for ever; `console` gives command lines (node/console.py), if wanted."""
    try:
        asyncio.run(boot.run("site.json", console))
    except KeyboardInterrupt:
        boot.at_repl()
        raise
    except Exception as error:  # of the scheduler's own, such as one for want of memory
        boot.crashed(error)


if __name__ == "__main__":
    start()
