"""Enabler versions as data: CR C.1, TS 1.0 C.1 and 5.3, TS 1.1 C.2."""

from lwm2m import versions


def test_bindings():
    """CR C.1 resource 10; TS 1.0 to 1.2 Binding: what is allowed, and what it means."""
    draft, first, second, third = [versions.get(name) for name in ("draft", "1.0", "1.1", "1.2")]
    meanings = [("U", False), ("U", True), ("S", False), ("S", True)]
    assert [draft.parse_binding(value) for value in range(4)] == meanings
    letters = ["U", "UQ", "S", "SQ", "US", "UQS"]
    assert [first.parse_binding(value) for value in letters[:4]] == meanings
    assert first.parse_binding("US") == ("US", False)
    assert first.parse_binding("UQS") == ("US", True)
    assert second.parse_binding("SU") == ("SU", False)
    assert second.parse_binding("UT") == third.parse_binding("UM") == ("U", False)
    for version, wrong in (
        (draft, (4, -1, "U", None, 1.5)),
        (first, ("", "Q", "SU", "UQSQ", "USQ", "T", 0, None)),
        (second, ("", "UQ", "UU", "X", "T", "UM", 0, None)),
        (third, ("", "UQ", "UU", "X", "M", "HH", 0, None)),
    ):
        for value in wrong:
            assert version.parse_binding(value) is None, (version.name, value)


def test_bindings_written_are_read():
    """CR C.1 resource 10: a configured mode is a value of the resource, which reads back."""
    for name in ("draft", "1.0", "1.1", "1.2"):
        version = versions.get(name)
        for transports in ("U", "S") if name == "draft" else ("U", "S", "US"):
            for queue in (False, True):
                value = version.format_binding(transports, queue)
                read = version.parse_binding(value)
                assert read == (transports, queue and name in ("draft", "1.0")), (name, value)


def test_numbering():
    """CR C.1 against TS 1.0 to 1.2 E.2: roles, and rows that define each."""
    expected = {
        "draft": {"lifetime": 1, "disable": 7, "disable_timeout": 8, "update_trigger": 11},
        "1.0": {"lifetime": 1, "disable": 4, "disable_timeout": 5, "update_trigger": 8},
        "1.1": {"bootstrap_trigger": 9, "sms_trigger": 21, "mute_send": 23, "update_trigger": 8},
        "1.2": {"priority": 13, "sequence_retries": 20, "mute_send": 23, "profile_hash": 27},
    }
    for name, roles in expected.items():
        version = versions.get(name)
        table = version.server_table
        ids = [table[at] << 8 | table[at + 1] for at in range(0, len(table), 4)]
        names = version.server_resources
        assert [names[names.name(rid)] for rid in ids] == ids == list(range(len(ids)))
        assert names.name(len(ids)) is None and names.name(-1) is None
        for role in roles:
            assert names[role] == names.get(role) == roles[role] and role in names
        for other in ("", " ", "life", "nonsense"):
            assert names.get(other) is None and other not in names
            try:
                names[other]
            except (KeyError, ValueError):
                continue
            raise AssertionError(other)
    assert "sms_trigger" not in versions.get("1.0").server_resources
    assert "profile_hash" not in versions.get("1.1").server_resources
    assert versions.get("1.1") is versions.get("1.1")


def test_unknown_version():
    """DESIGN.md §6: the error names the value and what is allowed."""
    try:
        versions.get("1.5")
    except ValueError as error:
        assert "1.5" in str(error) and "draft, 1.0, 1.1, 1.2" in str(error)
    else:
        raise AssertionError("accepted")


def test_what_each_version_knows():
    """TS 1.0, 1.1 and 1.2: attributes, formats, composites and the way down (requirement 10)."""
    known = [versions.get(name) for name in ("draft", "1.0", "1.1", "1.2")]
    assert [len(each.attributes.split(" ")) for each in known] == [5, 5, 7, 10]
    assert [each.composite for each in known] == [False, False, True, True]
    assert [each.observe_attributes for each in known] == [False, False, False, True]
    assert [each.lower for each in known] == [None, None, "1.0", "1.1"]
    assert [each.server_version for each in known] == [None, None, "1.1", "1.2"]
    assert [11544 in each.formats for each in known] == [False, False, False, True]
    assert [11543 in each.formats for each in known] == [True, True, False, False]
