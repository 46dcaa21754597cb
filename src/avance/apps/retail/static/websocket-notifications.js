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
 */
(() => {
  'use strict';

  const KEPT_MAX = 50;
  const TOAST_MS = 5000;
  const TOASTS_MAX = 5;
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
    constructor({ userId, apiKey, token, onNotification, onUnreadCount, onStatus, url } = {}) {
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
      this.kept = new Kept(userId);
      this.unreadCount = this.kept.get('notification_unread_count', 0);
      this.version = -1;
      this.attempts = 0;
      this.isConnected = false;
      this.isStopped = true;
      this.socket = null;
      this.retryTimer = null;
      this.silenceTimer = null;
      this.online = () => this.retryNow();
    }

    /** The newest notifications, the newest first. */
    get notifications() {
      return this.kept.get('notifications_local', []);
    }

    connect() {
      if (this.isStopped) {
        this.isStopped = false;
        addEventListener('online', this.online);
      }
      this.open();
      return this;
    }

    disconnect() {
      this.isStopped = true;
      removeEventListener('online', this.online);
      clearTimeout(this.retryTimer);
      clearTimeout(this.silenceTimer);
      this.socket?.close(1000);
      this.setConnected(false);
    }

    markRead(notificationId) {
      this.send({ type: 'mark_read', notification_id: notificationId });
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
      let socket;
      try {
        socket = new WebSocket(this.url);
      } catch {
        this.retryLater();
        return;
      }
      this.socket = socket;
      socket.onopen = () => {
        const credentials = this.token ? { token: this.token } : { api_key: this.apiKey };
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
        if (STOP_CODES.has(event.code)) {
          this.isStopped = true;
          removeEventListener('online', this.online);
        } else {
          this.retryLater();
        }
      };
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
      if (version !== undefined) {
        if (version < this.version) return;
        this.version = version;
      }
      this.updateUnreadCount(count);
    }

    show(frame) {
      // Delivered at least once: an id that this browser knows was shown, here or in another tab of it.
      const known = this.notifications;
      if (known.some((one) => one.notification_id === frame.notification_id)) return;
      this.kept.set('notifications_local', [{ ...frame, status: 'unread' }, ...known].slice(0, KEPT_MAX));
      this.showToast(frame);
      this.onNotification?.(frame);
      this.report('notification', frame);
    }

    markLocally(notificationId) {
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

  /** <avance-notifications user-id="1" api-key="dev">: a bell with a counter, and the newest notifications behind it. */
  class NotificationsElement extends HTMLElement {
    connectedCallback() {
      const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
      const said = words();
      root.innerHTML = `<style>
        :host { display: inline-block; position: relative; font: 15px/1.4 system-ui, sans-serif }
        button { font: inherit; cursor: pointer; border: 0; background: none; min-width: 44px; min-height: 44px }
        .bell[data-connected="false"] { filter: grayscale(1); opacity: .5 }
        .count { background: #b91c1c; color: #fff; border-radius: 999px; padding: 0 7px; font-size: 13px }
        .count[hidden], ul[hidden] { display: none }
        ul { position: absolute; margin: 0; padding: 8px; list-style: none; width: min(320px, 90vw); z-index: 10;
             max-height: 60vh; overflow: auto; background: #fff; color: #111827; border: 1px solid #d1d5db; border-radius: 8px }
        li { padding: 8px; border-left: 4px solid transparent; overflow-wrap: anywhere }
        li[data-status="read"] { opacity: .65 }
        li button { color: #1d4ed8; padding: 0; min-width: 0; min-height: 24px }
      </style>
      <button class="bell" type="button" aria-expanded="false"><span aria-hidden="true">🔔</span> <span class="count"></span></button>
      <ul hidden></ul>`;
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
      this.manager = new WebSocketNotificationManager({
        userId: this.getAttribute('user-id'),
        apiKey: this.getAttribute('api-key') ?? undefined,
        token: this.getAttribute('token') ?? undefined,
        onNotification: (frame) => this.dispatchEvent(new CustomEvent('notification', { detail: frame, bubbles: true })),
        onUnreadCount: () => this.draw(said),
        onStatus: () => this.draw(said),
      });
      for (const name of ['notification', 'read']) this.manager.addEventListener(name, () => this.draw(said));
      this.draw(said);
      this.manager.connect();
    }

    disconnectedCallback() {
      this.manager.disconnect();
    }

    draw(said) {
      const { manager } = this;
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
