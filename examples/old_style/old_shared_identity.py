"""The old way: five users who are all the same one."""

import asyncio


async def test_users_are_isolated(staging):
    token = staging.config.create_test_jwt_token()

    async def visit(number):
        async with staging.anonymous().with_token(token) as user:
            thread = (await user.http.post("/api/threads", json={"title": f"User {number}"})).json()
            return (await user.http.get(f"/api/threads/{thread['id']}")).json()["title"]

    titles = await asyncio.gather(*(visit(number) for number in range(5)))
    assert len(set(titles)) == 5, "users are not isolated"
