// What axe-core finds on a page, by the rules that the console keeps.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What of the rules the colours decide. */
export const OF_COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };
/** What of the rules the words decide: names, labels, titles, languages. */
export const OF_WORDS = {
  type: 'tag',
  values: [
    'cat.forms',
    'cat.language',
    'cat.name-role-value',
    'cat.semantics',
    'cat.text-alternatives',
  ],
};
export const EVERY_RULE = { type: 'tag', values: TAGS };

/** Each violation as its rule and the places where it is broken. */
export async function violationsOf(page, runOnly = EVERY_RULE) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (only) => globalThis.axe.run(document, { runOnly: only }),
    runOnly,
  );
  return violations.map(({ id, nodes }) => ({
    id,
    where: nodes.map(({ target, failureSummary }) => [target.join(' '), failureSummary]),
  }));
}
