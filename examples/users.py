"""Lease test users, so that no two tests ever hold the same one."""

from netra_testkit import KNOWN_USERS, Environment, NotEnoughUsers, UserPool, UsersBusy

staging = UserPool(KNOWN_USERS, environment=Environment.STAGING)

with staging.lease(purpose="the first test") as alice, staging.lease() as bob:
    assert alice != bob
    print(f"leased: {alice.user_id} and {bob.user_id}")
    try:
        with staging.lease(alice, within=0.1):
            raise AssertionError("two tests held the same user")
    except UsersBusy as busy:
        print(f"busy:   {busy.holders[0]}")

try:
    staging.need(20)
except NotEnoughUsers as refusal:
    print(f"staging: {refusal}".splitlines()[0])
else:
    raise AssertionError("20 of 3 users were promised")

local = UserPool([], environment=Environment.LOCAL)
local.need(20)
with local.lease() as somebody:
    print(f"local makes them up: {somebody.user_id}")
