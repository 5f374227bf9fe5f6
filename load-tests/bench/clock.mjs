#!/usr/bin/env node
// A card and its picture at every output: the time burnt into the frame on screen tells how far off the card is, and how
// old the picture.
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { goLive, launch, open, until, watch } from '../../tests/browser/support/browser.mjs';
import { cardError, drawnTimes, noteCards, pinCards, settled } from '../../tests/browser/support/cards.mjs';
import { playHls } from '../../tests/browser/support/hls-js.mjs';
import { Server } from '../../tests/browser/support/server.mjs';
import { burningCamera, percentile, script, stripReader, stripWatcher, watchRoom } from '../../tests/browser/support/strip.mjs';

const USAGE = `usage: load-tests/bench/clock.mjs [options]

A host in Chromium whose pictures tell when they were drawn goes on air and is recorded; a viewer in Chromium watches by
each output in turn while cards are pinned, several a second, then the replay. Prints of each output how many presented
frames (and ms) the cards came before or after the first picture drawn at or after their time, and the age of pictures.

  --cards N      for each output (default 300)
  --size WxH     of the host's picture (default 1280x720)
  --only A,B     of whep, rung, flv, ll-hls, replay (which plays what was pinned for the others)
  --json FILE    writes the rows
  --help

SOUKD: the server (default build/release/bin/soukd); SOUK_WEB, CHROMIUM as for tests/browser/run.`;

const ROOM = 'clock';
const RUNG = '540p';
const HLS_EVERY_MS = 200; // a playlist lists 256 events at most
/** What must hold: event error, and age of a picture at p95. */
const MUST = {
	whep: { frames: 1 },
	rung: { frames: 1, ageMs: 120 },
	flv: { frames: 2, ageMs: 700 },
	'll-hls': { ms: 100, ageMs: 2_000 },
	replay: { frames: 2 },
};

/** In the page: where its WHEP session is. */
function keepSession() {
	const real = window.fetch;
	window.fetch = async (...request) => {
		const reply = await real(...request);
		if (reply.status === 201 && reply.headers.get('Location')?.includes('/whep/')) window.session = reply.headers.get('Location');
		return reply;
	};
}

async function askRung(page) {
	const ask = async (rid) => (await fetch(`${window.session}/layer`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ rid }) })).status;
	await until(page, `the rung ${RUNG}`, async () => (await page.evaluate(ask, RUNG)) === 200);
	const lines = Number.parseInt(RUNG, 10);
	await until(page, 'its picture', () => page.evaluate((height) => document.querySelector('souk-room').shadowRoot.querySelector('video').videoHeight === height, lines));
}

class Bench {
	constructor(server, browser, people, count) {
		Object.assign(this, { server, browser, people, count, events: [] });
	}

	async pin(everyMs) {
		const events = await pinCards(this.server, ROOM, this.people.host, { count: this.count, everyMs });
		this.events.push(...events);
		return events;
	}

	/** The room page tells itself when a card is due. */
	async page(query, rung) {
		const page = await watch(this.browser, this.server, ROOM, query, { script: script(keepSession, stripReader, stripWatcher) });
		if (rung) await askRung(page);
		await page.waitForTimeout(6_000);
		await page.evaluate(watchRoom);
		await page.evaluate(noteCards);
		const events = await this.pin();
		await until(page, 'all cards', async () => (await page.evaluate(() => window.cards.length)) >= events.length);
		const { cards, frames } = await page.evaluate(() => ({ cards: window.cards, frames: window.shownFrames }));
		await page.context().close();
		const times = drawnTimes(frames);
		const pairs = cards.map(({ drawn_us }, index) => [drawn_us / 1000, events[index].at_us / 1000]);
		return { errors: pairs.filter(([drawn]) => drawn > 0).map(([drawn, at]) => cardError(times, drawn, at)), ages: frames.map(({ drawn, at }) => at - drawn) };
	}

	/** A page with hls.js: a card is due with the first picture at or after its cue. */
	async hls(url, begin) {
		const page = await open(this.browser, `${this.server.base}/api/rooms/${ROOM}`, { script: script(stripReader) });
		await playHls(page, url);
		await until(page, 'a picture', () => page.evaluate(() => window.frames.length > 0));
		const events = await begin(page);
		const last = events.at(-1).id;
		const done = (id) => window.cues.has(id) && (window.frames.at(-1)?.mediaTime > window.cues.get(id).at + 0.2 || window.video.ended);
		await until(page, 'the cards', () => page.evaluate(done, last), this.count * HLS_EVERY_MS + 60_000);
		const { cues, frames, fatal } = await page.evaluate(() => ({ cues: [...window.cues], frames: window.frames, fatal: window.fatal }));
		await page.context().close();
		if (fatal.length) throw new Error(`hls.js: ${fatal}`);
		const at = new Map(cues.map(([id, cue]) => [id, cue.at]));
		const times = drawnTimes(frames);
		const shown = ({ id, at_us }) => ({ at_us, frame: frames.find(({ mediaTime }) => mediaTime >= at.get(id)) });
		const errors = events.map(shown).filter(({ frame }) => frame).map(({ frame, at_us }) => cardError(times, frame.drawn, at_us / 1000));
		return { errors, ages: frames.map((frame) => frame.at - frame.drawn) };
	}

