import { Centrifuge } from "centrifuge";
import WebSocket from "ws"; // a browser has its own

const server = process.argv[2] ?? "http://127.0.0.1:8030";
const answer = await fetch(`${server}/v1/jobs`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ task: "shop.ingest", params: { path: "manual.pdf" } }),
});
const { channel, token } = await answer.json();

const client = new Centrifuge(`${server.replace("http", "ws")}/connection/websocket`, {
  token,
  websocket: WebSocket,
});
const subscription = client.newSubscription(channel);
let job;
subscription.on("publication", ({ data }) => {
  if (data.type === "snapshot") job = data.job; // replace what you have
  if (data.type === "progress") job.progress = data.progress;
  if (data.type === "state") job.state = data.to;
  if (data.type === "result") job.result = data.result;
  console.log(job.state, job.progress.percent);
  if (["completed", "failed", "cancelled", "expired"].includes(job.state)) client.disconnect();
});
subscription.subscribe();
client.connect();
