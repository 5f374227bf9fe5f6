// hls.js with the timeline that comes in its playlists.
import { fileURLToPath } from 'node:url';

const HLS_JS = fileURLToPath(new URL('../../../web/node_modules/hls.js/dist/hls.min.js', import.meta.url));

/** Plays in the page and keeps what is presented and which cues come. */
function play(url) {
	const video = Object.assign(document.createElement('video'), { muted: true });
	document.body.append(video);
	const hls = new window.Hls({ lowLatencyMode: true });
	window.cues = new Map();
	window.frames = [];
	window.fatal = [];
	window.hls = hls;
	window.video = video;
	hls.on(window.Hls.Events.ERROR, (_, { fatal, details }) => fatal && window.fatal.push(details));
	const note = ({ target }) => {
		for (const cue of target.cues ?? []) if (cue.value?.key === 'X-SOUK-MESSAGE') window.cues.set(cue.id, { at: cue.startTime, message: atob(cue.value.data) });
	};
	video.textTracks.addEventListener('addtrack', ({ track }) => {
		track.mode = 'hidden';
		window.track = track;
	});
	// A playlist that comes but once gets no cues from hls.js, which knows the dates all the same.
	const noteWhole = ({ live, dateRanges }) => {
		for (const [id, { startTime, attr }] of Object.entries(live ? {} : dateRanges)) window.cues.set(id, { at: startTime, message: atob(attr['X-SOUK-MESSAGE']) });
	};
	setInterval(() => {
		if (window.track) note({ target: window.track });
		if (hls.latestLevelDetails) noteWhole(hls.latestLevelDetails);
	}, 50);
	const onFrame = (_now, { mediaTime }) => {
		video.requestVideoFrameCallback(onFrame);
		const drawn = window.readStrip(video);
		if (drawn !== null) window.frames.push({ drawn, mediaTime, at: performance.timeOrigin + performance.now() });
	};
	video.requestVideoFrameCallback(onFrame);
	hls.loadSource(url);
	hls.attachMedia(video);
	void video.play();
}

/** The page has stripReader. */
export async function playHls(page, url) {
	await page.addScriptTag({ path: HLS_JS });
	await page.evaluate(play, url);
}
