// Time burnt into the picture: a row of 24 black and white blocks along its top edge, read back from the
// presented frame. White, black, 21 bits of milliseconds, even parity. The functions run inside pages.
import { cpus, loadavg } from 'node:os';

/** Replaces the camera by a canvas that shows when each of its pictures was drawn, 30 a second. `grain` costs much CPU. */
export function burningCamera({ width, height, grain = false }) {
	const noise = Object.assign(document.createElement('canvas'), { width: 256, height: 256 });
	const pixels = new ImageData(256, 256);
	for (let index = 0; index < pixels.data.length; index++) pixels.data[index] = index % 4 === 3 ? 255 : Math.random() * 256;
	noise.getContext('2d').putImageData(pixels, 0, 0);
	const draw = (context, time) => {
		const bits = [1, 0];
		const value = Math.floor(time) % 2 ** 21;
		for (let bit = 20; bit >= 0; bit--) bits.push((value >> bit) & 1);
		bits.push(bits.slice(2).reduce((sum, bit) => sum ^ bit, 0));
		const block = width / bits.length;
		bits.forEach((bit, index) => {
			context.fillStyle = bit ? '#fff' : '#000';
			context.fillRect(Math.round(index * block), 0, Math.ceil(block), height / 10);
		});
		// Something that moves, so that the encoder has work; with grain as much as from a real camera.
		context.fillStyle = `hsl(${(time / 20) % 360} 60% 45%)`;
		context.fillRect(0, height / 10, width, height);
		context.fillStyle = '#fff';
		context.fillRect((time / 4) % width, height / 2, width / 10, height / 10);
		if (!grain) return;
		context.globalAlpha = 0.12;
		const shift = () => -Math.floor(Math.random() * 64);
		for (let x = shift(); x < width; x += noise.width) {
			for (let y = Math.ceil(height / 10); y < height; y += noise.height) context.drawImage(noise, x, y);
		}
		context.globalAlpha = 1;
	};
	window.burntStream = () => {
		const canvas = Object.assign(document.createElement('canvas'), { width, height });
		const context = canvas.getContext('2d', { alpha: false });
		const stream = canvas.captureStream(0);
		const [track] = stream.getVideoTracks();
		let next = performance.now();
		const tick = () => {
			next += 1000 / 30;
			draw(context, performance.timeOrigin + performance.now());
			track.requestFrame();
			setTimeout(tick, Math.max(0, next - performance.now()));
		};
		tick();
		return stream;
	};
	window.burntCamera = () => {
		const stream = window.burntStream();
		const audio = new AudioContext();
		const tone = audio.createOscillator();
		const output = audio.createMediaStreamDestination();
		tone.connect(output);
		tone.start();
		stream.addTrack(output.stream.getAudioTracks()[0]);
		return stream;
	};
	navigator.mediaDevices.getUserMedia = () => Promise.resolve(window.burntCamera());
}

/** Gives the page `readStrip(video)`: milliseconds UTC at which the frame on screen was drawn, or null. */
export function stripReader() {
	const canvas = Object.assign(document.createElement('canvas'), { width: 240, height: 8 });
	const context = canvas.getContext('2d', { willReadFrequently: true });
	window.readStrip = (video) => {
		if (!video.videoWidth) return null;
		context.drawImage(video, 0, video.videoHeight * 0.02, video.videoWidth, video.videoHeight * 0.06, 0, 0, 240, 8);
		const { data } = context.getImageData(0, 4, 240, 1);
		const bits = Array.from({ length: 24 }, (_, index) => (data[(index * 10 + 5) * 4 + 1] > 127 ? 1 : 0));
		const parity = bits.slice(2).reduce((sum, bit) => sum ^ bit, 0);
		if (bits[0] !== 1 || bits[1] !== 0 || parity !== 0) return null;
		const value = bits.slice(2, 23).reduce((sum, bit) => sum * 2 + bit, 0);
		const now = performance.timeOrigin + performance.now();
		const turn = 2 ** 21;
		return value + Math.round((now - value) / turn) * turn;
	};
}

/** Keeps the page's peer connections for their statistics. */
export function keepPeers() {
	window.peers = [];
	const Real = window.RTCPeerConnection;
	window.RTCPeerConnection = class extends Real {
		constructor(...options) {
			super(...options);
			window.peers.push(this);
		}
	};
}

/**
 * Gives the page `watchStrip(video)`, a running list of presented frames {drawn, at, index}, and what
 * depends on it: `agesOf(count)`.
 */
export function stripWatcher() {
	window.shownFrames = [];
	window.watchStrip = (video) => {
		const onFrame = () => {
			video.requestVideoFrameCallback(onFrame);
			const drawn = window.readStrip(video);
			if (drawn !== null) window.shownFrames.push({ drawn, at: performance.timeOrigin + performance.now() });
		};
		video.requestVideoFrameCallback(onFrame);
	};
	window.agesOf = async (count) => {
		const start = window.shownFrames.length;
		while (window.shownFrames.length < start + count) await new Promise((done) => setTimeout(done, 50));
		return window.shownFrames.slice(start, start + count).map(({ drawn, at }) => at - drawn);
	};
}

/** The picture of a room page, watched. */
export function watchRoom() {
	window.watchStrip(document.querySelector('souk-room').shadowRoot.querySelector('video'));
}

export const script = (...functions) => functions.map((entry) => (Array.isArray(entry) ? `(${entry[0]})(${JSON.stringify(entry[1])});` : `(${entry})();`)).join('\n');

export function percentile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Something else wants the processor: what is measured then says little about Souk. */
export const isBusy = () => loadavg()[0] > 2 * cpus().length;
