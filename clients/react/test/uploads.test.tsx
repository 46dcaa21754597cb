import { AvanceError } from '@avance/client';
import { fireEvent, render, screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { type SendUploadOptions, UploadList, useUploads } from '../src/index.ts';
import { pass, stage } from './support.tsx';

const here = stage();

interface Sending extends SendUploadOptions {
  name: string;
  take: (job?: string) => void;
  refuse: (error: Error) => void;
}

interface PageProps {
  names: readonly string[];
  onSend: (sending: Sending) => void;
}

/** Files whose way to the server is in the hands of the test. */
function Page({ names, onSend }: PageProps): React.ReactNode {
  const uploads = useUploads({
    parallel: 2,
    send: (file, options) =>
      new Promise((take, refuse) => {
        options.signal.addEventListener('abort', () => refuse(options.signal.reason));
        onSend({ ...options, name: file.name, take, refuse });
      }),
  });
  return (
    <>
      <button type="button" onClick={() => uploads.add(names.map((name) => new File(['x'], name)))}>
        add
      </button>
      <UploadList uploads={uploads} renderJob={(job) => <em>{job.id}</em>} />
    </>
  );
}

function page(names = ['a.pdf', 'b.pdf', 'c.pdf']): Sending[] {
  const sendings: Sending[] = [];
  render(<Page names={names} onSend={(sending) => sendings.push(sending)} />, here);
  fireEvent.click(screen.getByText('add'));
  return sendings;
}

function percent(name: string): number {
  return Number(screen.getByRole('progressbar', { name }).getAttribute('aria-valuenow'));
}

describe('UploadList', () => {
  test('one bar goes from the first byte to the result', async () => {
    const job = here.server.job('j1').start();
    const [sending] = page(['a.pdf']);
    sending?.onProgress(0.5);
    await pass();
    expect(percent('a.pdf')).toBe(10);
    sending?.take('j1');
    await pass();
    expect(percent('a.pdf')).toBe(20);
    here.server.publish(job.progress(50, { message: 'reading' }));
    await pass();
    expect(percent('a.pdf')).toBe(60);
    expect(screen.getByText('reading')).toBeTruthy();
    here.server.publish(job.complete({ chunks: 3 }));
    await pass();
    expect(percent('a.pdf')).toBe(100);
    expect(screen.getByText('j1')).toBeTruthy();
  });

  test('so many at once are on their way, and the next one follows', async () => {
    const sendings = page();
    await pass();
    expect(sendings.map(({ name }) => name)).toEqual(['a.pdf', 'b.pdf']);
    sendings[0]?.take();
    await pass();
    expect(sendings.map(({ name }) => name)).toEqual(['a.pdf', 'b.pdf', 'c.pdf']);
    expect(percent('a.pdf')).toBe(100);
  });

  test('a refused file says why, and is sent again at the press of a button', async () => {
    const sendings = page(['a.pdf']);
    sendings[0]?.refuse(new AvanceError('too_large', 'the file has 9 MB; the most is 5 MB'));
    await pass();
    expect(screen.getByText('the file has 9 MB; the most is 5 MB')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Try again a.pdf' }));
    await pass();
    expect(sendings).toHaveLength(2);
    expect(screen.queryByText('the file has 9 MB; the most is 5 MB')).toBeNull();
  });

  test('a file is cancelled on its way, without a word of failure', async () => {
    const [sending] = page(['a.pdf']);
    await pass();
    fireEvent.click(screen.getByRole('button', { name: 'Cancel a.pdf' }));
    await pass();
    expect(sending?.signal.aborted).toBe(true);
    expect(screen.getAllByText('Cancelled')).not.toHaveLength(0);
    fireEvent.click(screen.getByRole('button', { name: 'Hide what has ended' }));
    expect(screen.queryByRole('progressbar')).toBeNull();
  });
});
