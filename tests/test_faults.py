"""The planted faults fit the tree: each text to be broken is there, once, and each fault has a name of its own."""

from mutation.run import HERE, load_faults


def test_every_fault_can_be_planted():
    faults = load_faults(HERE / "faults.yml")
    assert len({fault.name for fault in faults}) == len(faults) > 100
    assert all(fault.find != fault.replace for fault in faults)
