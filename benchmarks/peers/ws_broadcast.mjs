// Node `ws`: one `send` for each client.
//
// usage: node ws_broadcast.mjs PORT
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { WebSocketServer, WebSocket } = createRequire(`${process.env.PEERS_NODE}/`)("ws");

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const message = Buffer.concat(parts);
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(message, { binary: false });
    }
    response.setHeader("Content-Length", 2);
    response.end("{}");
  });
});
const sockets = new WebSocketServer({ server, path: "/connection/websocket" });
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
