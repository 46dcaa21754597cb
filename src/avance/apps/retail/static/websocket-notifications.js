/**
 * Notifications in a page, without a bundler:
 *
 *   <script src="/static/js/websocket-notifications.js"></script>
 *   <script>
 *     document.addEventListener('DOMContentLoaded', () =>
 *       initializeWebSocketNotifications({ userId: 1, apiKey: 'dev', onNotification: console.log }));
 *   </script>
 *
 * or <avance-notifications user-id="1" api-key="dev"></avance-notifications>, which shows a bell and a list.
 * Whatever has the attribute data-notification-count shows the unread counter.
 *
 * In place of apiKey, token: a short-lived token, or better a function that fetches one (it may be async); it is called before each
 * connection, so that one that has ended meanwhile does no harm.
 */
(() => {
  'use strict';

  const KEPT_MAX = 50;
  const TOAST_MS = 5000;
  const TOASTS_MAX = 5;
  const SHOWN_MAX = 200;
  const TOLD_MAX = 5000;
  const REFRESH_MS = 200;
  const FIRST_DELAY_MS = 1000;
  const DELAY_FACTOR = 1.5;
  const DELAY_MS_MAX = 30000;
  const SILENCE_MS_MAX = 75000; // The server pings every 30 s: silence for longer means a dead line.
  const STOP_CODES = new Set([1000, 1008, 4404]);
  const COLOURS = { low: '#10b981', medium: '#f59e0b', high: '#ef4444', critical: '#7c2d12' };
  const WORDS = {
    en: { close: 'Close', bell: 'Notifications', unread: 'unread', none: 'Nothing new', read: 'Mark as read' },
    es: { close: 'Cerrar', bell: 'Notificaciones', unread: 'sin leer', none: 'Nada nuevo', read: 'Marcar como leída' },
  };

  // Known while this file runs, and the only way to find the server behind a prefix or a proxy.
  const SCRIPT = document.currentScript ? document.currentScript.src : location.href;

  const words = () => ((document.documentElement.lang || navigator.language).startsWith('es') ? WORDS.es : WORDS.en);

  const listUrl = (userId) => {
    const url = new URL('../../api/notifications', SCRIPT);
    url.search = new URLSearchParams({ user_id: String(userId), limit: String(KEPT_MAX) }).toString();
    return url.href;
  };

  const socketUrl = (userId) => {
    const url = new URL('../../ws/notifications', SCRIPT);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.search = new URLSearchParams({ user_id: String(userId) }).toString();
    return url.href;
  };

  /** What this browser keeps for one user. Storage may be full or forbidden: then it is kept for this page alone. */
  class Kept {
    constructor(userId) {
      this.suffix = `:${userId}`;
      this.memory = {};
    }

    get(name, otherwise) {
      try {
        const text = localStorage.getItem(name + this.suffix);
        return text === null ? this.memory[name] ?? otherwise : JSON.parse(text);
      } catch {
        return this.memory[name] ?? otherwise;
      }
    }

    set(name, value) {
      this.memory[name] = value;
      try {
        localStorage.setItem(name + this.suffix, JSON.stringify(value));
      } catch {
        // Kept in memory already.
      }
    }
  }

  class WebSocketNotificationManager extends EventTarget {
    constructor({ userId, apiKey, token, onNotification, onUnreadCount, onStatus, url, list } = {}) {
      super();
      if (userId === undefined || userId === null || userId === '') {
        throw new TypeError('initializeWebSocketNotifications needs a userId');
      }
      this.userId = userId;
      this.apiKey = apiKey;
      this.token = token;
      this.onNotification = onNotification;
      this.onUnreadCount = onUnreadCount;
      this.onStatus = onStatus;
      this.url = url ?? socketUrl(userId);
      this.list = list ?? listUrl(userId);
      this.kept = new Kept(userId);
      this.unreadCount = this.kept.get('notification_unread_count', 0);
      this.version = -1;
      this.attempts = 0;
      this.isConnected = false;
      this.isStopped = true;
      this.socket = null;
      this.opening = 0;
      this.retryTimer = null;
      this.silenceTimer = null;
      this.refreshTimer = null;
      // Delivered at least once: what an earlier page of this browser had is not news, whoever else is told of it again.
      this.told = new Set(this.notifications.map((one) => one.notification_id));
      this.waiting = [];
      // Read here, and not confirmed by the server yet: what is clicked before there is a connection is not lost.
      this.readHere = new Set();
      this.online = () => this.retryNow();
      this.visible = () => this.showWaiting();
    }

    /** The newest notifications, the newest first. */
    get notifications() {
      return this.kept.get('notifications_local', []);
    }

    connect() {
      if (this.isStopped) {
        this.isStopped = false;
        addEventListener('online', this.online);
        document.addEventListener('visibilitychange', this.visible);
      }
      this.open();
      return this;
    }

    disconnect() {
      this.stop();
      clearTimeout(this.retryTimer);
      this.retryTimer = null;
      clearTimeout(this.silenceTimer);
      clearTimeout(this.refreshTimer);
      this.socket?.close(1000);
      this.setConnected(false);
    }

    markRead(notificationId) {
      this.readHere.add(notificationId);
      if (this.isConnected) this.send({ type: 'mark_read', notification_id: notificationId });
    }

    send(frame) {
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
    }

    handleMessage(frame) {
      switch (frame.type) {
        case 'auth_success':
          this.attempts = 0;
          this.version = -1;
          this.setConnected(true);
          for (const id of this.readHere) this.send({ type: 'mark_read', notification_id: id });
          this.refresh();
          break;
        case 'auth_failed':
          this.report('auth_failed', frame);
          break;
        case 'notification':
          this.send({ type: 'ack', notification_id: frame.notification_id });
          this.show(frame);
          break;
        case 'unread_count':
          this.take(frame);
          break;
        case 'notification_read':
          this.markLocally(frame.notification_id);
          break;
        case 'ping':
          this.send({ type: 'pong' });
          break;
        case 'error':
          this.report('error', frame);
          break;
        default: // Frames of a later version.
      }
    }

    /** A toast, top right, for five seconds. */
    showToast(notification) {
      const toast = document.createElement('div');
      toast.className = 'avance-toast';
      toast.dataset.notificationId = notification.notification_id;
      toast.dataset.priority = notification.priority;
      toast.setAttribute('role', notification.priority === 'critical' ? 'alert' : 'status');
      Object.assign(toast.style, {
        background: '#fff',
        color: '#111827',
        borderLeft: `6px solid ${COLOURS[notification.priority] ?? COLOURS.medium}`,
        borderRadius: '6px',
        boxShadow: '0 4px 16px rgb(0 0 0 / 25%)',
        padding: '12px 40px 12px 16px',
        position: 'relative',
        width: 'min(340px, calc(100vw - 32px))',
        boxSizing: 'border-box',
        font: '15px/1.4 system-ui, sans-serif',
        overflowWrap: 'anywhere',
      });
      const subject = document.createElement('strong');
      subject.textContent = notification.subject;
      const message = document.createElement('div');
      message.textContent = notification.message;
      const close = document.createElement('button');
      close.type = 'button';
      close.textContent = '×';
      close.setAttribute('aria-label', words().close);
      Object.assign(close.style, {
        position: 'absolute',
        top: '4px',
        right: '4px',
        width: '32px',
        height: '32px',
        border: '0',
        background: 'none',
        font: '20px system-ui',
        cursor: 'pointer',
      });
      close.addEventListener('click', () => toast.remove());
      toast.append(subject, message, close);
      const tray = this.tray();
      while (tray.children.length >= TOASTS_MAX) tray.firstChild.remove();
      tray.append(toast);
      setTimeout(() => toast.remove(), TOAST_MS);
    }

    updateUnreadCount(count) {
      this.unreadCount = count;
      this.kept.set('notification_unread_count', count);
      for (const place of document.querySelectorAll('[data-notification-count]')) {
        place.textContent = String(count);
      }
      this.onUnreadCount?.(count);
      this.report('unreadcount', count);
    }

    // What follows is the manager's own.

    open() {
      clearTimeout(this.retryTimer);
      this.retryTimer = null;
      if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
      this.opening += 1;
      const turn = this.opening;
      this.credentials().then(
        (credentials) => {
          // Somebody else opened or ended it while the token was fetched.
          if (turn === this.opening && !this.isStopped) this.openWith(credentials);
        },
        () => {
          if (turn === this.opening) this.retryLater();
        },
      );
    }

    async credentials() {
      const token = typeof this.token === 'function' ? await this.token() : this.token;
      return token ? { token } : { api_key: this.apiKey };
    }

    openWith(credentials) {
      let socket;
      try {
        socket = new WebSocket(this.url);
      } catch {
        this.retryLater();
        return;
      }
      this.socket = socket;
      socket.onopen = () => {
        socket.send(JSON.stringify({ type: 'auth', user_id: this.userId, ...credentials }));
        this.heard();
      };
      socket.onmessage = (event) => {
        this.heard();
        let frame;
        try {
          frame = JSON.parse(event.data);
        } catch {
          return;
        }
        if (socket === this.socket && frame && typeof frame === 'object') this.handleMessage(frame);
      };
      socket.onclose = (event) => {
        if (socket !== this.socket) return;
        this.socket = null;
        clearTimeout(this.silenceTimer);
        this.setConnected(false);
        if (STOP_CODES.has(event.code)) this.stop();
        else this.retryLater();
      };
    }

    stop() {
      this.isStopped = true;
      removeEventListener('online', this.online);
      document.removeEventListener('visibilitychange', this.visible);
    }

    heard() {
      clearTimeout(this.silenceTimer);
      this.silenceTimer = setTimeout(() => this.socket?.close(4000, 'silence'), SILENCE_MS_MAX);
    }

    /** It never gives up: 1 s × 1.5ⁿ, at most 30 s, with a quarter of jitter so that tabs do not come together. */
    retryLater() {
      if (this.isStopped || this.retryTimer !== null) return;
      const whole = Math.min(FIRST_DELAY_MS * DELAY_FACTOR ** this.attempts, DELAY_MS_MAX);
      this.attempts += 1;
      this.retryTimer = setTimeout(() => this.open(), whole * (0.75 + 0.25 * Math.random()));
    }

    retryNow() {
      if (this.isStopped) return;
      this.attempts = 0;
      this.open();
    }

    setConnected(isConnected) {
      this.isConnected = isConnected;
      for (const place of document.querySelectorAll('[data-notification-bell]')) {
        place.dataset.connected = String(isConnected);
        place.style.filter = isConnected ? '' : 'grayscale(1)';
        place.style.opacity = isConnected ? '' : '0.5';
      }
      this.onStatus?.(isConnected);
      this.report('status', isConnected);
    }

    take({ count, version }) {
      const isFirst = this.version < 0;
      if (version !== undefined) {
        if (version < this.version) return;
        this.version = version;
      }
      const isUnchanged = count === this.unreadCount;
      this.updateUnreadCount(count);
      const known = this.notifications;
      const unread = known.filter((one) => one.status !== 'read').length;
      // Deleted, archived or put off on another device: the counter tells that something happened, not what.
      if (!isFirst && (isUnchanged || (known.length < KEPT_MAX && unread !== count))) this.refreshSoon();
    }

    show(frame) {
      if (this.told.has(frame.notification_id)) return;
      this.told.add(frame.notification_id);
      if (this.told.size > TOLD_MAX) this.told.delete(this.told.values().next().value);
      const known = this.notifications;
      // Another tab may have kept it already.
      if (!known.some((one) => one.notification_id === frame.notification_id)) {
        this.keep([{ ...frame, status: 'unread' }, ...known]);
      }
      this.waiting.push(frame);
      if (!document.hidden) this.showWaiting();
      this.onNotification?.(frame);
      this.report('notification', frame);
    }

    /** A tab that nobody looks at keeps its toasts back; one that is looked at shows them, and no other tab does so again. */
    showWaiting() {
      if (document.hidden) return;
      const waiting = this.waiting.splice(0).slice(-TOASTS_MAX);
      const shown = this.kept.get('notifications_shown', []);
      const fresh = waiting.filter((frame) => !shown.includes(frame.notification_id));
      if (fresh.length === 0) return;
      this.kept.set('notifications_shown', [...fresh.map((frame) => frame.notification_id), ...shown].slice(0, SHOWN_MAX));
      for (const frame of fresh) this.showToast(frame);
    }

    keep(notifications) {
      const newest = [...notifications].sort((one, other) => other.notification_id - one.notification_id);
      this.kept.set('notifications_local', newest.slice(0, KEPT_MAX));
    }

    refreshSoon() {
      clearTimeout(this.refreshTimer);
      this.refreshTimer = setTimeout(() => this.refresh(), REFRESH_MS);
    }

    /** What this browser never had, or what changed while it was away, comes as a list and without toasts. */
    async refresh() {
      const had = new Set(this.told);
      let listed;
      try {
        const { token, api_key } = await this.credentials();
        const headers = token ? { Authorization: `Bearer ${token}` } : { 'X-API-Key': String(api_key ?? '') };
        const answer = await fetch(this.list, { headers });
        if (!answer.ok) return;
        listed = (await answer.json()).notifications;
      } catch {
        return; // What is kept is shown; the next connection tries again.
      }
      clearTimeout(this.refreshTimer);
      const ids = new Set(listed.map((one) => one.notification_id));
      const isNewer = ({ notification_id: id }) => this.told.has(id) && !had.has(id) && !ids.has(id);
      const items = listed.map((one) => ({ ...one, timestamp: one.created_at }));
      const unread = new Set(items.filter((one) => one.status !== 'read').map((one) => one.notification_id));
      for (const id of this.readHere) if (!unread.has(id)) this.readHere.delete(id);
      this.keep([...this.notifications.filter(isNewer), ...items]);
      this.report('list', this.notifications);
    }

    markLocally(notificationId) {
      this.readHere.delete(notificationId);
      const changed = this.notifications.map((one) =>
        one.notification_id === notificationId ? { ...one, status: 'read' } : one,
      );
      this.kept.set('notifications_local', changed);
      this.report('read', notificationId);
    }

    tray() {
      let tray = document.getElementById('avance-toasts');
      if (!tray) {
        tray = document.createElement('div');
        tray.id = 'avance-toasts';
        tray.setAttribute('aria-live', 'polite');
        Object.assign(tray.style, {
          position: 'fixed',
          top: '16px',
          right: '16px',
          zIndex: '2147483000',
          display: 'grid',
          gap: '8px',
        });
        document.body.append(tray);
      }
      return tray;
    }

    report(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { detail }));
    }
  }

  const initializeWebSocketNotifications = (options) => {
    const manager = new WebSocketNotificationManager(options);
    manager.updateUnreadCount(manager.unreadCount);
    manager.setConnected(false);
    return manager.connect();
  };

  const STYLE = `
    :host { display: inline-block; position: relative; font: 15px/1.4 system-ui, sans-serif }
    button { font: inherit; cursor: pointer; border: 0; background: none; min-width: 44px; min-height: 44px }
    .bell[data-connected="false"] { filter: grayscale(1); opacity: .5 }
    .count { background: #b91c1c; color: #fff; border-radius: 999px; padding: 0 7px; font-size: 13px }
    .count[hidden], ul[hidden] { display: none }
    ul { position: absolute; margin: 0; padding: 8px; list-style: none; width: min(320px, 90vw); z-index: 10;
         max-height: 60vh; overflow: auto; background: #fff; color: #111827; border: 1px solid #d1d5db; border-radius: 8px }
    li { padding: 8px; border-left: 4px solid transparent; overflow-wrap: anywhere }
    li[data-status="read"] { opacity: .65 }
    li button { color: #1d4ed8; padding: 0; min-width: 0; min-height: 24px }`;

  const made = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  /**
   * <avance-notifications user-id="1" api-key="dev">: a bell with a counter, and the newest notifications behind it. Other attributes:
   * token; as a property, `token` may be a function.
   */
  class NotificationsElement extends HTMLElement {
    static observedAttributes = ['user-id', 'api-key', 'token'];

    set token(source) {
      this.source = source;
      this.restart();
    }

    attributeChangedCallback(_name, before, after) {
      if (before !== after) this.restart();
    }

    connectedCallback() {
      this.build();
      this.restart();
    }

    disconnectedCallback() {
      this.manager?.disconnect();
      this.manager = null;
    }

    build() {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: 'open' });
      // A sheet and elements, no markup: a page may forbid inline styles, and nothing that a sender wrote is ever parsed.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
      const icon = made('span', { 'aria-hidden': 'true' }, '🔔');
      root.append(
        made('button', { class: 'bell', type: 'button', 'aria-expanded': 'false' }, icon, ' ', made('span', { class: 'count' })),
        made('ul', { hidden: '' }),
      );
      this.bell = root.querySelector('.bell');
      this.counter = root.querySelector('.count');
      this.list = root.querySelector('ul');
      this.bell.addEventListener('click', () => {
        const isLeft = this.getBoundingClientRect().left < innerWidth / 2;
        this.list.style.left = isLeft ? '0' : 'auto';
        this.list.style.right = isLeft ? 'auto' : '0';
        this.list.hidden = !this.list.hidden;
        this.bell.setAttribute('aria-expanded', String(!this.list.hidden));
      });
    }

    /** With other credentials it is another connection. */
    restart() {
      // Attributes are told before the element is in the page.
      if (!this.isConnected || !this.shadowRoot) return;
      this.manager?.disconnect();
      const userId = this.getAttribute('user-id');
      if (!userId) return;
      const said = words();
      this.manager = new WebSocketNotificationManager({
        userId,
        apiKey: this.getAttribute('api-key') ?? undefined,
        token: this.source ?? this.getAttribute('token') ?? undefined,
        onNotification: (frame) => this.dispatchEvent(new CustomEvent('notification', { detail: frame, bubbles: true })),
        onUnreadCount: () => this.draw(said),
        onStatus: () => this.draw(said),
      });
      for (const name of ['notification', 'read', 'list']) this.manager.addEventListener(name, () => this.draw(said));
      this.draw(said);
      this.manager.connect();
    }

    draw(said) {
      const { manager } = this;
      if (!manager) return;
      this.bell.dataset.connected = String(manager.isConnected);
      this.bell.setAttribute('aria-label', `${said.bell}: ${manager.unreadCount} ${said.unread}`);
      this.counter.textContent = String(manager.unreadCount);
      this.counter.hidden = manager.unreadCount === 0;
      const rows = manager.notifications.slice(0, 20).map((one) => this.row(one, said));
      if (rows.length === 0) {
        const none = document.createElement('li');
        none.textContent = said.none;
        rows.push(none);
      }
      this.list.replaceChildren(...rows);
    }

    row(one, said) {
      const row = document.createElement('li');
      row.dataset.status = one.status;
      row.style.borderLeftColor = COLOURS[one.priority] ?? COLOURS.medium;
      const subject = document.createElement('strong');
      subject.textContent = one.subject;
      const message = document.createElement('div');
      message.textContent = one.message;
      row.append(subject, message);
      if (one.status !== 'read') {
        const read = document.createElement('button');
        read.type = 'button';
        read.textContent = said.read;
        read.addEventListener('click', () => this.manager.markRead(one.notification_id));
        row.append(read);
      }
      return row;
    }
  }

  window.WebSocketNotificationManager = WebSocketNotificationManager;
  window.initializeWebSocketNotifications = initializeWebSocketNotifications;
  if (!customElements.get('avance-notifications')) {
    customElements.define('avance-notifications', NotificationsElement);
  }
})();
