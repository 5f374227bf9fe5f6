// ffmpeg publishes by RTMP; viewers watch by HTTP-FLV through mpegts.js, and by WebRTC.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, picture, until, watch } from './support/browser.mjs';
import { hasFfmpeg, publish } from './support/ffmpeg.mjs';
import { Server } from './support/server.mjs';

const skip = hasFfmpeg() ? false : 'ffmpeg is not installed';
let server, browser, people, host, page;

before(async () => {
	if (skip) return;
	server = await Server.start();
	people = await server.room('flv');
	browser = await launch();
	host = publish(server, 'flv', people.host);
});
after(async () => {
	await host?.stop();
	await browser?.close();
	await server?.stop();
});

test('the room page plays HTTP-FLV at the full rate near the live edge', { skip }, async () => {
	await until({ waitForTimeout: (ms) => new Promise((done) => setTimeout(done, ms)), faults: [] }, 'the room is live',
		async () => (await server.api('GET', '/api/rooms/flv')).state === 'live');
	page = await watch(browser, server, 'flv', '?play=flv');
	await page.waitForTimeout(3_000);
	const first = await picture(page);
	await page.waitForTimeout(5_000);
	const last = await picture(page);
	assert.equal(last.kind, 'flv');
	assert.deepEqual([last.width, last.height], [1280, 720]);
	const rate = (last.shown - first.shown) / 5;
	assert.ok(rate > 24 && rate < 38, `${rate} pictures a second`);
	const behind = await page.locator('souk-room').evaluate((element) => {
		const { buffered, currentTime } = element.shadowRoot.querySelector('video');
		return buffered.end(buffered.length - 1) - currentTime;
	});
	assert.ok(behind < 2.6, `${behind} s behind what has arrived`);
});

test('the picture tells when it was captured, so that a card comes with it', { skip }, async () => {
	const pinned = page.evaluate(() => new Promise((done) => document.querySelector('souk-room').addEventListener('souk-pin', ({ detail }) => done(detail), { once: true })));
	const { at_us } = await server.api('POST', '/api/rooms/flv/pin', people.host, { sku: 'B1' });
	const { sku, capture_us } = await pinned;
	assert.equal(sku, 'B1');
	assert.ok(capture_us >= at_us && capture_us < at_us + 100_000, `card ${(capture_us - at_us) / 1000} ms after its picture`);
});

test("the studio says that another program is live", { skip }, async () => {
	const studio = await open(browser, `${server.base}/studio?room=flv&token=${people.host}`);
	await until(studio, 'the badge', async () => (await studio.locator('.preview .badge').innerText()) === 'On air');
	assert.match(await studio.locator('.preview .hint').innerText(), /^Live from another program/);
	await studio.context().close();
});

test('orders go over the WebSocket', { skip }, async () => {
	await page.locator('souk-room .pin .buy').click();
	await until(page, 'the order', async () => (await page.locator('souk-room .toast').innerText()).includes('Reserved for you'));
});

test('an encoder that dies and comes back is watched on', { skip }, async () => {
	await host.stop();
	await until(page, 'the notice', async () => (await page.locator('souk-room .veil').innerText()).includes('reconnecting'));
	const { shown } = await picture(page);
	host = publish(server, 'flv', people.host);
	await until(page, 'the picture again', async () => (await picture(page)).shown > shown + 60, 20_000);
});

test('WebRTC viewers see the same source', { skip }, async () => {
	const other = await watch(browser, server, 'flv');
	assert.equal((await picture(other)).kind, 'whep');
	const { shown } = await picture(other);
	await other.waitForTimeout(3_000);
	assert.ok((await picture(other)).shown - shown > 70, 'about 30 pictures a second');
	await other.context().close();
});
