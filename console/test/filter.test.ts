import { describe, expect, it } from 'vitest';
import { filterOf, readQuery, writeQuery } from '../src/screens/Jobs/filter.ts';

describe('the filter in the address', () => {
  it('is the same after it was written and read', () => {
    const address =
      'state=failed&text=a+b&task=shop.ingest&owner=ana&tag=new&from=2026-01-02T03%3A04';
    const wanted = readQuery(address);
    expect(readQuery(writeQuery(wanted).split('?')[1] ?? '')).toEqual(wanted);
    expect(filterOf(wanted)).toEqual({
      state: ['failed', 'expired'],
      text: 'a b',
      kind: 'shop.ingest',
      owner: 'ana',
      tag: 'new',
      created_after: new Date(2026, 0, 2, 3, 4).toISOString(),
    });
  });

  it('leaves out what it does not understand', () => {
    expect(writeQuery(readQuery('state=sideways&from=soon&what=ever'))).toBe('/jobs');
    expect(filterOf(readQuery(''))).toEqual({});
  });
});
