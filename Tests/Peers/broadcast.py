"""A WebSocket server that broadcasts one message as fast as its clients read: `broadcast.py PORT CLIENTS SECONDS BODY`."""

import asyncio
import sys

from websockets.asyncio.server import broadcast, serve

PORT, CLIENTS, SECONDS = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
BODY = sys.argv[4]


async def main():
    clients = set()
    everyone = asyncio.Event()

    async def handle(socket):
        clients.add(socket)
        if len(clients) == CLIENTS:
            everyone.set()
        await socket.wait_closed()

    async with serve(handle, "127.0.0.1", PORT, compression=None, ping_interval=None):
        print("listening", flush=True)
        await everyone.wait()
        await asyncio.sleep(0.5)
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        while loop.time() < end:
            broadcast(clients, BODY)
            # Gives the sockets their turn; a client that is behind would only fill memory.
            while max(socket.transport.get_write_buffer_size() for socket in clients) > 1 << 16:
                await asyncio.sleep(0)
            await asyncio.sleep(0)


asyncio.run(main())
