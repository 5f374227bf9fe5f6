// Flash and beep of the same instant, once a second: shown by a host, found by a viewer. The functions run inside pages.

/** Gives the page `markedStream()`: a picture, 30 a second, that is white while its beep sounds. */
export function markingHost({ width, height }) {
	const RATE = 30;
	const beeps = (audio) => {
		const buffer = audio.createBuffer(1, audio.sampleRate, audio.sampleRate);
		const samples = buffer.getChannelData(0);
		for (let index = 0; index < audio.sampleRate / 10; index++) samples[index] = 0.6 * Math.sin((2 * Math.PI * 1000 * index) / audio.sampleRate);
		return Object.assign(audio.createBufferSource(), { buffer, loop: true });
	};
	window.marksMade = [];
	window.markedStream = async () => {
		const audio = new AudioContext({ sampleRate: 48000 });
		const output = audio.createMediaStreamDestination();
		const source = beeps(audio);
		source.connect(output);
		await audio.resume();
		const start = audio.currentTime + 0.5;
		source.start(start);
		const canvas = Object.assign(document.createElement('canvas'), { width, height });
		const context = canvas.getContext('2d', { alpha: false });
		const stream = canvas.captureStream(0);
		const [track] = stream.getVideoTracks();
		let count = 0;
		const draw = () => {
			const lit = count % RATE < RATE / 10;
			context.fillStyle = lit ? '#fff' : `hsl(${count % 360} 60% 10%)`;
			context.fillRect(0, 0, width, height);
			track.requestFrame();
			if (count % RATE === 0) window.marksMade.push(performance.now());
			count++;
			// By the clock of the sound, which is asked anew each time.
			setTimeout(draw, Math.max(0, 1000 * (start + count / RATE - audio.currentTime)));
		};
		setTimeout(draw, 1000 * (start - audio.currentTime));
		stream.addTrack(output.stream.getAudioTracks()[0]);
		return stream;
	};
}

/** Gives the page `watchMarks(video, track)`: when flashes get on screen and beeps sound, in ms of the page. */
export function marksWatcher() {
	const LOUD = 0.2;
	const looker = (marks) => {
		const canvas = Object.assign(document.createElement('canvas'), { width: 4, height: 4 });
		const context = canvas.getContext('2d', { willReadFrequently: true });
		let lit = true; // not from the middle of one on
		return (image, at) => {
			context.drawImage(image, 0, 0, 4, 4);
			const bright = context.getImageData(1, 1, 1, 1).data[1] > 127;
			if (bright && !lit) marks.flashes.push(at);
			lit = bright;
		};
	};
	const flashes = (video, marks) => {
		const look = looker(marks);
		const onFrame = (_now, { expectedDisplayTime }) => {
			video.requestVideoFrameCallback(onFrame);
			look(video, expectedDisplayTime);
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
	/* What a page hands to WebRTC. */
	const flashesOfTrack = async (track, marks) => {
		const reader = new window.MediaStreamTrackProcessor({ track }).readable.getReader();
		const look = looker(marks);
		for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
			look(chunk.value, performance.now());
			chunk.value.close();
		}
	};
	window.watchTracks = (stream) => {
		window.marks = { flashes: [], beeps: [] };
		void flashesOfTrack(stream.getVideoTracks()[0].clone(), window.marks);
		void beepsOfTrack(stream.getAudioTracks()[0].clone(), window.marks);
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
export function pairs({ flashes, beeps }) {
	const found = [];
	for (const flash of flashes) {
		const beep = beeps.reduce((best, at) => (Math.abs(at - flash) < Math.abs(best - flash) ? at : best), Infinity);
		if (Math.abs(beep - flash) < 500) found.push([(flash - flashes[0]) / 1000, beep - flash]);
	}
	return found;
}

/** What Chromium itself says of its buffers, in ms, of the time since the last call. */
export async function buffers() {
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

