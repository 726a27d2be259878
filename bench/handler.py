"""What one writes by hand: Starlette, sse-starlette and the vendor's SDK. The bench's yardstick."""

import json
import os
from collections.abc import AsyncIterator

from openai import AsyncOpenAI
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

client = AsyncOpenAI(base_url=os.environ["UPSTREAM"], api_key="none", max_retries=0)


async def stream(request: Request) -> EventSourceResponse:
    asked = await request.json()

    async def events() -> AsyncIterator[dict[str, str]]:
        answer = await client.chat.completions.create(
            model=asked["model"],
            messages=[{"role": "user", "content": asked["message"]}],
            stream=True,
        )
        number = 0
        async for chunk in answer:
            if chunk.choices and chunk.choices[0].delta.content:
                number += 1
                content = chunk.choices[0].delta.content
                yield {"id": str(number), "data": json.dumps({"type": "token", "content": content})}

    return EventSourceResponse(events(), sep="\n")


app = Starlette(routes=[Route("/stream", stream, methods=["POST"])])
