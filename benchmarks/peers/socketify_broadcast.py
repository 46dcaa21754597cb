"""
socketify (uWebSockets): its own publish to a topic.

usage: socketify_broadcast.py PORT
"""

import sys

from socketify import App, CompressOptions, OpCode

app = App()


def opened(websocket) -> None:
    websocket.subscribe("bench")


async def publish(response, request) -> None:
    body = await response.get_data()
    app.publish("bench", body.getvalue().decode(), OpCode.TEXT)
    response.end("{}")


app.ws(
    "/connection/websocket",
    {
        "compression": CompressOptions.DISABLED,
        "open": opened,
        "message": lambda websocket, message, opcode: None,
    },
)
app.post("/publish", publish)
app.listen({"port": int(sys.argv[1]), "host": "127.0.0.1"}, lambda config: None)

if __name__ == "__main__":
    app.run()
