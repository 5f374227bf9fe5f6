// Cards against the pictures that they belong to: the picture itself tells when it was drawn (strip.mjs).
import { until } from './browser.mjs';

/** Waits until the room's clock is known to `errUs`: it starts with the arrival of the first picture and slews; its window is 10 s. */
export async function settled(page, room, errUs = 12_000) {
	const start = Date.now();
	await page.evaluate((id) => {
		const socket = new WebSocket(`ws://${location.host}/ws/${id}`, ['souk.v1']);
		socket.onmessage = ({ data }) => {
			for (const { type, data: clock } of [JSON.parse(data)].flat()) if (type === 'clock') window.clockErrUs = clock.err_us;
		};
	}, room);
	await page.waitForTimeout(12_000);
	await until(page, 'a good clock', () => page.evaluate((bar) => window.clockErrUs <= bar, errUs), 110_000);
	console.log(`# the clock is good to ${await page.evaluate(() => window.clockErrUs / 1000)} ms after ${(Date.now() - start) / 1000} s of watching`);
}

/** In the room page: notes each new card with the time that is burnt into the frame on screen at that instant. */
export function noteCards() {
	window.cards = [];
	const room = document.querySelector('souk-room');
	const video = room.shadowRoot.querySelector('video');
	room.addEventListener('souk-pin', ({ detail }) => window.cards.push({ ...detail, drawn_us: window.readStrip(video) * 1000 }));
}

/** Pins the two products by turns, one card every `everyMs`, each `aheadUs` before its time. The clock of the server is `offMs` ahead. */
export async function pinCards(server, room, token, { count, everyMs = 100, aheadUs = 300_000, offMs = 0 }) {
	const events = [];
	const start = performance.now();
	for (let card = 0; card < count; card++) {
		const sku = card % 2 ? 'A1' : 'B1';
		events.push(await server.api('POST', `/api/rooms/${room}/pin`, token, { sku, at_us: (Date.now() + offMs) * 1000 + aheadUs }));
		await new Promise((done) => setTimeout(done, Math.max(0, start + (card + 1) * everyMs - performance.now())));
	}
	return events;
}

/** Presented frames by the time that they were drawn at, each once. */
export const drawnTimes = (frames) => [...new Set(frames.map(({ drawn }) => drawn))].sort((a, b) => a - b);

/**
 * How far the frame that a card came with is behind (or, negative, before) the first one drawn at or after
 * the card's time, in presented frames and in ms. `frames`: drawnTimes().
 */
export function cardError(frames, drawnMs, atMs) {
	const due = frames.findIndex((drawn) => drawn >= atMs);
	const shown = frames.findIndex((drawn) => drawn >= drawnMs);
	return { frames: shown - due, ms: frames[shown] - frames[due] };
}
