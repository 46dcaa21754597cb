// Events may come faster than a screen shows them: however many came, listeners hear of them once
// per frame.

type Listener = () => void;

/** A page in the background has no frames, and nobody looks. */
const HIDDEN_MS = 100;

const waiting = new Set<Listener>();
let isScheduled = false;

/** Call the listener with the next frame, once. */
export function onFrame(listener: Listener): void {
  waiting.add(listener);
  if (isScheduled) return;
  isScheduled = true;
  if (globalThis.document?.hidden || typeof requestAnimationFrame !== 'function') {
    setTimeout(flush, HIDDEN_MS);
  } else {
    requestAnimationFrame(flush);
  }
}

/** The same source, told of once per frame. */
export function perFrame(
  subscribe: (listener: Listener) => () => void,
): (listener: Listener) => () => void {
  return (listener) => {
    const stop = subscribe(() => onFrame(listener));
    return () => {
      waiting.delete(listener);
      stop();
    };
  };
}

function flush(): void {
  isScheduled = false;
  const listeners = [...waiting];
  waiting.clear();
  for (const listener of listeners) listener();
}
