// A host goes live in the studio; a viewer watches by WebRTC, sees the card, buys, comes back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { goLive, launch, open, picture, until, watch } from './support/browser.mjs';
import { Server } from './support/server.mjs';

let server, browser, people, studio, page;
const card = (selector = '') => page.locator(`souk-room .pin .card ${selector}`.trim());

before(async () => {
	server = await Server.start();
	people = await server.room('show');
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

test('a room that is not live says so', async () => {
	page = await open(browser, `${server.base}/r/show`);
	await until(page, 'the words', async () => (await page.locator('souk-room .veil').innerText()).includes('not started'));
	await page.context().close();
});

test('the studio goes live with the camera and tells how it is doing', async () => {
	studio = await goLive(browser, server, 'show', people.host);
	const stat = (name) => studio.locator(`[data-stat=${name}] dd`).innerText();
	await until(studio, '30 pictures a second at 720p', async () => (await stat('size')) === '1280 × 720' && parseInt(await stat('fps'), 10) >= 25, 25_000);
	assert.equal((await server.api('GET', '/api/rooms/show')).state, 'live');
});

test('a viewer watches by WebRTC at the full rate', async () => {
	page = await watch(browser, server, 'show');
	const first = await picture(page);
	assert.equal(first.kind, 'whep');
	await page.waitForTimeout(5_000);
	const last = await picture(page);
	const rate = (last.shown - first.shown) / 5;
	assert.ok(rate > 24 && rate < 36, `${rate} pictures a second`);
	assert.equal(await page.locator('souk-room .badge').innerText(), 'LIVE');
});

test('a product that the host pins appears on the viewer', async () => {
	await studio.locator('li[data-sku=A1] .pin').click();
	await until(page, 'the card', async () => (await card().count()) === 1);
	assert.equal(await card('.title').innerText(), 'Longjing');
	assert.equal(await card('.price').innerText(), '¥199.00');
	assert.equal(await card('.left').innerText(), '100 left');
});

test('one press buys one piece, and everybody sees the stock fall', async () => {
	await card('.buy').click();
	await until(page, 'the order', async () => (await page.locator('souk-room .toast').innerText()).includes('Reserved for you'));
	await until(page, 'the stock', async () => (await card('.left').innerText()) === '99 left');
	await until(studio, 'the stock in the studio', async () => (await studio.locator('li[data-sku=A1] [data-figure=left] b').innerText()) === '99');
	const { items } = await server.api('GET', '/api/orders?room=show', people.host);
	assert.equal(items.length, 1);
	assert.equal(items[0].total.minor, 19900);
	assert.ok(Math.abs(items[0].shown_us - items[0].at_us) < 5_000_000, 'the order tells which picture was on screen');
});

test('a reload keeps card, stock and own orders', async () => {
	await page.reload();
	await until(page, 'a picture', async () => (await picture(page)).shown > 5);
	await until(page, 'the card', async () => (await card('.left').count()) && (await card('.left').innerText()) === '99 left');
	await until(page, 'the order', async () => (await page.locator('souk-room .order').count()) === 1);
});

test('unpinned, the card goes', async () => {
	await studio.locator('li[data-sku=A1] .pin').click();
	await until(page, 'no card', async () => (await card().count()) === 0);
});

test('a product added in the studio stands on the shelf', async () => {
	for (const [name, value] of [['title', 'Scoop'], ['sku', 'S1'], ['price', '39.00']]) await studio.locator(`.add [name=${name}]`).fill(value);
	await studio.locator('.add button').click();
	await until(page, 'the product', async () => (await page.locator('souk-room .shelf [data-sku=S1] .price').count()) === 1);
	assert.equal(await page.locator('souk-room .shelf [data-sku=S1] .price').innerText(), '¥39.00');
});

test('viewers keep their picture when the host comes back', async () => {
	await studio.reload();
	await until(page, 'the notice', async () => (await page.locator('souk-room .veil').innerText()).includes('reconnecting'), 20_000);
	const before = await picture(page);
	await studio.locator('.go').click();
	await until(page, 'the picture again', async () => (await picture(page)).shown > before.shown + 30, 20_000);
	assert.equal((await picture(page)).kind, 'whep');
	assert.equal(await page.locator('souk-room .veil').isHidden(), true);
});

test('viewers by FLV come one after the other and each has picture and sound', async () => {
	for (let visit = 0; visit < 3; visit++) {
		const other = await watch(browser, server, 'show', '?play=flv');
		const start = await picture(other);
		assert.equal(start.kind, 'flv');
		await until(other, 'the picture to go on', async () => (await picture(other)).time > start.time + 1);
		const heard = await other.locator('souk-room').evaluate((element) => element.shadowRoot.querySelector('video').webkitAudioDecodedByteCount);
		assert.ok(heard > 0, 'sound was decoded');
		await other.context().close();
		await page.waitForTimeout(500);
	}
});

test('a second host is told that somebody is live', async () => {
	const other = await open(browser, `${server.base}/studio?room=show&token=${server.token('show', 'host', 'host-2')}`);
	await other.locator('.go').click();
	await until(other, 'the words', async () => (await other.locator('.air-panel .fault').innerText()).includes('Somebody else'));
	await other.context().close();
});

test('no page complained', () => {
	const ours = (faults) => faults.filter((text) => !text.includes('Failed to load resource'));
	assert.deepEqual(ours(page.faults), []);
	assert.deepEqual(ours(studio.faults), []);
});
