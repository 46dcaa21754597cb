import { act, fireEvent, render, renderHook, screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { Bell, Inbox, Toaster, useInbox, usePreferences, useUnread } from '../src/index.ts';
import { pass, stage } from './support.tsx';

const here = stage();

describe('Inbox', () => {
  test('shows what waits, and reads one at the press of its title', async () => {
    here.server.inbox.store('Low stock', { priority: 'high', body: 'Product A' });
    const opened: number[] = [];
    render(<Inbox onOpen={({ id }) => opened.push(id)} />, here);
    expect(screen.getByText('Loading…')).toBeTruthy();
    await pass();
    expect(screen.getByText('Product A')).toBeTruthy();
    expect(screen.getByText('unread')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Low stock' }));
    await pass();
    expect(opened).toEqual([1]);
    expect(screen.queryByText('unread')).toBeNull();
    expect(here.server.inbox.counts.unread).toBe(0);
  });

  test('says that there is nothing, in the language of the page', async () => {
    render(<Inbox locale="es" />, here);
    await pass();
    expect(screen.getByText('No hay nada aquí')).toBeTruthy();
  });

  test('a refused change is taken back', async () => {
    here.server.inbox.store('one');
    render(<Inbox />, here);
    await pass();
    here.server.inbox.isRefusing = true;
    fireEvent.click(screen.getByRole('button', { name: 'Mark as read one' }));
    await pass();
    expect(screen.getByRole('button', { name: 'Mark as read one' })).toBeTruthy();
  });

  test('all are read at once', async () => {
    here.server.inbox.store('one');
    here.server.inbox.store('two');
    render(<Inbox />, here);
    await pass();
    fireEvent.click(screen.getByRole('button', { name: 'Mark all as read' }));
    await pass();
    expect(here.server.inbox.counts.unread).toBe(0);
    expect(screen.queryByRole('button', { name: 'Mark all as read' })).toBeNull();
  });
});

describe('Bell', () => {
  test('counts live, and opens the newest by keyboard and closes by Esc (002-25, 002-28)', async () => {
    render(<Bell />, here);
    await pass();
    here.server.inbox.notice('one');
    await pass();
    const bell = screen.getByRole('button', { name: 'Notifications, 1 unread' });
    fireEvent.click(bell);
    await pass();
    const newest = screen.getByText('one', { selector: '.avance-notice-title' });
    fireEvent.keyDown(newest, { key: 'Escape' });
    expect(screen.queryByRole('article')).toBeNull();
    expect(document.activeElement).toBe(bell);
  });

  test('says the number that it still shows when the connection is cut', async () => {
    render(<Bell />, here);
    await pass();
    here.server.inbox.notice('one');
    await pass();
    here.server.stop();
    await pass();
    screen.getByRole('button', { name: 'Notifications, 1 unread when last connected' });
  });

  test('says that it is not connected', async () => {
    here.server.stop();
    render(<Bell locale="es" />, here);
    await pass();
    expect(screen.getByRole('button', { name: 'Notificaciones, sin conexión' })).toBeTruthy();
  });
});

describe('Toaster', () => {
  test('shows each new one for five seconds, unless somebody points at it (002-25)', async () => {
    render(<Toaster />, here);
    await pass();
    here.server.inbox.notice('first');
    await pass();
    expect(screen.getByText('first')).toBeTruthy();
    fireEvent.mouseEnter(screen.getByText('first'));
    await pass(6_000);
    expect(screen.getByText('first')).toBeTruthy();
    fireEvent.mouseLeave(screen.getByText('first').closest('.avance-toast') as Element);
    await pass(5_100);
    expect(screen.queryByText('first')).toBeNull();
  });

  test('shows nothing of what waited before, and closes by Esc', async () => {
    here.server.inbox.store('before');
    render(<Toaster />, here);
    await pass();
    expect(screen.queryByText('before')).toBeNull();
    here.server.inbox.notice('now');
    await pass();
    fireEvent.keyDown(screen.getByText('now'), { key: 'Escape' });
    expect(screen.queryByText('now')).toBeNull();
  });
});

test('useUnread tells the counts by priority, and whether they are known', async () => {
  here.server.inbox.store('one', { priority: 'critical' });
  const { result } = renderHook(() => useUnread(), here);
  expect(result.current.isKnown).toBe(false);
  await pass();
  expect(result.current).toMatchObject({ unread: 1, byPriority: { critical: 1 }, isKnown: true });
});

test('useInbox keeps what it gives until something changed', async () => {
  here.server.inbox.store('one');
  const { result, rerender } = renderHook(() => useInbox({ status: 'unread' }), here);
  await pass();
  const before = result.current;
  rerender();
  expect(result.current).toBe(before);
});

test('usePreferences reads, saves, and tells a refusal', async () => {
  const { result } = renderHook(() => usePreferences(), here);
  expect(result.current.isLoading).toBe(true);
  await pass();
  await act(() => result.current.save({ min_priority: 'high' }));
  expect(here.server.inbox.preferences).toEqual({ min_priority: 'high' });
  here.server.judge = () => 'invalid';
  await act(() => result.current.save({}).catch(() => undefined));
  expect(result.current.error?.code).toBe('unauthenticated');
  expect(result.current.preferences).toEqual({ min_priority: 'high' });
});
