"""Enabler versions as data: CR C.1, TS 1.0 C.1 and 5.3, TS 1.1 C.2."""

from lwm2m import versions


def test_bindings():
    """CR C.1 resource 10; TS 1.0 and 1.1 Binding: what is allowed, and what it means."""
    draft, first, second = [versions.get(name) for name in ("draft", "1.0", "1.1")]
    meanings = [("U", False), ("U", True), ("S", False), ("S", True)]
    assert [draft.parse_binding(value) for value in range(4)] == meanings
    letters = ["U", "UQ", "S", "SQ", "US", "UQS"]
    assert [first.parse_binding(value) for value in letters[:4]] == meanings
    assert first.parse_binding("US") == ("US", False)
    assert first.parse_binding("UQS") == ("US", True)
    assert second.parse_binding("SU") == ("SU", False)
    assert second.parse_binding("UT") == ("U", False)
    for version, wrong in (
        (draft, (4, -1, "U", None, 1.5)),
        (first, ("", "Q", "SU", "UQSQ", "USQ", "T", 0, None)),
        (second, ("", "UQ", "UU", "X", "T", 0, None)),
    ):
        for value in wrong:
            assert version.parse_binding(value) is None, (version.name, value)


def test_bindings_written_are_read():
    """CR C.1 resource 10: a configured mode is a value of the resource, which reads back."""
    for name in ("draft", "1.0", "1.1"):
        version = versions.get(name)
        for transports in ("U", "S") if name == "draft" else ("U", "S", "US"):
            for queue in (False, True):
                value = version.format_binding(transports, queue)
                read = version.parse_binding(value)
                assert read == (transports, queue and name != "1.1"), (name, value)


def test_numbering():
    """CR C.1 against TS 1.0 and 1.1 C: roles, and rows that define each."""
    expected = {
        "draft": {"lifetime": 1, "disable": 7, "disable_timeout": 8, "update_trigger": 11},
        "1.0": {"lifetime": 1, "disable": 4, "disable_timeout": 5, "update_trigger": 8},
        "1.1": {"bootstrap_trigger": 9, "sms_trigger": 21, "mute_send": 23, "update_trigger": 8},
    }
    for name, roles in expected.items():
        version = versions.get(name)
        table = version.server_table
        ids = [table[at] << 8 | table[at + 1] for at in range(0, len(table), 4)]
        assert sorted(version.server_resources.values()) == ids
        for role in roles:
            assert version.server_resources[role] == roles[role]
    assert versions.get("1.1") is versions.get("1.1")


def test_unknown_version():
    """DESIGN.md §6: the error names the value and what is allowed."""
    try:
        versions.get("1.5")
    except ValueError as error:
        assert "1.5" in str(error) and "draft, 1.0, 1.1" in str(error)
    else:
        raise AssertionError("accepted")
