#!/usr/bin/env node
// Sound behind the picture, as Chromium plays them: when a flash is on screen and when the beep of the same instant sounds.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launch, open, until, watch } from '../../tests/browser/support/browser.mjs';
import { playHls } from '../../tests/browser/support/hls-js.mjs';
import { keepPeers, script, stripReader } from '../../tests/browser/support/strip.mjs';

const USAGE = `usage: load-tests/bench/lipsync.mjs --base URL --room ROOM --reference FILE [options]

Watches a room whose host shows a flash and plays a beep once a second by each output in turn, and FILE, an MP4 with the
same, which tells what the measuring itself adds. Prints a line of JSON: of each output the pairs [seconds since the start,
ms that the beep was taken for the speaker after the flash was on screen], and of WebRTC what Chromium says of its buffers.

  --seconds S       how long each (default 30)
  --first S         how long the first one (default as the others)
  --outputs A,B     of whep, flv, ll-hls (default all)
  --help

SOUK_WEB, CHROMIUM as for tests/browser/run.`;

const REFERENCE_S = 15;
const BEGIN_S = 10;

/** Gives the page `watchMarks(video, track)`: when flashes get on screen and beeps sound, in ms of the page. */
function marksWatcher() {
	const LOUD = 0.2;
	const flashes = (video, marks) => {
		const canvas = Object.assign(document.createElement('canvas'), { width: 4, height: 4 });
		const context = canvas.getContext('2d', { willReadFrequently: true });
		let lit = true; // not from the middle of one on
		const onFrame = (_now, { expectedDisplayTime }) => {
			video.requestVideoFrameCallback(onFrame);
			context.drawImage(video, 0, 0, 4, 4);
			const bright = context.getImageData(1, 1, 1, 1).data[1] > 127;
			if (bright && !lit) marks.flashes.push(expectedDisplayTime);
			lit = bright;
		};
		video.requestVideoFrameCallback(onFrame);
	};
	const listener = (rate, marks) => {
		let quiet = 0;
		return (samples, at) => samples.forEach((sample, index) => {
			quiet++;
			if (Math.abs(sample) < LOUD) return;
			if (quiet > rate / 3) marks.beeps.push(at + (index * 1000) / rate);
			quiet = 0;
		});
	};
	/* WebRTC hands sound over as it is taken for the speaker, stamped then with a steady clock: that of the page but for a constant. */
	const beepsOfTrack = async (track, marks) => {
		const reader = new window.MediaStreamTrackProcessor({ track }).readable.getReader();
		let listen = null;
		let offset = Infinity;
		for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
			const { value } = chunk;
			listen ??= listener(value.sampleRate, marks);
			const taken = value.timestamp / 1000;
			offset = Math.min(offset, performance.now() - taken);
			const samples = new Float32Array(value.numberOfFrames);
			value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
			listen(samples, taken + offset);
			value.close();
		}
	};
	/* An element's sound: what is taken in large pieces for a speaker comes evenly by way of Web Audio. */
	const beepsOfElement = (video, marks) => {
		const audio = new AudioContext();
		const tap = audio.createScriptProcessor(1024, 1, 1);
		const listen = listener(audio.sampleRate, marks);
		let offset = Infinity;
		tap.onaudioprocess = ({ inputBuffer, playbackTime }) => {
			offset = Math.min(offset, performance.now() - playbackTime * 1000);
			listen(inputBuffer.getChannelData(0), playbackTime * 1000 + offset);
		};
		audio.createMediaElementSource(video).connect(tap).connect(audio.destination);
		window.tap = tap; // or it is collected
	};
	window.watchMarks = (video) => {
		window.marks = { flashes: [], beeps: [] };
		video.muted = false;
		flashes(video, window.marks);
		if (video.srcObject) void beepsOfTrack(video.srcObject.getAudioTracks()[0], window.marks);
		else beepsOfElement(video, window.marks);
	};
}

