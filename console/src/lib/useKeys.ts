import { useEffect, useRef } from 'react';
import { readChoice, writeChoice } from './choice.ts';

export type Bindings = Record<string, () => void>;

const KEY = 'avance.keys';
/** The second key of `g j` must follow within this time. */
const SEQUENCE_MS = 1_000;

let isOn = readChoice(KEY, ['on', 'off']) !== 'off';

export function areKeysOn(): boolean {
  return isOn;
}

/** Whoever speaks to the computer, or has a trembling hand, must be able to turn single keys off. */
export function turnKeys(on: boolean): void {
  isOn = on;
  writeChoice(KEY, on ? 'on' : 'off');
}

/** Single keys and sequences such as `g j`, off while somebody types or a dialog is open. */
export function useKeys(bindings: Bindings): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    let before = '';
    let beforeAt = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (!isOn || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const isFollowing = event.timeStamp - beforeAt < SEQUENCE_MS;
      const sequence = isFollowing ? `${before} ${event.key}` : '';
      const action =
        latest.current[sequence] ??
        (isFollowing && before === 'g' ? undefined : latest.current[event.key]);
      before = event.key;
      beforeAt = event.timeStamp;
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

function isTaken(target: EventTarget | null): boolean {
  return (
    document.querySelector('dialog[open]') !== null ||
    (target instanceof Element &&
      target.closest('input, textarea, select, [contenteditable]') !== null)
  );
}
