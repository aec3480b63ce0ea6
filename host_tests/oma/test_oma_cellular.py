"""A dozen of OMA's cases over a virtual SIM7000, its network and its NAT."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tests.oma import test_oma_composite as composite
from host_tests.oma import test_oma_management as management
from host_tests.oma import test_oma_registration as registration
from host_tests.oma import test_oma_reporting as reporting
from host_tests.oma.client import SENML_CBOR


def _connectivity_monitoring(start):
    """int-701, 710: Connectivity Monitoring is read, and the signal strength observed."""
    client = start()
    link = client.read("/4/0").value
    assert link[0] in link[1].values()
    assert -113 <= link[2] <= -51
    assert link[4][0] == "10.64.0.1" and link[7] == {0: "internet"}
    # Private, and in no server's model: Recoveries and Flash Writes.
    assert link[26241].keys() == {0, 1, 2, 3, 4} and client.read("/3/0").value[26241] == 0
    assert client.write_attributes("/4/0/2", pmin=1, pmax=2).code == "2.04"
    assert client.observe("/4/0/2").code == "2.05"
    assert client.next("notification")["value"] == link[2]


_CASES = (
    (registration.test_101_initial_registration, "1.0"),
    (registration.test_101_initial_registration, "1.1"),
    (registration.test_102_registration_update,),
    (registration.test_103_deregistration,),
    (registration.test_104_registration_update_trigger,),
    (registration.test_109_behaviour_in_queue_mode,),
    (management.test_205_setting_basic_information_as_text,),
    (management.test_226_write_partial_on_instance,),
    (management.test_241_rebooting_the_device,),
    (management.test_260_discover,),
    (composite.test_230_write_composite, SENML_CBOR),
    (composite.test_280_successful_read_composite, SENML_CBOR),
    (reporting.test_301_observation_and_notification, "1.1", SENML_CBOR),
    (reporting.test_302_cancel_by_reset,),
    (reporting.test_306_send,),
    (_connectivity_monitoring,),
)


def _name(case):
    return "-".join([case[0].__name__.removeprefix("test_"), *map(str, case[1:])])


@pytest.fixture(scope="module")
def played(request, starting):
    """The cases that were selected, all at once: a modem takes its seconds to boot and attach."""
    chosen = {
        item.callspec.params["case"]
        for item in request.session.items
        if item.function is test_over_sim7000
    }
    with ThreadPoolExecutor(len(chosen)) as threads:
        yield {case: threads.submit(_play, case, starting) for case in chosen}


def _play(case, starting):
    play, *arguments = case
    with starting() as start:
        play(lambda **options: start(**{"link": "sim7000", **options}), *arguments)


@pytest.mark.parametrize("case", _CASES, ids=_name)
def test_over_sim7000(played, case):
    """The int-number is in the name: the same steps as over plain UDP."""
    played[case].result()
