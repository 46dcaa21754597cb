import { createAvance, TaskFailed } from "@avance/client";
import WebSocket from "ws"; // a browser has its own

const client = createAvance({
  url: process.argv[2] ?? "http://127.0.0.1:8030",
  centrifuge: { websocket: WebSocket },
});

const job = await client.submit("demo.document", { name: "manual.pdf", pages: 5 });
job.subscribe(() => {
  const { state, progress } = job.get().job;
  console.log(state, Math.floor(progress.percent ?? 0), progress.message ?? "");
});
try {
  console.log(await job.done());
} catch (error) {
  if (!(error instanceof TaskFailed)) throw error;
  console.log(error.job.state, error.job.error?.message);
}

const running = client.jobs.list({ state: ["queued", "running"] });
const stop = running.subscribe(() => {
  const { jobs, isLoading } = running.get();
  if (!isLoading) console.log(`${jobs.length} under way`);
});
await running.refetch();
stop();

await client.inbox.list({ status: "unread" }).refetch();
console.log(`${client.inbox.get().counts.unread} unread`);
client.close();
