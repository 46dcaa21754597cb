// Bun: its own publish to a topic.
//
// usage: bun bun_publish.mjs PORT
const server = Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  async fetch(request, server) {
    if (request.method === "POST") {
      server.publish("bench", await request.text());
      return new Response("{}");
    }
    return server.upgrade(request) ? undefined : new Response("upgrade", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe("bench");
    },
    message() {},
  },
});
console.log(server.port);
