"""Filtered discovery: which links a query takes (RFC 6690 §4.1)."""

from coap.well_known import filtered

# The links of RFC 6690 §5.
SENSORS = (
    '</sensors>;ct=40;title="Sensor Index"',
    '</sensors/temp>;rt="temperature-c";if="sensor"',
    '</sensors/light>;rt="light-lux";if="sensor"',
    '<http://www.example.com/sensors/t123>;anchor="/sensors/temp";rel="describedby"',
    '</t>;anchor="/sensors/temp";rel="alternate"',
)
# Two sensors of one interface, and one of two types.
TWO = ('</sensors/temp>;if="sensor"', '</sensors/light>;if="sensor"')
LIGHT = ('</sensors/light>;rt="light-lux core.sen-light";if="sensor"',)
FIRMWARE = ('</firmware/v2.1>;rt="firmware";sz=262144',)
# The groups that TD_COAP_LINK_04 and TD_COAP_LINK_05 ask for.
TYPES = (
    '</a>;rt="Type1 Type2";if="If1"',
    '</b>;rt="Type2 Type3";if="If2"',
    '</c>;rt="Type1 Type3";if="foo"',
    '</d>;rt=""',
    "</e>;sz=10",
)


def take(links, *queries):
    """Return what of the links is taken, as positions."""
    return [links.index(link) for link in filtered(links, queries)]


def test_no_query():
    """RFC 6690 §4: all links."""
    assert take(SENSORS) == [0, 1, 2, 3, 4]
    assert take(SENSORS, "") == [0, 1, 2, 3, 4]


def test_examples():
    """RFC 6690 §5: ?rt=light-lux, also where it is one of two types, ?anchor=/sensors/temp and
    ?rt=firmware; §4: ?rt=temperature-c."""
    assert take(TWO) == [0, 1] and take(TWO, "if=sensor") == [0, 1]
    assert take(TWO, "rt=light-lux") == []
    assert take(SENSORS, "rt=light-lux") == [2]
    assert take(LIGHT, "rt=light-lux") == take(LIGHT, "rt=core.sen-light") == [0]
    assert take(LIGHT, "rt=core*") == [0] and take(LIGHT, "rt=sen-light") == []
    assert take(SENSORS, "rt=temperature-c") == [1]
    assert take(SENSORS, "anchor=/sensors/temp") == [3, 4]
    assert take(SENSORS, "if=sensor") == [1, 2]
    assert take(FIRMWARE, "rt=firmware") == [0]
    assert take(FIRMWARE, "sz=262144") == [0]
    assert take(FIRMWARE, "sz=262") == []


def test_forms_of_a_query():
    """RFC 6690 §4.1: the examples ?href=/foo, ?href=/foo*, ?foo=bar, ?foo=bar* and ?foo=*."""
    links = ("</foo>", "</foot>;foo=bar", '</x>;foo="barley"', "</y>;foo=ba", "</bar>;title=foo")
    assert take(links, "href=/foo") == [0]
    assert take(links, "href=/foo*") == [0, 1]
    assert take(links, "foo=bar") == [1]
    assert take(links, "foo=bar*") == [1, 2]
    assert take(links, "foo=*") == [1, 2, 3]


def test_href():
    """RFC 6690 §4.1: href is the text between < and >."""
    assert take(SENSORS, "href=/sensors") == [0]
    assert take(SENSORS, "href=/sensors*") == [0, 1, 2]
    assert take(SENSORS, "href=/sensors/*") == [1, 2]
    assert take(SENSORS, "href=http://www.example.com/sensors/t123") == [3]
    assert take(SENSORS, "href=*") == [0, 1, 2, 3, 4]
    assert take(SENSORS, "href=") == []


def test_prefix():
    """RFC 6690 §4.1: a pattern that ends in * takes values that begin so, the empty one too."""
    assert take(SENSORS, "rt=temperature*") == [1]
    assert take(SENSORS, "rt=temperature") == []
    assert take(SENSORS, "title=Sensor*") == [0]
    assert take(TYPES, "rt=*") == [0, 1, 2, 3]
    assert take(TYPES, "sz=*") == [4]
    assert take(TYPES, "if=If*") == [0, 1]


def test_items_of_a_list():
    """RFC 6690 §3.1, §3.2: rt and if name several, any of which may match."""
    assert take(TYPES, "rt=Type2") == [0, 1]
    assert take(TYPES, "rt=Type3") == [1, 2]
    assert take(TYPES, "rt=Type1 Type2") == []
    assert take(TYPES, "rt=Type") == []
    assert take(TYPES, "rt=") == [3]
    assert take(('</x>;rel="a b"', '</y>;rev="b"'), "rel=b") == [0]
    assert take(SENSORS, "title=Sensor Index") == [0]  # this one is no list
    assert take(SENSORS, "title=Index") == []


def test_content_formats():
    """RFC 7252 §7.2.1: ct is a number, or several in quotes."""
    links = ("</a>;ct=40", '</b>;ct="40 41"', "</c>;ct=4")
    assert take(links, "ct=40") == [0, 1]
    assert take(links, "ct=41") == [1]


def test_flag():
    """RFC 7641 §6: obs has no value; its name alone asks whether it is there."""
    links = ("</a>;obs", '</b>;title="obs";if="x"', "</c>;obs;ct=0", "</d>;observe")
    assert take(links, "obs") == [0, 2]
    assert take(links, "obs=*") == [0, 2]
    assert take(links, "obs=1") == []


def test_several_filters():
    """A link has to match each; the RFC defines one."""
    assert take(TYPES, "rt=Type2", "if=If1") == [0]
    assert take(TYPES, "rt=Type2", "sz=10") == []


def test_names_are_whole():
    """RFC 6690 §2: an attribute's name is what stands before "="."""
    links = ('</a>;xrt="1"', '</b>;rt="1"', '</c>;rtx="1"', '</rt=1>;x="rt=1;rt=1"')
    assert take(links, "rt=1") == [1]
    assert take(links, "nothing=*") == []
    assert take(links, "=1") == []


def test_quoted_text():
    """RFC 6690 §2: a quoted value may hold ; , = and, escaped, quotes and backslashes."""
    links = (
        '</a>;title="x;rt=y, \\"z\\"";rt=w',
        '</b>;title="ends in \\\\";rt="v"',
        '</c>;title="',
        '</d>;title="x;y',
        "</e>;",
        "</f",
    )
    assert take(links, "rt=y") == []
    assert take(links, 'title=x;rt=y, "z"') == [0]
    assert take(links, "rt=w") == [0]
    assert take(links, "rt=v") == [1]
    assert take(links, "title=ends in \\") == [1]


def test_one_link_at_a_time():
    """DESIGN §4: links are taken from an iterable as they are asked for."""

    def source():
        for number in range(3):
            seen.append(number)
            yield "</%d>;rt=a" % number

    seen = []
    found = filtered(source(), ["rt=a"])
    assert next(found) == "</0>;rt=a"
    assert seen == [0]
