import { beforeEach, describe, expect, it } from 'vitest';
import { beginKeeping, endKeeping, keepOfUser } from '../../lib/ofUser.ts';
import { CHARS_MAX, keepTurns, readTurns, TURNS_MAX, type Turn } from './conversation.ts';

const turn = (n: number, text = ''): Turn => ({
  at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
  question: `¿${n}?`,
  collection: 'documents',
  answer: { answer: text, sources: [], metadata: { model: 'passages' } },
});

describe('a conversation', () => {
  beforeEach(() => {
    sessionStorage.clear();
    beginKeeping('ana');
  });

  it('comes back as it was, to its user alone (003-T18)', () => {
    const turns = [turn(2), turn(1)];
    keepTurns('ana', turns);
    expect(readTurns('ana')).toEqual(turns);
    expect(readTurns('bob')).toEqual([]);
  });

  it('keeps the newest, no more than the limits say', () => {
    keepTurns(
      'ana',
      Array.from({ length: TURNS_MAX + 5 }, (_, n) => turn(n)),
    );
    expect(readTurns('ana')).toHaveLength(TURNS_MAX);
    keepTurns('ana', [turn(1), turn(2, 'x'.repeat(CHARS_MAX)), turn(3)]);
    expect(readTurns('ana')).toEqual([turn(1)]);
  });

  it('leaves out what is no turn', () => {
    keepOfUser('ana', 'conversation', '[1, {"at":"soon","question":"?"}]');
    expect(readTurns('ana')).toEqual([]);
    keepOfUser('ana', 'conversation', '{');
    expect(readTurns('ana')).toEqual([]);
  });

  it('is gone once its user has signed out, with the answer that comes after', () => {
    keepTurns('ana', [turn(1)]);
    endKeeping();
    expect(Object.keys(sessionStorage)).toEqual([]);
    keepTurns('ana', [turn(2)]);
    expect(Object.keys(sessionStorage)).toEqual([]);
  });

  it('is gone when another user takes the tab, and there when the same one comes back', () => {
    keepTurns('ana', [turn(1)]);
    beginKeeping('ana');
    expect(readTurns('ana')).toHaveLength(1);
    beginKeeping('bob');
    expect(readTurns('ana')).toEqual([]);
  });
});
