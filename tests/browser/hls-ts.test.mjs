// ffmpeg publishes by RTMP; hls.js takes the transport streams, and a browser the poster.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { launch, open, until } from './support/browser.mjs';
import { hasFfmpeg, publish } from './support/ffmpeg.mjs';
import { Server } from './support/server.mjs';

const HLS_JS = fileURLToPath(new URL('../../web/node_modules/hls.js/dist/hls.min.js', import.meta.url));
const skip = hasFfmpeg() ? false : 'ffmpeg is not installed';
let server, browser, people, host;

before(async () => {
	if (skip) return;
	server = await Server.start();
	people = await server.room('ts');
	browser = await launch();
	host = publish(server, 'ts', people.host);
});
after(async () => {
	await host?.stop();
	await browser?.close();
	await server?.stop();
});

function play(url) {
	const video = Object.assign(document.createElement('video'), { muted: true });
	document.body.append(video);
	const hls = new window.Hls();
	window.fatal = [];
	window.containers = new Set();
	hls.on(window.Hls.Events.ERROR, (_, { fatal, details }) => fatal && window.fatal.push(details));
	hls.on(window.Hls.Events.FRAG_LOADED, (_, { frag }) => window.containers.add(frag.url.split('.').pop()));
	hls.loadSource(url);
	hls.attachMedia(video);
	void video.play();
	window.video = video;
}

test('hls.js plays the transport streams at the full rate', { skip }, async () => {
	const page = await open(browser, `${server.base}/api/rooms/ts`);
	await until(page, 'the room is live', async () => (await server.api('GET', '/api/rooms/ts')).state === 'live');
	await page.addScriptTag({ path: HLS_JS });
	await page.evaluate(play, `${server.base}/hls/ts/index-ts.m3u8`);
	const shown = () => page.evaluate(() => window.video.getVideoPlaybackQuality().totalVideoFrames);
	await until(page, 'a picture', async () => (await shown()) > 5, 30_000);
	// It may run dry once at first, as players of plain HLS do that begin close to the edge.
	const samples = [];
	await until(page, 'five seconds at the full rate', async () => {
		samples.push({ at: performance.now(), shown: await shown() });
		const before = samples.findLast(({ at }) => at <= samples.at(-1).at - 5_000);
		return before && (samples.at(-1).shown - before.shown) / (samples.at(-1).at - before.at) > 0.024;
	}, 30_000);
	const { fatal, containers, width } = await page.evaluate(() => ({ fatal: window.fatal, containers: [...window.containers], width: window.video.videoWidth }));
	assert.deepEqual([fatal, containers, width], [[], ['ts'], 1280]);
	await until(page, 'one viewer', async () => (await server.api('GET', '/api/rooms/ts')).viewers === 1);
	await page.context().close();
});

test('the poster is a picture to browsers', { skip }, async () => {
	const page = await open(browser, `${server.base}/api/rooms/ts`);
	const size = await until(page, 'the poster', () => page.evaluate(async () => {
		const image = new Image();
		image.src = '/live/ts/poster.jpg';
		return image.decode().then(() => [image.naturalWidth, image.naturalHeight], () => null);
	}));
	assert.deepEqual(size, [640, 360]);
	await page.context().close();
});
