import { keepOfUser, readOfUser } from '../../lib/ofUser.ts';
import type { Answer } from './model.ts';

/** A question and its answer. */
export interface Turn {
  /** When it was answered, as an ISO time: what is kept by the browser comes back as text. */
  at: string;
  question: string;
  collection: string;
  answer: Answer;
}

const NAME = 'conversation';
export const TURNS_MAX = 20;
/** Of the text that is kept; the oldest turns go first. */
export const CHARS_MAX = 500_000;

/** The conversation of a user in this tab, until that user signs out. */
export function readTurns(user: string): readonly Turn[] {
  try {
    const kept: unknown = JSON.parse(readOfUser(user, NAME) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isTurn) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
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
  keepOfUser(user, NAME, `[${texts.join()}]`);
}

function isTurn(kept: unknown): kept is Turn {
  const { at, question, answer } = (kept ?? {}) as Partial<Turn>;
  const isText = typeof at === 'string' && typeof question === 'string';
  return isText && !Number.isNaN(Date.parse(at)) && Array.isArray(answer?.sources);
}
