// The stock npm client, driven by JSON lines on stdin; every event it has is a JSON line on stdout.
//
//     node client.mjs '{"url": "http://127.0.0.1:8000", "transport": "sse", "codec": "json", "token": "…"}'
import { createInterface } from 'node:readline';
import { Centrifuge as JsonClient, UnauthorizedError } from 'centrifuge';
import { Centrifuge as ProtobufClient } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

const given = JSON.parse(process.argv[2]);
const isBinary = given.codec === 'protobuf';
const Client = isBinary ? ProtobufClient : JsonClient;
const pack = (value) => (isBinary ? new TextEncoder().encode(JSON.stringify(value)) : value);
function unpack(value) {
  if (!(value instanceof Uint8Array)) return value;
  return value.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(value));
}

// Answers of the test to what the client asks for, such as a fresh token.
const asked = new Map();
let nextQuestion = 0;
function ask(what, channel) {
  const question = nextQuestion++;
  tell({ event: 'ask', what, channel, question });
  return new Promise((resolve) => asked.set(question, resolve)).then((answer) => {
    if (answer === null) throw new UnauthorizedError('refused');
    return answer;
  });
}

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const scheme = given.transport === 'websocket' ? given.url.replace('http', 'ws') : given.url;
const client = new Client(
  [{ transport: given.transport, endpoint: `${scheme}/connection/${given.transport}` }],
  {
    websocket: WebSocket,
    eventsource: EventSource,
    fetch,
    readableStream: ReadableStream,
    emulationEndpoint: `${given.url}/emulation`,
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
    ...(given.asks ? { getToken: () => ask('token') } : { token: given.token ?? '' }),
  },
);

for (const event of ['connecting', 'connected', 'disconnected', 'error']) {
  client.on(event, (ctx) => tell({ event, ...ctx, data: unpack(ctx.data), transport: given.transport }));
}
for (const event of ['subscribed', 'unsubscribed', 'publication', 'join', 'leave']) {
  client.on(event, (ctx) => tell({ event: `server_${event}`, ...ctx, data: unpack(ctx.data) }));
}
client.on('message', (ctx) => tell({ event: 'message', data: unpack(ctx.data) }));

const subs = new Map();
function subscribe({ channel, options = {}, asks = false }) {
  const sub = client.newSubscription(channel, {
    minResubscribeDelay: 50,
    maxResubscribeDelay: 200,
    ...options,
    ...(asks ? { getToken: () => ask('sub_token', channel) } : {}),
  });
  subs.set(channel, sub);
  for (const event of ['subscribing', 'subscribed', 'unsubscribed', 'error', 'join', 'leave']) {
    sub.on(event, (ctx) => tell({ event: `sub_${event}`, ...ctx, data: unpack(ctx.data), channel }));
  }
  sub.on('publication', (ctx) =>
    tell({ event: 'publication', channel, offset: ctx.offset, data: unpack(ctx.data), tags: ctx.tags, info: ctx.info }),
  );
  sub.subscribe();
}

const unpackAll = (publications) =>
  publications.map(({ offset, data }) => ({ offset, data: unpack(data) }));

const operations = {
  connect: () => client.connect(),
  disconnect: () => client.disconnect(),
  // What a lost network does: no close frame, and the client finds out by itself.
  cut: () => client._transport?._transport?.terminate?.() ?? client._failUnauthorized(),
  subscribe,
  unsubscribe: ({ channel }) => subs.get(channel).unsubscribe(),
  resubscribe: ({ channel }) => subs.get(channel).subscribe(),
  answer: ({ question, answer }) => asked.get(question)(answer),
  publish: async ({ channel, data }) => client.publish(channel, pack(data)),
  history: async ({ channel, ...options }) => {
    const found = await client.history(channel, options);
    return { ...found, publications: unpackAll(found.publications) };
  },
  presence: async ({ channel }) => (await client.presence(channel)).clients,
  presence_stats: async ({ channel }) => client.presenceStats(channel),
  rpc: async ({ method, data }) => unpack((await client.rpc(method, pack(data))).data),
  delta_stats: ({ channel }) => subs.get(channel).deltaStats(),
  pause: () => client._transport._transport.pause(),
  resume: () => client._transport._transport.resume(),
  exit: () => process.exit(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, id, ...rest } = JSON.parse(line);
  Promise.resolve()
    .then(() => operations[op](rest))
    .then(
      (result) => tell({ event: 'result', id, result: result ?? null }),
      (error) => tell({ event: 'result', id, error: { code: error.code, message: error.message } }),
    );
}
process.exit(0);
