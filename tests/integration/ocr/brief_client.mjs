// The client class that the contract describes in 004-15, 004-16 and 004-17, written against these promises alone.

export class OCRWebSocketClient {
  constructor(endpoint, callbacks) {
    this.endpoint = endpoint;
    this.callbacks = callbacks;
    this.reconnectAttempts = 0;
    this.maxReconnectAttempts = 5;
    this.reconnectInterval = 5000;
  }

  connect() {
    this.ws = new WebSocket(this.endpoint);
    this.ws.onopen = () => {
      console.log("open");
      this.reconnectAttempts = 0;
      this.send({ type: "subscribe_documents" });
    };
    this.ws.onmessage = (event) => this.handleMessage(JSON.parse(event.data));
    this.ws.onclose = () => this.attemptReconnect();
    this.ws.onerror = () => console.log("error");
  }

  attemptReconnect() {
    if (this.reconnectAttempts < this.maxReconnectAttempts) {
      this.reconnectAttempts++;
      console.log(`attempt ${this.reconnectAttempts}`);
      setTimeout(() => this.connect(), this.reconnectInterval);
    }
  }

  handleMessage(message) {
    switch (message.type) {
      case "connection_established":
        console.log(`connection ${message.connectionId}`);
        break;
      case "pong":
        console.log("pong");
        break;
      case "document_update":
        this.callbacks.onDocumentUpdate(message.documentId, message.status, message.ocrResult);
        break;
      case "document_status":
        this.callbacks.onDocumentStatus(message.documentId, message.status);
        break;
      default:
        console.log(`Unknown message type: ${message.type}`);
    }
  }

  send(message) {
    if (this.ws && this.ws.readyState === WebSocket.OPEN) {
      this.ws.send(JSON.stringify(message));
      return true;
    }
    return false;
  }

  getDocumentStatus(documentId) {
    return this.send({ type: "get_document_status", documentId });
  }

  ping() {
    return this.send({ type: "ping" });
  }

  disconnect() {
    this.maxReconnectAttempts = 0;
    this.ws.close();
  }
}
