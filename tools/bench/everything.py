"""All rows, measured two at a time."""

from concurrent.futures import ThreadPoolExecutor

from tools import boards

from . import measure, on_boards, rows


def found() -> dict:
    """Return {id: {name: number}} with every name of measure.VALUES, None for what does not apply.

    Raises measure.BenchError.
    """
    measure.prepare()
    on_boards.prepare(measure.FOLDER / "board")
    imports = rows.imports()
    of_boards = {rows.BOARD + name: name for name in boards.names()}
    names = [name for name, _ in imports if name] + [rows.NODE, rows.ROM_NODE, *rows.STARTS]
    names += [*rows.OPERATIONS, rows.PEER, *rows.FIELD, *of_boards]
    result = {name: dict.fromkeys(measure.VALUES) for name in names}
    nodes = {rows.NODE: []}
    for row, name in of_boards.items():
        nodes[row] = [on_boards.link(name), on_boards.module(name)]
    with ThreadPoolExecutor(2) as pool:
        of_peer = pool.submit(measure.peer, rows.PEER_COUNT)
        of_heap = pool.submit(measure.heap, imports, list(rows.OPERATIONS), nodes)
        spared = pool.submit(on_boards.spared_by_romfs)
        plays = {row: pool.submit(measure.field, *rows.FIELD[row]) for row in rows.FIELD}
        plays.update({row: pool.submit(on_boards.flash, of_boards[row]) for row in of_boards})
        jobs = {
            row: pool.submit(measure.operation, row, count)
            for row, count in rows.OPERATIONS.items()
        }
        jobs[rows.NODE] = pool.submit(measure.whole_node)
        for row, name in rows.STARTS.items():
            jobs[row] = pool.submit(on_boards.first_at, name)
        before = []
        for row, modules in imports:
            if modules is None:
                before = []
                continue
            if row:
                heap_k = measure.heap_k_of(row)
                jobs[row] = pool.submit(measure.importing, before, modules, heap_k)
            before = before + modules
        try:
            for row, job in jobs.items():
                result[row]["instructions"] = job.result()
            instructions, octets = of_peer.result()
            result[rows.PEER].update(instructions=instructions, wire_bytes=octets)
            weighed = of_heap.result()
            for row, play in plays.items():
                result[row].update(play.result())
            kept = weighed["kept"]
            kept[rows.ROM_NODE] = kept[rows.NODE] - spared.result()
        except measure.BenchError:
            pool.shutdown(cancel_futures=True)
            raise
    for row in kept:
        result[row]["kept_bytes"] = kept[row]
    for row, garbage in weighed["garbage"].items():
        size, datagrams = weighed["wire"][row]
        result[row].update(garbage_bytes=garbage, wire_bytes=size or None, datagrams=datagrams)
    return result
