// What Souk adds between the host's canvas and the viewer's frame callback, beside two peer connections of
// one Chromium in the same run; the publisher's quality; a minute without a freeze.
import assert from 'node:assert/strict';
import { loadavg } from 'node:os';
import { after, before, test } from 'node:test';
import { goLive, launch, open, picture, watch } from './support/browser.mjs';
import { Server } from './support/server.mjs';
import { burningCamera, isBusy, keepPeers, percentile, script, stripReader, stripWatcher, watchRoom } from './support/strip.mjs';

const FRAMES = 300;
const WATCH_S = Number(process.env.SOUK_WATCH_S ?? 60);
const size = { width: 1280, height: 720 };
const camera = [burningCamera, size];

let server, browser, people, studio, page;

before(async () => {
	server = await Server.start();
	people = await server.room('fast');
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

const say = (name, ages) => console.log(`# ${name}: p50 ${percentile(ages, 0.5).toFixed(1)} ms, p95 ${percentile(ages, 0.95).toFixed(1)} ms, ${ages.length} frames`);

/** The browser's own floor: canvas, H.264, loopback, frame callback, with no server between. */
async function direct() {
	const direct = await open(browser, `${server.base}/`, { script: script(camera, stripReader, stripWatcher) });
	const ages = await direct.evaluate(async (count) => {
		const [host, viewer] = [new RTCPeerConnection(), new RTCPeerConnection()];
		host.onicecandidate = ({ candidate }) => candidate && viewer.addIceCandidate(candidate);
		viewer.onicecandidate = ({ candidate }) => candidate && host.addIceCandidate(candidate);
		const stream = window.burntStream();
		const transceiver = host.addTransceiver(stream.getTracks()[0], { direction: 'sendonly', streams: [stream], sendEncodings: [{ maxBitrate: 3_500_000 }] });
		transceiver.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(({ mimeType }) => mimeType === 'video/H264'));
		const video = Object.assign(document.createElement('video'), { muted: true });
		document.body.append(video);
		viewer.ontrack = ({ streams }) => {
			video.srcObject = streams[0];
			void video.play();
		};
		await host.setLocalDescription();
		await viewer.setRemoteDescription(host.localDescription);
		await viewer.setLocalDescription();
		await host.setRemoteDescription(viewer.localDescription);
		await new Promise((done) => setTimeout(done, 3_000));
		window.watchStrip(video);
		return window.agesOf(count);
	}, FRAMES);
	await direct.context().close();
	return ages;
}

const stats = (target, type) => target.evaluate(async (wanted) => {
	const reports = await Promise.all(window.peers.filter(({ connectionState }) => connectionState === 'connected').map((peer) => peer.getStats()));
	return reports.flatMap((report) => [...report.values()]).filter((entry) => entry.type === wanted);
}, type);

test('after 20 s the publisher may send 2.5 Mbit/s and keeps 720 lines', async () => {
	studio = await goLive(browser, server, 'fast', people.host, { script: script(keepPeers, [burningCamera, { ...size, grain: true }]) });
	await studio.waitForTimeout(20_000);
	const [{ selectedCandidatePairId }] = await stats(studio, 'transport');
	const pair = (await stats(studio, 'candidate-pair')).find(({ id }) => id === selectedCandidatePairId);
	const [video] = (await stats(studio, 'outbound-rtp')).filter(({ kind }) => kind === 'video');
	console.log(`# available ${(pair.availableOutgoingBitrate / 1e6).toFixed(2)} Mbit/s, ${video.frameWidth}x${video.frameHeight} at ${video.framesPerSecond}, limited by ${video.qualityLimitationReason}, ${video.encoderImplementation}`);
	assert.ok(pair.availableOutgoingBitrate >= 2_500_000);
	assert.equal(video.frameHeight, 720);
	assert.equal(video.qualityLimitationReason, 'none');
	await studio.context().close();
});

test('Souk adds little to the age of a picture', async () => {
	studio = await goLive(browser, server, 'fast', people.host, { script: script(camera) });
	page = await watch(browser, server, 'fast', '', { script: script(stripReader, stripWatcher) });
	await page.evaluate(watchRoom);
	await page.waitForTimeout(3_000);
	const through = await page.evaluate((count) => window.agesOf(count), FRAMES);
	await page.context().close();
	await studio.context().close();
	const alone = await direct();
	say('Chromium to Chromium', alone);
	say('through Souk', through);
	const added = percentile(through, 0.5) - percentile(alone, 0.5);
	console.log(`# Souk adds ${added.toFixed(1)} ms at p50`);
	// The figure is for reading; the bar only catches a buffer that should not be there on a busy machine.
	if (!isBusy()) assert.ok(added < 60, `${added} ms`);
});

test('a viewer watches for a minute without a freeze', async () => {
	await goLive(browser, server, 'fast', people.host);
	page = await watch(browser, server, 'fast', '', { script: script(keepPeers) });
	await page.waitForTimeout(2_000);
	const read = async () => (await stats(page, 'inbound-rtp')).find(({ kind }) => kind === 'video');
	const first = await read();
	await page.waitForTimeout(WATCH_S * 1000);
	const last = await read();
	const rate = (last.framesDecoded - first.framesDecoded) / WATCH_S;
	console.log(`# ${WATCH_S} s: ${rate.toFixed(1)} pictures a second, ${last.freezeCount - first.freezeCount} freezes, ${last.packetsLost - first.packetsLost} packets lost, ${last.pliCount - first.pliCount} PLI; load ${loadavg()[0]}`);
	assert.ok(rate > (isBusy() ? 20 : 28), `${rate} pictures a second`);
	assert.ok(last.freezeCount - first.freezeCount <= (isBusy() ? 3 : 0), 'freezes');
	assert.equal((await picture(page)).kind, 'whep');
});
