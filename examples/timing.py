"""How long each phase may take and how fast it should be."""

from __future__ import annotations

import dataclasses

from netra_testkit import Budgets, ConfigurationError, Timeouts

staging = Timeouts.for_environment("staging")
print("The bounds on staging, in seconds:")
for phase, seconds in dataclasses.asdict(staging).items():
    print(f"  {phase:<11}{seconds:g}")

print("\nThe targets:")
for name in (each.name for each in dataclasses.fields(Budgets)):
    print(f"  {name:<20}{getattr(Budgets(), name)}")

print("\nA call that gives up before the run it waits for is refused:")
try:
    dataclasses.replace(staging, receive=25.0)
except ConfigurationError as refused:
    [problem] = refused.problems
    print(f"  {problem}")
    assert problem.field == "timeouts.receive > timeouts.agent"
else:
    raise SystemExit("it was accepted")
