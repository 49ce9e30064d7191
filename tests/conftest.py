"""Settings of the whole suite."""

from hypothesis import settings

# No deadlines: the machines that run this are noisy. The same examples each time: a red run can be run again.
settings.register_profile("overproof", deadline=None, derandomize=True)
settings.load_profile("overproof")