/** Each flash with the beep next to it. */
function pairs({ flashes, beeps }) {
	const found = [];
	for (const flash of flashes) {
		const beep = beeps.reduce((best, at) => (Math.abs(at - flash) < Math.abs(best - flash) ? at : best), Infinity);
		if (Math.abs(beep - flash) < 500) found.push([(flash - flashes[0]) / 1000, beep - flash]);
	}
	return found;
}

const setup = script(keepPeers, stripReader, marksWatcher);

async function reference(browser, url, file) {
	const page = await open(browser, url, { script: setup });
	await page.evaluate(async (content) => {
		const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
		window.video = Object.assign(document.createElement('video'), { src: URL.createObjectURL(new Blob([bytes])) });
		document.body.append(window.video);
		await window.video.play();
		window.watchMarks(window.video);
	}, readFileSync(file).toString('base64'));
	await page.waitForTimeout(REFERENCE_S * 1000);
	const marks = await page.evaluate(() => window.marks);
	await page.context().close();
	return pairs(marks);
}

/** What Chromium itself says of its buffers, in ms, of the time since the last call. */
async function buffers() {
	const peer = window.peers?.find(({ connectionState }) => connectionState === 'connected');
	if (!peer) return null;
	const all = [...(await peer.getStats()).values()];
	const track = (kind) => all.find((entry) => entry.type === 'inbound-rtp' && entry.kind === kind);
	const [sound, picture] = [track('audio'), track('video')];
	const before = window.statsBefore ?? { sound: {}, picture: {} };
	window.statsBefore = { sound, picture };
	const device = all.find(({ type }) => type === 'media-playout');
	const since = (name, key) => window.statsBefore[name][key] - (before[name][key] ?? 0);
	const mean = (name, key) => (1000 * since(name, key)) / since(name, 'jitterBufferEmittedCount');
	return { sound: mean('sound', 'jitterBufferDelay'), soundWanted: mean('sound', 'jitterBufferTargetDelay'), picture: mean('picture', 'jitterBufferDelay'), behind: picture.estimatedPlayoutTimestamp - sound.estimatedPlayoutTimestamp, device: (1000 * device?.totalPlayoutDelay) / device?.totalSamplesCount };
}

async function begin(browser, base, room, output) {
	if (output === 'll-hls') {
		const page = await open(browser, `${base}/api/rooms/${room}`, { script: setup });
		await playHls(page, `${base}/hls/${room}/index.m3u8`);
		await until(page, 'a picture', () => page.evaluate(() => window.video.videoWidth > 0 && window.video.currentTime > 0));
		await page.evaluate(() => window.watchMarks(window.video));
		return page;
	}
	const page = await watch(browser, { base }, room, output === 'flv' ? '?play=flv' : '', { script: setup });
	await page.evaluate(() => window.watchMarks(document.querySelector('souk-room').shadowRoot.querySelector('video')));
	return page;
}

async function main() {
	const { values } = parseArgs({
		options: {
			base: { type: 'string' },
			room: { type: 'string' },
			reference: { type: 'string' },
			seconds: { type: 'string', default: '30' },
			first: { type: 'string' },
			outputs: { type: 'string', default: 'whep,flv,ll-hls' },
			help: { type: 'boolean', default: false },
		},
	});
	if (values.help || !values.base || !values.room || !values.reference) {
		console[values.help ? 'log' : 'error'](USAGE);
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const browser = await launch();
	try {
		const found = { reference: { pairs: await reference(browser, `${values.base}/api/rooms/${values.room}`, values.reference) } };
		for (const [index, output] of values.outputs.split(',').entries()) {
			const page = await begin(browser, values.base, values.room, output);
			await page.waitForTimeout(BEGIN_S * 1000);
			const first = await page.evaluate(buffers);
			const seconds = Number((index === 0 && values.first) || values.seconds);
			await page.waitForTimeout((seconds - BEGIN_S) * 1000);
			found[output] = { buffers: [first, await page.evaluate(buffers)], pairs: pairs(await page.evaluate(() => window.marks)) };
			await page.context().close();
		}
		console.log(JSON.stringify(found));
	} finally {
		await browser.close();
	}
}

await main();
