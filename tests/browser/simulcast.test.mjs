// Chromium publishes three layers by rid; another page watches by WHEP, begins with a small one, is shown the largest
// and what it asks for.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open, until } from './support/browser.mjs';
import { Server } from './support/server.mjs';

let server, browser, people, host, viewer;

before(async () => {
	server = await Server.start();
	people = await server.room('layers');
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await server?.stop();
});

/** In the page: 1280x720 in full, half and quarter size: for less Chromium makes fewer layers. */
async function publishLayers({ path, token }) {
	const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
	const paint = canvas.getContext('2d');
	let count = 0;
	setInterval(() => {
		paint.fillStyle = `hsl(${count} 60% 50%)`;
		paint.fillRect(0, 0, 1280, 720);
		paint.fillStyle = '#fff';
		paint.fillRect((count * 7) % 1200, (count * 5) % 640, 40, 40);
		count += 1;
	}, 33);
	const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
	const encodings = [
		{ rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 100_000 },
		{ rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 250_000 },
		{ rid: 'f', maxBitrate: 700_000 },
	];
	const transceiver = peer.addTransceiver(canvas.captureStream(30).getVideoTracks()[0], { direction: 'sendonly', sendEncodings: encodings });
	transceiver.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(({ mimeType }) => /H264|rtx/.test(mimeType)));
	await peer.setLocalDescription();
	const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` };
	const reply = await fetch(path, { method: 'POST', headers, body: peer.localDescription.sdp });
	const answer = await reply.text();
	if (reply.status !== 201) throw new Error(`${reply.status} ${answer}`);
	await peer.setRemoteDescription({ type: 'answer', sdp: answer });
	window.host = peer;
	return answer;
}

async function watchLayers(path) {
	const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
	const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
	document.body.append(video);
	peer.ontrack = ({ track }) => (video.srcObject = new MediaStream([track]));
	peer.addTransceiver('video', { direction: 'recvonly' });
	await peer.setLocalDescription();
	const reply = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp });
	const answer = await reply.text();
	if (reply.status !== 201) throw new Error(`${reply.status} ${answer}`);
	await peer.setRemoteDescription({ type: 'answer', sdp: answer });
	window.seen = [];
	const look = () => {
		if (window.seen.at(-1) !== video.videoWidth) window.seen.push(video.videoWidth);
		video.requestVideoFrameCallback(look);
	};
	video.requestVideoFrameCallback(look);
	window.pictures = async () => {
		for (const entry of (await peer.getStats()).values()) if (entry.type === 'inbound-rtp') return entry;
		return null;
	};
	return { layer: `${reply.headers.get('Location')}/layer`, answer };
}

test('all three layers are asked for and sent', async () => {
	host = await open(browser, `${server.base}/`);
	const answer = await host.evaluate(publishLayers, { path: '/whip/layers', token: people.host });
	assert.match(answer, /a=simulcast:recv q;h;f/);
	await until(host, 'three layers are sent', () => host.evaluate(async () => {
		const sent = [...(await window.host.getStats()).values()].filter(({ type, framesSent }) => type === 'outbound-rtp' && framesSent > 0);
		return sent.length === 3;
	}), 40_000);
});

test('a viewer is shown the largest, and each layer that it asks for, without a break', async () => {
	viewer = await open(browser, `${server.base}/`);
	const { layer, answer } = await viewer.evaluate(watchLayers, '/whep/layers');
	assert.match(answer, /a=ssrc-group:FID/);
	const shows = (width) => until(viewer, `${width} wide`, () => viewer.evaluate((wanted) => window.seen.at(-1) === wanted, width), 30_000);
	await shows(1280);
	const ask = (wish) => viewer.evaluate(async ({ path, body }) => {
		const reply = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
		return [reply.status, await reply.json()];
	}, { path: layer, body: wish });
	for (const [rid, width] of [['180p', 320], ['360p', 640], ['source', 1280]]) {
		// A busy machine's Chromium leaves a layer out now and then.
		const [, chosen] = await until(viewer, `the layer ${rid}`, async () => (await ask({ rid })).includes(200) && ask({ rid }), 30_000);
		assert.equal(chosen.rid, rid);
		await shows(width);
	}
	const pictures = await viewer.evaluate(() => window.pictures());
	console.log(`# widths ${(await viewer.evaluate(() => window.seen)).join(' ')}; freezes ${pictures.freezeCount}, PLI ${pictures.pliCount}, lost ${pictures.packetsLost}`);
	assert.equal(pictures.packetsLost, 0);
});
