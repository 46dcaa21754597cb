import type { Answer } from './model.ts';

/** A question and its answer. */
export interface Turn {
  /** When it was answered, as an ISO time: what is kept by the browser comes back as text. */
  at: string;
  question: string;
  collection: string;
  answer: Answer;
}

export const TURNS_MAX = 20;
/** Of the text that is kept; the oldest turns go first. */
export const CHARS_MAX = 500_000;

/** The conversation of a user in this tab; another user of the same browser does not see it. */
export function readTurns(user: string): readonly Turn[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(user)) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isTurn) : [];
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof DOMException) return [];
    throw error;
  }
}

export function keepTurns(user: string, turns: readonly Turn[]): void {
  const texts: string[] = [];
  let left = CHARS_MAX;
  for (const turn of turns.slice(0, TURNS_MAX)) {
    const text = JSON.stringify(turn);
    left -= text.length;
    if (left < 0) break;
    texts.push(text);
  }
  try {
    sessionStorage.setItem(keyOf(user), `[${texts.join()}]`);
  } catch (error) {
    // A browser that forbids storage, or has no room, forgets it with the page.
    if (!(error instanceof DOMException)) throw error;
  }
}

function keyOf(user: string): string {
  return `avance.conversation ${user}`;
}

function isTurn(kept: unknown): kept is Turn {
  const { at, question, answer } = (kept ?? {}) as Partial<Turn>;
  const isText = typeof at === 'string' && typeof question === 'string';
  return isText && !Number.isNaN(Date.parse(at)) && Array.isArray(answer?.sources);
}
