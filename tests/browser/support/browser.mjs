// Debian's Chromium through playwright-core, with a camera that needs nobody.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const ARGS = [
	'--no-sandbox',
	'--use-fake-device-for-media-stream=fps=30',
	'--use-fake-ui-for-media-stream',
	'--autoplay-policy=no-user-gesture-required',
	'--allow-loopback-in-peer-connection',
];

/** `more`: flags of Chromium. */
export function launch(...more) {
	return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...ARGS, ...more] });
}

/** A page of a person of its own; what it complains about ends up in `page.faults`. */
export async function open(browser, url, { locale = 'en-US', script = null, size = { width: 1280, height: 800 } } = {}) {
	const context = await browser.newContext({ locale, viewport: size, permissions: ['camera', 'microphone'] });
	const page = await context.newPage();
	page.faults = [];
	page.on('pageerror', (error) => page.faults.push(String(error)));
	page.on('console', (message) => message.type() === 'error' && page.faults.push(message.text()));
	if (script) await page.addInitScript(script);
	await page.goto(url);
	return page;
}

/** Polls until the value is truthy; the error tells the last value and what the page said. */
export async function until(page, what, read, timeoutMs = 15_000) {
	const end = Date.now() + timeoutMs;
	let value;
	while (Date.now() < end) {
		value = await read();
		if (value) return value;
		await page.waitForTimeout(100);
	}
	throw new Error(`not within ${timeoutMs} ms: ${what} (${JSON.stringify(value)}; ${page.faults.join('; ')})`);
}

/** What the picture of the room page has done so far. */
export function picture(page) {
	return page.locator('souk-room').evaluate((element) => {
		const video = element.shadowRoot.querySelector('video');
		const quality = video.getVideoPlaybackQuality();
		return {
			kind: element.playKind,
			width: video.videoWidth,
			height: video.videoHeight,
			time: video.currentTime,
			shown: quality.totalVideoFrames - quality.droppedVideoFrames,
			dropped: quality.droppedVideoFrames,
		};
	});
}

/** The studio of a room, on air. */
export async function goLive(browser, server, room, token, options) {
	const studio = await open(browser, `${server.base}/studio?room=${room}&token=${token}`, options);
	await studio.locator('.go').click();
	await until(studio, 'on air', async () => (await studio.locator('.air-panel').getAttribute('data-state')) === 'live');
	return studio;
}

/** A viewer's page of a room with a moving picture. */
export async function watch(browser, server, room, query = '', options) {
	const page = await open(browser, `${server.base}/r/${room}${query}`, options);
	await until(page, 'a picture', async () => (await picture(page)).shown > 5);
	return page;
}
