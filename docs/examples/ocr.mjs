import WebSocket from "ws"; // a browser has its own

globalThis.WebSocket = WebSocket;
const [, , script, server] = process.argv; // a page writes: import { OcrClient } from "/api/ocr/client.js"
const { OcrClient } = await import(script);

const client = new OcrClient(`${server}/dev`, {
  onDocumentUpdate: (id, status, result) => console.log(id, status, result?.confidence),
});
client.connect();
