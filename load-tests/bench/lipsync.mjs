#!/usr/bin/env node
// Sound behind the picture, as Chromium plays them: when a flash is on screen and when the beep of the same instant sounds.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launch, open, until, watch } from '../../tests/browser/support/browser.mjs';
import { playHls } from '../../tests/browser/support/hls-js.mjs';
import { keepPeers, script, stripReader } from '../../tests/browser/support/strip.mjs';
import { buffers, marksWatcher, pairs } from './marks.mjs';

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
