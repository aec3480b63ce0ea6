"""The object list of a registration."""

from lwm2m import versions
from lwm2m.links import registration
from lwm2m.object import Object
from lwm2m.tree import Tree
from unit.lwm2m_model.helpers import Fixture


def _class(oid):
    class Declared(Object):
        object_id = oid
        multiple = True

    return Declared


def _tree():
    tree = Tree()
    for oid, count in ((0, 1), (1, 1), (2, 2), (3, 1), (4, 1)):
        for _ in range(count):
            tree.add(_class(oid)())
    tree.declare(_class(5))
    return tree


def test_example_of_the_change_request():
    """CR 5.2.1: the instances that exist; an Object without any by itself; no Security."""
    assert (
        registration(_tree(), versions.get("draft")) == "</1/0>,</2/0>,</2/1>,</3/0>,</4/0>,</5>"
    )


def test_objects_only():
    """CR 5.2.1: a client whose Objects have no instances."""
    tree = Tree()
    for oid in (5, 1, 3, 2, 4):
        tree.declare(_class(oid))
    assert registration(tree, versions.get("1.0")) == "</1>,</2>,</3>,</4>,</5>"


def test_alternate_path():
    """CR 5.2.1: Objects under /lwm2m, announced by the root link."""
    assert registration(_tree(), versions.get("draft"), "lwm2m") == (
        '</lwm2m>;rt="oma.lwm2m",</lwm2m/1/0>,</lwm2m/2/0>,</lwm2m/2/1>,</lwm2m/3/0>,</lwm2m/4/0>,'
        "</lwm2m/5>"
    )


def test_content_format():
    """CR 5.2.1: the format of all Objects in the root link."""
    assert registration(_tree(), versions.get("draft"), "", 100) == (
        '</>;rt="oma.lwm2m";ct=100,</1/0>,</2/0>,</2/1>,</3/0>,</4/0>,</5>'
    )


def test_object_versions():
    """TS 1.1 Core §6.2.1, §7.2.2: versions other than 1.0 are told since 1.1, but for those that
    the enabler version implies; 1.2 tells 1.0 too, of what it has a later version of."""
    tree = _tree()
    for oid, ver in ((9, "1.0"), (10, "2.1"), (3303, "1.1"), (4, "1.3"), (3, "1.1")):
        versioned = tree.object_class(oid) or _class(oid)
        versioned.object_version = ver
        tree.declare(versioned)
    assert registration(tree, versions.get("1.1"), "", 112) == (
        "</>;ct=112,</1/0>,</2/0>,</2/1>,</3/0>,</4>;ver=1.3,</4/0>,</5>,</9>,</10>;ver=2.1,"
        "</3303>;ver=1.1"
    )
    assert registration(tree, versions.get("1.2"), "", 112) == (
        "</>;ct=112,</1>;ver=1.2,</1/0>,</2>;ver=1.0,</2/0>,</2/1>,</3>;ver=1.1,</3/0>,"
        "</4>;ver=1.3,</4/0>,</5>;ver=1.0,</9>,</10>;ver=2.1,</3303>;ver=1.1"
    )
    for name in ("draft", "1.0"):
        assert registration(Fixture(name).tree, versions.get(name)) == "</1/0>,</3/0>,</30000/0>"
