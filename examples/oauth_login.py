"""Log in through a provider, redirect by redirect, and see that a stolen code is worthless."""

import asyncio

from netra_testkit import LocalStaging, Staging


async def log_in(staging: Staging) -> str:
    """Go the way of a browser; the address of whoever came in."""
    async with staging.anonymous() as browser, staging.anonymous() as thief:
        start = await browser.http.get("/auth/login", params={"provider": "google"}, expect=302)
        print("1. to the provider: ", str(start.location).partition("?")[0])
        consent = await browser.http.get(str(start.location), expect=302)
        print("2. back with a code:", str(consent.location).partition("?")[0])
        await thief.http.get(str(consent.location), expect=400)
        print("   another browser gets nothing for it")
        session = (await browser.http.get(str(consent.location))).json()
        print("3. a session of", session["expires_in"], "seconds")
        await browser.http.get(str(consent.location), expect=400)
        print("   the code is used up")
        browser.with_token(session["access_token"])
        return str((await browser.http.get("/auth/me")).json()["email"])


with LocalStaging() as server:
    email = asyncio.run(log_in(Staging(server.config())))
print("logged in:", email)
assert email == "oauth-user@example.com"
