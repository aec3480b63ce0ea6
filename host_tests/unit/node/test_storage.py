"""Records on flash, over a power cut at every single step."""

from node import storage
from unit.node.files import Flash, PowerCut

OLD = b"the account there was"
NEW = b"the account there is to be, a little longer"


def _store(flash):
    flash.under(storage)
    return storage.Store("account")


def _cut_everywhere(prepare, act, lossy):
    """Yield the store as it is after each cut of act(store), and last without a cut."""
    steps = 0
    while True:
        flash = Flash(lossy)
        store = _store(flash)
        prepare(store)
        flash.left = steps
        try:
            act(store)
            flash.left = None
            yield store, True
            return
        except PowerCut:
            flash.left = None
            yield storage.Store("account"), False
        steps += 1


def test_a_record_is_kept():
    """Requirement, bootstrap: what is saved is what a later start loads."""
    flash = Flash()
    store = _store(flash)
    assert store.load() is None
    store.save(OLD)
    assert storage.Store("account").load() == OLD
    store.save(NEW)
    assert storage.Store("account").load() == NEW
    steps = flash.steps
    store.save(NEW)
    assert flash.steps == steps, "the same record is not written again"


def test_a_cut_leaves_the_old_or_the_new_record():
    """Requirement, bootstrap: the account survives a power cut at any moment."""
    for lossy in (False, True):
        for earlier in ([OLD], [b"the first", OLD]):
            seen = []

            def prepare(store, records=earlier):
                for record in records:
                    store.save(record)

            for store, done in _cut_everywhere(prepare, lambda store: store.save(NEW), lossy):
                found = store.load()
                assert found == NEW if done else found in (OLD, NEW), found
                seen.append(found)
                store.save(b"the next")  # life goes on from whatever the cut left
                assert store.load() == b"the next"
            assert len(seen) > len(NEW)
            assert seen[0] == OLD and seen[-1] == NEW


def test_a_cut_of_the_very_first_record_leaves_none():
    """Requirement, bootstrap: half a first record is no record."""
    for store, done in _cut_everywhere(lambda store: None, lambda store: store.save(NEW), False):
        assert store.load() in ((NEW,) if done else (None, NEW))


def test_a_cut_removal_never_brings_back_an_older_record():
    """Requirement, factory reset: a removal that is cut is done, or not begun."""

    def prepare(store):
        store.save(b"years ago")
        store.save(OLD)

    seen = []
    for store, done in _cut_everywhere(prepare, lambda store: store.remove(), False):
        seen.append(store.load())
        assert seen[-1] in (None, OLD) and (seen[-1] is None or not done)
        store.remove()
        assert store.load() is None
    assert seen[0] == OLD and seen[-1] is None


def test_a_removal_leaves_nothing_of_the_record():
    """Requirement, factory reset: no key stays on flash; how often it was written does."""
    flash = Flash()
    store = _store(flash)
    store.remove()
    assert flash.files == {}
    store.save(OLD)
    store.save(NEW)
    store.remove()
    assert [len(each) for each in flash.files.values()] == [15]
    assert store.load() is None and store.generation() == 3
    steps = flash.steps
    store.remove()
    assert flash.steps == steps and store.generation() == 3
    store.save(OLD)
    assert store.load() == OLD and store.generation() == 4


def test_writes_are_counted():
    """Flash wear: a record that is the same is not written, but where that is asked."""
    flash = Flash()
    store = _store(flash)
    assert store.generation() == 0
    for count in range(1, 5):
        store.save(b"%d" % count)
        store.save(b"%d" % count)
        assert store.generation() == count
    store.save(b"4", True)
    assert store.generation() == 5 and store.load() == b"4"


def test_a_damaged_bit_makes_the_older_record_the_newest():
    """Requirement, bootstrap: every bit of a record is under its CRC."""
    flash = Flash()
    store = _store(flash)
    store.save(OLD)
    store.save(NEW)
    for path in list(flash.files):
        whole = flash.files[path]
        for at in range(len(whole)):
            flash.files[path] = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
            assert store.load() == (OLD if NEW in whole else NEW)
        for length in range(len(whole)):
            flash.files[path] = whole[:length]
            assert store.load() == (OLD if NEW in whole else NEW)
        flash.files[path] = whole + b"\x00"
        assert store.load() == (OLD if NEW in whole else NEW)
        flash.files[path] = whole


def test_a_flash_that_forgets_is_noticed():
    """Requirement, bootstrap: a record that does not read back is an error, the old one stays."""

    class Worn(Flash):
        def open(self, path, mode="r"):
            file = Flash.open(self, path, mode)
            if "w" in mode and self.worn:
                file.write = len
            return file

    flash = Worn()
    flash.worn = False
    store = _store(flash)
    store.save(OLD)
    flash.worn = True
    try:
        store.save(NEW)
        raise AssertionError("nobody noticed")
    except OSError:
        assert store.load() == OLD


def test_a_record_has_a_limit():
    """Requirement, memory: one too long is refused before anything is written."""
    flash = Flash()
    store = _store(flash)
    store.save(bytes(storage.LIMIT))
    steps = flash.steps
    try:
        store.save(bytes(storage.LIMIT + 1))
        raise AssertionError("not refused")
    except ValueError as error:
        assert "8193" in str(error)
    assert flash.steps == steps


def test_a_full_file_system_leaves_the_old_record():
    """Flash: no free block, at the opening or at any byte or at the close; what is there
    stays, and the next record goes where there is room again."""

    class Full(Flash):
        room = None

        def step(self):
            if self.room is not None:
                if self.room == 0:
                    raise OSError(28)
                self.room -= 1
            return Flash.step(self)

    for room in range(len(NEW) + 18):
        flash = Full()
        store = _store(flash)
        store.save(b"the first")
        store.save(OLD)
        flash.room = room
        try:
            store.save(NEW)
        except OSError:
            # At the close alone all of it may be there.
            assert store.load() == (OLD if room < len(NEW) + 16 else NEW), room
        else:
            assert store.load() == NEW and room == len(NEW) + 17, room
        flash.room = None
        store.save(b"the next")
        assert store.load() == b"the next"


def test_rot_costs_one_change():
    """Flash: a bit of the newest record flips, and of all that is written after it; the
    record before stands in, and what is saved next is kept."""
    flash = Flash()
    store = _store(flash)
    for count in range(1, 20):
        store.save(b"record %d" % count)
        slot = "account.%d" % (1 - count % 2)
        assert flash.files[slot].endswith(b"record %d" % count)
        if count % 3 == 0:
            at = count % len(flash.files[slot])
            rotten = bytearray(flash.files[slot])
            rotten[at] ^= 1 << count % 8
            flash.files[slot] = bytes(rotten)
            assert store.load() == b"record %d" % (count - 1), count
            store.save(b"record %d" % count)
            assert store.load() == b"record %d" % count
