import type { Job } from './model.ts';
import type { JobState, ListQuery } from './wire.ts';

export interface JobFilter extends Omit<ListQuery, 'cursor' | 'state'> {
  state?: JobState | readonly JobState[];
}

/** Whether a job belongs in a list, by the rules of `GET /v1/jobs`. */
export function fitsFilter(job: Job, filter: JobFilter): boolean {
  const { state, kind, tag, owner, parent, text, created_after, created_before } = filter;
  const created = Date.parse(job.created_at);
  return (
    (!state || [state].flat().includes(job.state)) &&
    (kind ?? job.kind) === job.kind &&
    (!tag || !!job.tags?.includes(tag)) &&
    (owner ?? job.owner) === job.owner &&
    (parent ?? job.parent_id) === job.parent_id &&
    (!text || hasText(job, text.toLowerCase())) &&
    // Not given it is no number, and nothing is less than that.
    !(created < Date.parse(created_after ?? '')) &&
    !(created >= Date.parse(created_before ?? ''))
  );
}

function hasText(job: Job, text: string): boolean {
  return !!job.title?.toLowerCase().includes(text) || job.id.startsWith(text);
}
