#!/usr/bin/env node
// Sound behind the picture of a host in Chromium, as a viewer in Chromium plays them: directly, and with Souk between.
import { parseArgs } from 'node:util';
import { launch, open } from '../../tests/browser/support/browser.mjs';
import { keepPeers, script } from '../../tests/browser/support/strip.mjs';
import { buffers, markingHost, marksWatcher, pairs } from './marks.mjs';
import { pair } from './pair.mjs';

const USAGE = `usage: load-tests/bench/skew.mjs --base URL --room ROOM --token TOKEN [options]

A host in Chromium shows a flash and plays a beep once a second, H.264 and Opus; a viewer in the same page gets them
by turns from the host itself and by WHIP, soukd and WHEP. Prints a line of JSON: of each way and turn the pairs
[seconds since the start, ms that the beep was taken for the speaker after the flash was on screen], and what Chromium
says of its buffers.

  --seconds S    how long each turn (default 30)
  --rounds N     turns of each (default 1)
  --only A,B     of host, direct, souk (default all)
  --size WxH     of the picture (default 640x360)
  --help

SOUK_WEB, CHROMIUM as for tests/browser/run.`;

const BEGIN_S = 10;

/** [age of flashes, of beeps] since they were made. */
const ages = (made, times) => times.map((at) => Math.min(...made.map((begin) => at - begin).filter((age) => age > -100)));

async function host(page, seconds) {
	await page.evaluate(async () => {
		window.stream ??= await window.markedStream();
		window.watchTracks(window.stream);
	});
	await page.waitForTimeout(seconds * 1000);
	const marks = await page.evaluate(() => ({ ...window.marks, made: window.marksMade }));
	return { how: 'host', buffers: [], pairs: pairs(marks), pictures: ages(marks.made, marks.flashes), sounds: ages(marks.made, marks.beeps) };
}

async function turn(page, how, seconds, asked) {
	await page.evaluate(async ([way, options]) => {
		window.stream ??= await window.markedStream();
		window.pair = await window.connectPair(way, window.stream, options);
		window.peers = [window.pair.viewer];
		window.statsBefore = undefined;
		while (!window.pair.video.videoWidth) await new Promise((done) => setTimeout(done, 20));
		window.watchMarks(window.pair.video);
	}, [how, asked]);
	await page.waitForTimeout(BEGIN_S * 1000);
	const first = await page.evaluate(buffers);
	await page.waitForTimeout((seconds - BEGIN_S) * 1000);
	const marks = await page.evaluate(() => ({ ...window.marks, made: window.marksMade }));
	const found = { how, buffers: [first, await page.evaluate(buffers)], pairs: pairs(marks), pictures: ages(marks.made, marks.flashes), sounds: ages(marks.made, marks.beeps) };
	await page.evaluate(() => window.pair.end());
	return found;
}

async function main() {
	const { values } = parseArgs({
		options: {
			base: { type: 'string' },
			room: { type: 'string' },
			token: { type: 'string' },
			seconds: { type: 'string', default: '30' },
			rounds: { type: 'string', default: '1' },
			only: { type: 'string', default: 'host,direct,souk' },
			size: { type: 'string', default: '640x360' },
			help: { type: 'boolean', default: false },
		},
	});
	if (values.help || !values.base || !values.room || !values.token) {
		console[values.help ? 'log' : 'error'](USAGE);
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const [width, height] = values.size.split('x').map(Number);
	const browser = await launch();
	try {
		const setup = script(keepPeers, [markingHost, { width, height }], marksWatcher, [pair, { kbps: 2500, sound: true }]);
		const page = await open(browser, `${values.base}/api/rooms/${values.room}`, { script: setup });
		const turns = [];
		for (let round = 0; round < Number(values.rounds); round++) {
			for (const how of values.only.split(',')) turns.push(how === 'host' ? await host(page, 12) : await turn(page, how, Number(values.seconds), { room: values.room, token: values.token }));
		}
		console.log(JSON.stringify(turns));
	} finally {
		await browser.close();
	}
}

await main();
