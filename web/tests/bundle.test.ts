// @vitest-environment node
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';

const out = mkdtempSync(join(tmpdir(), 'souk-web-'));
const page = (name: string) => readFileSync(join(out, `${name}.html`), 'utf8');
const assets = () => readdirSync(join(out, 'assets'));

beforeAll(async () => {
  const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url));
  await build({ configFile, logLevel: 'error', build: { outDir: out } });
}, 60_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What a page loads before anybody does anything: its scripts, what they import, its styles. */
function firstLoad(name: string): number {
  const files = new Set([...page(name).matchAll(/\/assets\/([\w.-]+)/g)].map((match) => match[1] ?? ''));
  for (const file of files) {
    for (const match of readFileSync(join(out, 'assets', file), 'utf8').matchAll(/from"\.\/([\w.-]+\.js)"|import"\.\/([\w.-]+\.js)"/g)) {
      files.add(match[1] ?? match[2] ?? '');
    }
  }
  return [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(out, 'assets', file))).length, 0);
}

test.each([
  ['room', 30_000],
  ['index', 10_000],
  ['studio', 24_000],
])('the page %s stays within %i bytes, gzipped', (name, budget) => {
  expect(firstLoad(name)).toBeLessThan(budget);
});

test('mpegts.js is a file of its own, loaded only for FLV', () => {
  const [file] = assets().filter((name) => name.startsWith('mpegts'));
  expect(file).toBeDefined();
  expect(page('room')).not.toContain('mpegts');
  expect(gzipSync(readFileSync(join(out, 'assets', file ?? ''))).length).toBeLessThan(80_000);
});

test.each(['index', 'room', 'studio'])('%s holds no inline script or style and no foreign address', (name) => {
  const html = page(name);
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});

test('every asset carries a hash of its content', () => {
  for (const file of assets()) expect(file).toMatch(/-[\w-]{8}\.(js|css)$/);
});
