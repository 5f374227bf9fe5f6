// A host by WebRTC whose pictures show when they were drawn; viewers by LL-HLS, with hls.js and with the
// browser's own player. Event error: what the playlist says of an event's time against the picture itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { goLive, launch, open, picture, until, watch } from './support/browser.mjs';
import { playHls } from './support/hls-js.mjs';
import { Server } from './support/server.mjs';
import { burningCamera, isBusy, percentile, script, stripReader } from './support/strip.mjs';

const FRAMES = 150;
const PINS = 6;
let server, browser, people, page;

before(async () => {
	server = await Server.start();
	people = await server.room('hls');
	browser = await launch();
	await goLive(browser, server, 'hls', people.host, { script: script([burningCamera, { width: 640, height: 360 }]) });
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

test('hls.js plays in low-latency mode near the live edge', async () => {
	page = await open(browser, `${server.base}/api/rooms/hls`, { script: script(stripReader) });
	const begin = Date.now();
	await playHls(page, `${server.base}/hls/hls/index.m3u8`);
	await until(page, 'a picture', () => page.evaluate(() => window.frames.length > 0));
	console.log(`# first picture after ${Date.now() - begin} ms`);
	await page.waitForTimeout(5_000); // hls.js finds its distance
	const { ages, latency, fatal } = await page.evaluate(async (count) => {
		const from = window.frames.length;
		while (window.frames.length < from + count) await new Promise((done) => setTimeout(done, 50));
		return { ages: window.frames.slice(from).map(({ drawn, at }) => at - drawn), latency: window.hls.latency, fatal: window.fatal };
	}, FRAMES);
	console.log(`# glass to glass by hls.js: p50 ${percentile(ages, 0.5).toFixed(0)} ms, p95 ${percentile(ages, 0.95).toFixed(0)} ms, ${ages.length} frames; it says ${latency.toFixed(2)} s`);
	assert.deepEqual(fatal, []);
	assert.ok(percentile(ages, 0.95) < (isBusy() ? 5_000 : 2_000), 'within two seconds');
});

test('cards come with the playlist, bound to their pictures', async () => {
	const events = [];
	for (let index = 0; index < PINS; index++) {
		events.push(await server.api('POST', '/api/rooms/hls/pin', people.host, { sku: index % 2 ? 'A1' : 'B1' }));
		await page.waitForTimeout(700);
	}
	const last = events.at(-1);
	await until(page, 'the cards', () => page.evaluate((id) => window.cues.has(id) && window.frames.at(-1).mediaTime > window.cues.get(id).at + 0.2, last.id));
	const errors = await page.evaluate((pins) => pins.map(({ id, at_us }) => {
		const { at, message } = window.cues.get(id);
		const after = window.frames.findIndex(({ mediaTime }) => mediaTime >= at);
		const [a, b] = [window.frames[after - 1], window.frames[after]];
		const drawn = a.drawn + ((at - a.mediaTime) / (b.mediaTime - a.mediaTime)) * (b.drawn - a.drawn);
		return { error: drawn - at_us / 1000, sku: JSON.parse(message).data.sku };
	}), events);
	const worst = Math.max(...errors.map(({ error }) => Math.abs(error)));
	console.log(`# event error: ${errors.map(({ error }) => error.toFixed(0)).join(', ')} ms`);
	assert.deepEqual(errors.map(({ sku }) => sku), events.map(({ data }) => data.sku));
	assert.ok(worst < (isBusy() ? 250 : 100), `${worst} ms from the picture`);
	await page.context().close();
});

test('the browser’s own player shows the room page', async () => {
	const other = await watch(browser, server, 'hls', '?play=ll-hls');
	const first = await picture(other);
	assert.equal(first.kind, 'll-hls');
	await other.waitForTimeout(3_000);
	const rate = ((await picture(other)).shown - first.shown) / 3;
	assert.ok(rate > 15, `${rate} pictures a second`);
	await other.context().close();
});
