import { fireEvent, render, screen } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { ConnectionBadge, JobList, JobProgress } from '../src/index.ts';
import { pass, stage } from './support.tsx';

const here = stage();

function bar(): HTMLElement {
  return screen.getByRole('progressbar');
}

describe('JobProgress', () => {
  test('says the state, the percent and what is done, in words too', async () => {
    const job = here.server.job('j1', ['parsing']).start();
    render(<JobProgress job="j1" label="report.pdf" />, here);
    expect(bar().getAttribute('aria-valuetext')).toBe('Loading…');
    expect(bar().hasAttribute('aria-valuenow')).toBe(false);
    await pass();
    here.server.publish(job.progress(35.7, { message: 'building chains', current: 4, total: 20 }));
    await pass();
    expect(bar().getAttribute('aria-valuenow')).toBe('35');
    expect(bar().getAttribute('aria-label')).toBe('report.pdf');
    expect(bar().getAttribute('aria-valuetext')).toBe('Running, 35 %, building chains, 4 of 20');
    expect(screen.getByText('Running')).toBeTruthy();
    expect(bar().getAttribute('aria-live')).toBeNull();
  });

  test('speaks Spanish where it is told to', async () => {
    const job = here.server.job('j1').start().fail('no', { retryable: true }).due().start();
    job.progress(50, { eta_s: 100 });
    render(<JobProgress job="j1" locale="es" canCancel />, here);
    await pass();
    expect(bar().getAttribute('aria-valuetext')).toBe(
      'En curso, 50 %, quedan 2 min, Intento 2 de 3',
    );
    expect(screen.getByRole('button', { name: 'Cancelar' })).toBeTruthy();
  });

  test('cancels at the press of its button, which then goes', async () => {
    here.server.job('j1').start();
    render(<JobProgress job="j1" canCancel />, here);
    await pass();
    fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
    await pass();
    expect(screen.getByText('Cancelled')).toBeTruthy();
    expect(screen.queryByRole('button')).toBeNull();
  });

  test('stops moving while the connection is lost, and keeps what it shows', async () => {
    here.server.job('j1').start().progress(30);
    const { container } = render(<JobProgress job="j1" />, here);
    await pass();
    here.server.stop();
    await pass(3_000);
    expect(container.querySelector('[data-stale]')).not.toBeNull();
    expect(bar().getAttribute('aria-valuenow')).toBe('30');
  });

  test('says why a job failed, and what keeps one from being shown', async () => {
    here.server.job('j1').start().progress(20).fail('the file is empty');
    const { rerender } = render(<JobProgress job="j1" />, here);
    await pass();
    expect(screen.getByText('the file is empty')).toBeTruthy();
    expect(bar().getAttribute('aria-valuenow')).toBe('20');
    rerender(<JobProgress job="nobody" />);
    await pass();
    expect(screen.getByText(/^It cannot be shown/)).toBeTruthy();
  });
});

describe('JobList', () => {
  test('shows the jobs with their bars and loads more', async () => {
    for (let n = 0; n < 3; n += 1) here.server.job(`j${n}`).start();
    render(<JobList filter={{ limit: 2 }} renderActions={(job) => <b>{job.id}</b>} />, here);
    await pass();
    expect(screen.getAllByRole('listitem')).toHaveLength(2);
    fireEvent.click(screen.getByRole('button', { name: 'Show more' }));
    await pass();
    expect(screen.getAllByRole('progressbar')).toHaveLength(3);
    expect(screen.queryByRole('button')).toBeNull();
  });

  test('says that there is none', async () => {
    render(<JobList />, here);
    await pass();
    expect(screen.getByText('No jobs yet')).toBeTruthy();
  });

  test('offers to try again after an error', async () => {
    here.server.isUp = false;
    render(<JobList />, here);
    await pass();
    expect(screen.getByText(/^It cannot be shown/)).toBeTruthy();
    here.server.job('j1').start();
    here.server.start();
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await pass();
    expect(screen.getAllByRole('listitem')).toHaveLength(1);
  });
});

describe('ConnectionBadge', () => {
  test('says nothing of a short interruption, and then what is wrong', async () => {
    here.server.job('j1').start();
    render(
      <>
        <ConnectionBadge />
        <JobProgress job="j1" />
      </>,
      here,
    );
    const badge = screen.getByRole('status');
    await pass(100);
    expect(badge.textContent).toBe('');
    here.server.stop();
    await pass();
    await pass(1_500);
    expect(badge.textContent).toBe('');
    await pass(1_000);
    expect(badge.textContent).toBe('Reconnecting…');
    here.server.start();
    await pass(30_000);
    await pass();
    expect(badge.textContent).toBe('');
  });

  test('offers to come back when the server sent it away', async () => {
    here.server.job('j1').start();
    render(
      <>
        <ConnectionBadge />
        <JobProgress job="j1" />
      </>,
      here,
    );
    await pass();
    here.server.drop(3503, 'force disconnect');
    await pass();
    await pass();
    fireEvent.click(screen.getByRole('button', { name: 'Connect again' }));
    await pass();
    await pass();
    expect(screen.getByRole('status').textContent).toBe('');
    expect(here.server.opened).toBe(2);
  });
});
