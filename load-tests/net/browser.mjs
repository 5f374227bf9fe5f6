#!/usr/bin/env node
// Chromium as viewer or as host on a test's network: by itself, or as who has opened the room page.
import { parseArgs } from 'node:util';
import { launch, open } from '../../tests/browser/support/browser.mjs';
import { burningCamera, script } from '../../tests/browser/support/strip.mjs';

const USAGE = `usage: load-tests/net/browser.mjs watch|room|publish --server URL --room ROOM [options]

  watch, publish   with connections of their own, never made again
  room             the room page as people open it, which keeps itself connected
  --token JWT      shown to the server
  --viewers N      pages that watch (default 1)
  --size WxH       of the picture that is published (default 640x360)
  --kbps N         of its encoder at most (default 1000)
  --simulcast      publishes it in three sizes (RFC 8853): a quarter, a half, the whole
  --sound          publishes a tone as well
  --help

Lines of JSON on stdout until stdin ends: {"ready":true}; {"viewer":0,"frames":[MS,...]}, the times at which
pictures were shown (UTC); {"viewer":0,"stats":{...}} twice a second, of the newest connection, and how many there were.
CHROMIUM: the browser (default /usr/bin/chromium).`;
const POLL_MS = 250;

/** In the page: what a session is made with. */
function sessions() {
	window.exchange = async (path, pc, token) => {
		const headers = { 'Content-Type': 'application/sdp', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
		await pc.setLocalDescription();
		const reply = await fetch(path, { method: 'POST', headers, body: pc.localDescription.sdp });
		if (reply.status !== 201) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
		await pc.setRemoteDescription({ type: 'answer', sdp: await reply.text() });
		await new Promise((done, fail) => {
			const look = () => {
				if (pc.connectionState === 'connected') done();
				if (pc.connectionState === 'failed') fail(new Error('connection failed'));
			};
			pc.onconnectionstatechange = look;
			look();
		});
	};
	window.shown = [];
	window.peers = 0;
	window.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...options) {
			super(...options);
			window.pc = this;
			window.peers++;
		}
	};
	/** The time of each picture that is shown. */
	window.note = (video) => {
		const onFrame = () => {
			window.shown.push(performance.timeOrigin + performance.now());
			video.requestVideoFrameCallback(onFrame);
		};
		video.requestVideoFrameCallback(onFrame);
	};
	window.room = async () => {
		while (!document.querySelector('souk-room')?.shadowRoot?.querySelector('video')) await new Promise(requestAnimationFrame);
		const video = document.querySelector('souk-room').shadowRoot.querySelector('video');
		window.note(video);
		await new Promise((done) => video.addEventListener('playing', done, { once: true }));
	};
	window.watch = async ({ room, token }) => {
		const pc = new RTCPeerConnection();
		const video = Object.assign(document.createElement('video'), { muted: true });
		const stream = new MediaStream();
		document.body.append(video);
		for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
		pc.ontrack = ({ track }) => {
			stream.addTrack(track);
			video.srcObject = stream;
			void video.play();
		};
		window.note(video);
		await window.exchange(`/whep/${room}`, pc, token);
	};
	window.publish = async ({ room, token, kbps, simulcast, sound }) => {
		const pc = new RTCPeerConnection();
		const stream = sound ? window.burntCamera() : window.burntStream();
		const layers = [4, 2, 1].map((by, index) => ({ rid: 'lmh'[index], scaleResolutionDownBy: by, maxBitrate: (kbps * 1000) / by ** 1.5 }));
		for (const track of stream.getTracks()) {
			const video = track.kind === 'video';
			const sendEncodings = simulcast ? layers : [{ maxBitrate: kbps * 1000 }];
			const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], ...(video ? { sendEncodings } : {}) });
			if (video) transceiver.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.filter(({ mimeType }) => /h264|rtx/i.test(mimeType)));
		}
		await window.exchange(`/whip/${room}`, pc, token);
	};
	window.figures = async () => {
		const all = [...(await window.pc.getStats()).values()];
		const find = (type, kind) => all.find((entry) => entry.type === type && (!kind || entry.kind === kind)) ?? {};
		const [video, audio, sent] = [find('inbound-rtp', 'video'), find('inbound-rtp', 'audio'), find('outbound-rtp', 'video')];
		return {
			peers: window.peers, state: window.pc.connectionState, ice: window.pc.iceConnectionState,
			height: video.frameHeight ?? sent.frameHeight, decoded: video.framesDecoded, dropped: video.framesDropped,
			packets: video.packetsReceived ?? sent.packetsSent, lost: video.packetsLost, nacks: video.nackCount ?? sent.nackCount,
			plis: video.pliCount ?? sent.pliCount, freezes: video.freezeCount, frozen_s: video.totalFreezesDuration,
			bytes: video.bytesReceived ?? sent.bytesSent, concealed: audio.concealedSamples, silent: audio.silentConcealedSamples,
			samples: audio.totalSamplesReceived,
		};
	};
}

function say(value) {
	process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function poll(page, viewer, turn) {
	const frames = await page.evaluate(() => window.shown.splice(0));
	if (frames.length) say({ viewer, frames });
	if (turn % 2 === 0) say({ viewer, stats: await page.evaluate(() => window.figures()), at: Date.now() });
}

async function run(role, values) {
	const [width, height] = values.size.split('x').map(Number);
	const task = { room: values.room, token: values.token, kbps: Number(values.kbps), simulcast: values.simulcast, sound: values.sound };
	// With the rights of a secure page it uses all addresses of the machine, not the one of its default route alone.
	const browser = await launch(`--unsafely-treat-insecure-origin-as-secure=${values.server}`);
	let over = false;
	process.stdin.resume();
	process.stdin.on('end', () => (over = true));
	try {
		const pages = [];
		for (let index = 0; index < (role === 'publish' ? 1 : Number(values.viewers)); index++) {
			const page = await open(browser, `${values.server}${role === 'room' ? '/r/' : '/api/rooms/'}${values.room}`, { script: script(sessions, [burningCamera, { width, height }]) });
			await page.evaluate(([name, options]) => window[name](options), [role, task]);
			pages.push(page);
		}
		say({ ready: true });
		for (let turn = 0; !over; turn++) {
			await Promise.all(pages.map((page, viewer) => poll(page, viewer, turn)));
			await new Promise((done) => setTimeout(done, POLL_MS));
		}
	} finally {
		await browser.close();
	}
}

async function main() {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			server: { type: 'string' },
			room: { type: 'string' },
			token: { type: 'string', default: '' },
			viewers: { type: 'string', default: '1' },
			size: { type: 'string', default: '640x360' },
			kbps: { type: 'string', default: '1000' },
			simulcast: { type: 'boolean' },
			sound: { type: 'boolean' },
			help: { type: 'boolean' },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return;
	}
	if (!['watch', 'room', 'publish'].includes(positionals[0]) || !values.server || !values.room) throw Object.assign(new Error('watch, room or publish, --server and --room are needed'), { usage: true });
	await run(positionals[0], values);
}

main().catch((error) => {
	console.error(`browser.mjs: ${error.message}`);
	process.exit(error.usage || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1);
});