	live() {
		return this.hls(`${this.server.base}/hls/${ROOM}/index.m3u8`, async (page) => {
			await page.waitForTimeout(8_000); // hls.js finds its distance
			await page.evaluate(() => window.frames.splice(0));
			return this.pin(HLS_EVERY_MS);
		});
	}

	/** What was pinned for the output before, once the show is over. */
	async replay() {
		await new Promise((done) => setTimeout(done, 1_000)); // what was pinned last is recorded
		await this.server.api('POST', `/api/rooms/${ROOM}/end`, this.people.host, {});
		const { items: [{ url }] } = await this.server.api('GET', `/api/rooms/${ROOM}/recordings`);
		const events = this.events.slice(-this.count);
		const played = await this.hls(new URL(url, this.server.base).href, async (page) => {
			await until(page, 'the timeline', () => page.evaluate((id) => window.cues.has(id), events[0].id));
			await page.evaluate((id) => (window.video.currentTime = Math.max(0, window.cues.get(id).at - 2)), events[0].id);
			await page.waitForTimeout(1_000);
			await page.evaluate(() => window.frames.splice(0));
			return events;
		});
		return { ...played, ages: [] };
	}
}

function row(name, { errors, ages }) {
	const sizes = (pick) => errors.map((error) => Math.abs(pick(error)));
	const spread = (values) => ({ p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: Math.max(...values) });
	const found = { output: name, events: errors.length, frames: spread(sizes(({ frames }) => frames)), ms: spread(sizes(({ ms }) => ms)) };
	found.sooner = errors.filter(({ frames }) => frames < 0).length;
	found.age = ages.length ? { p50: percentile(ages, 0.5), p95: percentile(ages, 0.95) } : null;
	const must = MUST[name];
	const bound = must.frames ? found.frames.p99 <= must.frames : found.ms.p99 <= must.ms;
	found.must = must;
	found.held = bound && (!must.ageMs || found.age.p95 <= must.ageMs);
	return found;
}

function print({ output, events, sooner, frames, ms, age, must, held }) {
	const cell = (value, digits = 0) => value.toFixed(digits).padStart(6);
	const three = (of, digits) => `${cell(of.p50, digits)}${cell(of.p99, digits)}${cell(of.max, digits)}`;
	const wants = [must.frames ? `p99 ${must.frames} frames` : `p99 ${must.ms} ms`, ...(must.ageMs ? [`age p95 ${must.ageMs} ms`] : [])];
	console.log(`${output.padEnd(8)}${cell(events)}${cell(sooner)}  ${three(frames)}  ${three(ms)}  ${age ? cell(age.p50) + cell(age.p95) : '     –     –'}   ${held ? 'held' : 'NOT HELD'}: ${wants.join(', ')}`);
}

async function main() {
	const { values } = parseArgs({
		options: {
			cards: { type: 'string', default: '300' },
			size: { type: 'string', default: '1280x720' },
			only: { type: 'string', default: Object.keys(MUST).join(',') },
			json: { type: 'string' },
			help: { type: 'boolean', default: false },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return;
	}
	const [width, height] = values.size.split('x').map(Number);
	const server = await Server.start();
	const browser = await launch();
	const rows = [];
	try {
		const people = await server.room(ROOM, { record: true });
		const studio = await goLive(browser, server, ROOM, people.host, { script: script([burningCamera, { width, height }]) });
		await settled(studio, ROOM);
		const bench = new Bench(server, browser, people, Number(values.cards));
		const outputs = { whep: () => bench.page(''), rung: () => bench.page('', true), flv: () => bench.page('?play=flv'), 'll-hls': () => bench.live(), replay: () => bench.replay() };
		console.log(`${''.padEnd(8)}events early  frames off        ms off             age of picture\n${''.padEnd(22)}${'   p50   p99   max  '.repeat(2)}   p50   p95   load ${loadavg()[0]}`);
		for (const name of Object.keys(MUST).filter((output) => values.only.split(',').includes(output))) {
			rows.push(row(name, await outputs[name]()));
			print(rows.at(-1));
		}
	} finally {
		await browser.close();
		await server.stop();
	}
	if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
	if (rows.some(({ held }) => !held)) process.exitCode = 1;
}

await main();
