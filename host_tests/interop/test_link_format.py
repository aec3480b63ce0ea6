"""The filter of coap/well_known.py against links as aiocoap's parser reads them."""

from aiocoap.util import linkformat
from coap.well_known import filtered
from hypothesis import given
from hypothesis import strategies as st

_LISTS = ("rt", "if", "ct")
_NAMES = (*_LISTS, "sz", "title", "obs", "x")
_VALUES = st.text("ab ;,=<>*", max_size=6)
_ATTRIBUTES = st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=4)
_TARGETS = st.text("ab/", max_size=4).map(lambda path: "/" + path)


@given(_TARGETS, _ATTRIBUTES, st.sampled_from((*_NAMES, "href")), _VALUES)
def test_a_filter(target, attributes, name, wanted):
    """RFC 6690 §4.1: what is taken is what the values of the attribute say."""
    written = [f';{key}="{value}"' for key, value in attributes.items()]
    link = f"<{target}>" + "".join(written)
    (parsed,) = linkformat.parse(link).links
    read = dict(parsed.attr_pairs)
    values = [parsed.href] if name == "href" else [read[name]] if name in read else []
    if name in _LISTS:
        values = [item for value in values for item in value.split(" ")]
    if wanted.endswith("*"):
        expected = any(value.startswith(wanted[:-1]) for value in values)
    else:
        expected = wanted in values
    assert list(filtered([link], [f"{name}={wanted}"])) == ([link] if expected else [])


@given(st.text('<>;="\\ab *', max_size=40), st.text('ab=*" ;', max_size=10))
def test_any_text(link, query):
    """Whatever a link and a query are, the filter ends and raises nothing."""
    assert list(filtered([link], [query])) in ([], [link])
