#!/usr/bin/env node
// Age of a picture when the viewer's page gets it: from a canvas of the host, which shows the time, to the
// frame callback, through Souk and between two peer connections without it.
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { launch, open } from '../../tests/browser/support/browser.mjs';
import { Server } from '../../tests/browser/support/server.mjs';
import { burningCamera, percentile, script, stripReader } from '../../tests/browser/support/strip.mjs';
import { pair } from './pair.mjs';

const USAGE = `usage: load-tests/bench/glass.mjs [options]

Draws a moving canvas with its own time along the top, publishes it as H.264, reads the time back in
requestVideoFrameCallback(), all in one page of Chromium. By turns: host - viewer, and host - WHIP -
soukd - WHEP - viewer. Prints milliseconds from drawing to callback, and where they are spent.

  --rounds N     how often each is measured (default 3)
  --frames N     pictures in each round (default 300)
  --size WxH     default 1280x720
  --kbps N       of the encoder at most (default 2500)
  --settle S     seconds that are not measured after each start (default 6)
  --sound        with sound beside the picture
  --help

SOUKD: the server (default build/release/bin/soukd); SOUK_WEB, CHROMIUM as for tests/browser/run.`;

/** Runs in the page. */
function measuring({ sound }) {
	window.measure = async (how, { frames, settle, room, token }) => {
		window.stream ??= sound ? window.burntCamera() : window.burntStream();
		const { viewer, video, end } = await window.connectPair(how, window.stream, { room, token });
		await new Promise((done) => setTimeout(done, settle * 1000));
		const rows = [];
		await new Promise((done) => {
			const onFrame = (_, { receiveTime }) => {
				const at = performance.timeOrigin + performance.now();
				const drawn = window.readStrip(video);
				if (drawn !== null && receiveTime) rows.push({ age: at - drawn, received: performance.timeOrigin + receiveTime - drawn });
				if (rows.length < frames) video.requestVideoFrameCallback(onFrame);
				else done();
			};
			video.requestVideoFrameCallback(onFrame);
		});
		const stats = [...(await viewer.getStats()).values()].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
		await end();
		return { rows, height: stats.frameHeight, freezes: stats.freezeCount, lost: stats.packetsLost, holdMs: (stats.jitterBufferDelay / stats.jitterBufferEmittedCount) * 1000 };
	};
}

const format = (value) => value.toFixed(1).padStart(6);

function print(name, rows, rest) {
	const part = (pick) => `${format(percentile(rows.map(pick), 0.5))}${format(percentile(rows.map(pick), 0.95))}`;
	console.log(`${name.padEnd(14)}${part((row) => row.age)}  ${part((row) => row.received)}  ${part((row) => row.age - row.received)}   ${rest}`);
}

async function main() {
	const { values } = parseArgs({
		options: {
			rounds: { type: 'string', default: '3' },
			frames: { type: 'string', default: '300' },
			size: { type: 'string', default: '1280x720' },
			kbps: { type: 'string', default: '2500' },
			settle: { type: 'string', default: '6' },
			sound: { type: 'boolean', default: false },
			help: { type: 'boolean', default: false },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return;
	}
	const [width, height] = values.size.split('x').map(Number);
	const server = await Server.start();
	const { host: token } = await server.room('glass');
	const browser = await launch();
	const setup = script([burningCamera, { width, height }], stripReader, [pair, { kbps: Number(values.kbps), sound: values.sound }], [measuring, { sound: values.sound }]);
	const page = await open(browser, `${server.base}/`, { script: setup });
	try {
		const all = { direct: [], souk: [] };
		console.log(`${''.padEnd(14)}draw-callback  draw-received  received-callback   milliseconds, p50 and p95 each; load ${loadavg()[0]}`);
		for (let round = 0; round < Number(values.rounds); round++) {
			for (const how of ['direct', 'souk']) {
				const options = { frames: Number(values.frames), settle: Number(values.settle), room: 'glass', token };
				const { rows, height: lines, freezes, lost, holdMs } = await page.evaluate(([kind, rest]) => window.measure(kind, rest), [how, options]);
				all[how].push(...rows);
				print(`${how} ${round + 1}`, rows, `${lines} lines, ${freezes} freezes, ${lost} lost, held ${holdMs.toFixed(1)}`);
			}
		}
		print('direct', all.direct, `${all.direct.length} pictures`);
		print('souk', all.souk, `${all.souk.length} pictures; load ${loadavg()[0]}`);
		for (const share of [0.5, 0.95]) {
			const [with_, without] = [all.souk, all.direct].map((rows) => percentile(rows.map((row) => row.age), share));
			console.log(`Souk adds ${(with_ - without).toFixed(1)} ms at p${share * 100}`);
		}
	} finally {
		await browser.close();
		await server.stop();
	}
}

await main();
