"""What Nudge costs, measured on real MicroPython: `python -m tools.bench`, or `make bench`.

rows.py says what is measured and what it may cost, operations.py and whole_node.py run on
MicroPython, peer.py is the same work in aiocoap, and measure.py counts: instructions with
callgrind on the unix port, bytes of a 32-bit heap on the WebAssembly port. on_boards.py weighs
what each board gets, field.py plays a board's life in virtual time, everything.py does it all.
"""
