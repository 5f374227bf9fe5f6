// A host by WebRTC whose pictures show when they were drawn; viewers by LL-HLS, with hls.js and with the
// browser's own player. Event error: what the playlist says of an event's time against the picture itself.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { goLive, launch, open, picture, until, watch } from './support/browser.mjs';
import { Server } from './support/server.mjs';
import { burningCamera, isBusy, percentile, script, stripReader } from './support/strip.mjs';

const HLS_JS = fileURLToPath(new URL('../../web/node_modules/hls.js/dist/hls.min.js', import.meta.url));
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

/** Plays in the page and keeps what is presented and which cues come. */
function play(url) {
	const video = Object.assign(document.createElement('video'), { muted: true });
	document.body.append(video);
	const hls = new window.Hls({ lowLatencyMode: true });
	window.cues = new Map();
	window.frames = [];
	window.fatal = [];
	window.hls = hls;
	hls.on(window.Hls.Events.ERROR, (_, { fatal, details }) => fatal && window.fatal.push(details));
	const note = ({ target }) => {
		for (const cue of target.cues ?? []) if (cue.value?.key === 'X-SOUK-MESSAGE') window.cues.set(cue.id, { at: cue.startTime, message: atob(cue.value.data) });
	};
	video.textTracks.addEventListener('addtrack', ({ track }) => {
		track.mode = 'hidden';
		window.track = track;
	});
	setInterval(() => window.track && note({ target: window.track }), 50);
	const onFrame = (_now, { mediaTime }) => {
		video.requestVideoFrameCallback(onFrame);
		const drawn = window.readStrip(video);
		if (drawn !== null) window.frames.push({ drawn, mediaTime, at: performance.timeOrigin + performance.now() });
	};
	video.requestVideoFrameCallback(onFrame);
	hls.loadSource(url);
	hls.attachMedia(video);
	void video.play();
}

test('hls.js plays in low-latency mode near the live edge', async () => {
	page = await open(browser, `${server.base}/api/rooms/hls`, { script: script(stripReader) });
	await page.addScriptTag({ path: HLS_JS });
	const begin = Date.now();
	await page.evaluate(play, `${server.base}/hls/hls/index.m3u8`);
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
