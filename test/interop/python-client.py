"""Hosts the clients of the Python libraries for hosted.ts, which says what the lines mean.

Called with the name of a library, its mode, and the target in JSON: {"url": ...}, or {"command": ..., "args": [...]}.
"""

import asyncio
import json
import sys


def say(line):
    print(json.dumps(line), flush=True)


async def on_progress(progress, total=None, message=None):
    say({"progress": int(progress)})


class OfficialSdk:
    """The official SDK."""

    def __init__(self, mode, target):
        from mcp import Client, StdioServerParameters

        self.client = Client(target["url"] if "url" in target else StdioServerParameters(**target), mode=mode)

    async def list(self):
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, name, args):
        result = await self.client.call_tool(name, args, progress_callback=on_progress)
        if result.is_error:
            raise RuntimeError(str(result.content))
        return result.structured_content


class FastMcp:
    """FastMCP's client."""

    def __init__(self, mode, target):
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport

        self.client = Client(target["url"] if "url" in target else StdioTransport(**target), mode=mode)

    async def list(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name, args):
        result = await self.client.call_tool(name, args, progress_handler=on_progress)
        return result.structured_content


async def answer(library, question):
    try:
        if "list" in question:
            return {"result": await library.list()}
        return {"result": await library.call(question["call"], question["args"])}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


async def main():
    name, mode, target = sys.argv[1:]
    library = {"mcp": OfficialSdk, "fastmcp": FastMcp}[name](mode, json.loads(target))
    async with library.client:
        say({"result": "connected"})
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(await answer(library, json.loads(line)))


asyncio.run(main())
