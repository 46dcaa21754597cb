// The demo page. The user and the key may stand in the query: /retail/?user=1&key=dev
document.addEventListener('DOMContentLoaded', () => {
  const query = new URLSearchParams(location.search);
  const who = document.getElementById('who');
  who.elements.user.value = query.get('user') ?? '1';
  who.elements.key.value = query.get('key') ?? 'dev';
  const sendForm = document.getElementById('send');
  sendForm.elements.user_id.value = who.elements.user.value;
  const list = document.getElementById('list');
  const status = document.getElementById('status');
  const base = new URL('../', location.href.replace(/\/retail\/?(\?.*)?$/, '/retail/'));

  const call = async (method, path, body) => {
    const answer = await fetch(new URL(path, base), {
      method,
      headers: { 'X-API-Key': who.elements.key.value, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail);
    return said;
  };

  const draw = () => {
    list.replaceChildren(
      ...manager.notifications.map((one) => {
        const row = document.createElement('li');
        row.textContent = `${one.subject}: ${one.message}${one.status === 'read' ? ' ✓' : ' '}`;
        if (one.status !== 'read') {
          const read = document.createElement('button');
          read.textContent = 'Read';
          read.addEventListener('click', () => manager.markRead(one.notification_id));
          row.append(read);
        }
        return row;
      }),
    );
  };

  const cell = (text, className) => {
    const made = document.createElement('td');
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const drawStock = async () => {
    const { products } = await call('GET', 'api/retail/products');
    const choice = document.querySelector('#move select');
    const chosen = choice.value;
    choice.replaceChildren(...products.map((one) => new Option(one.name, one.sku, false, one.sku === chosen)));
    document.getElementById('stock').replaceChildren(
      ...products.map((one) => {
        const row = document.createElement('tr');
        row.append(cell(one.sku), cell(one.name), cell(one.stock, one.is_low ? 'low' : ''), cell(one.threshold));
        return row;
      }),
    );
  };

  let manager;
  const begin = () => {
    manager?.disconnect();
    manager = initializeWebSocketNotifications({
      userId: who.elements.user.value,
      apiKey: who.elements.key.value,
      onNotification: () => draw(),
      onStatus: (isConnected) => {
        status.textContent = isConnected ? 'connected' : 'disconnected';
      },
    });
    manager.addEventListener('read', draw);
    manager.addEventListener('list', draw);
    window.manager = manager;
    draw();
    drawStock().catch((error) => {
      status.textContent = error.message;
    });
  };

  const on = (form, work) =>
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      try {
        await work(Object.fromEntries(new FormData(form)));
      } catch (error) {
        status.textContent = error.message;
      }
    });
  on(who, async () => begin());
  on(sendForm, (fields) => call('POST', 'api/notifications/send', fields));
  on(document.getElementById('move'), async ({ sku, quantity }) => {
    await call('POST', `api/retail/products/${encodeURIComponent(sku)}/movements`, { quantity: Number(quantity) });
    await drawStock();
  });
  begin();
});
