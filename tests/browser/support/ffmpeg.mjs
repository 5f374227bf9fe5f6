// ffmpeg as a host over RTMP: 720p30 without B-frames, AAC.
import { spawn, spawnSync } from 'node:child_process';

export function hasFfmpeg() {
	return spawnSync('ffmpeg', ['-version']).status === 0;
}

export function publish(server, room, token, seconds = 120) {
	const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-profile:v', 'baseline', '-g', '30', '-pix_fmt', 'yuv420p', '-b:v', '1500k'];
	const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
	const url = `rtmp://${server.ready.rtmp}/live/${room}?token=${token}`;
	const args = ['-loglevel', 'error', ...input, '-t', String(seconds), ...video, '-c:a', 'aac', '-f', 'flv', url];
	const child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] });
	let errors = '';
	child.stderr.on('data', (text) => (errors += text));
	const ended = new Promise((resolve) => child.once('exit', resolve));
	return {
		get errors() {
			return errors;
		},
		async stop(signal = 'SIGKILL') {
			child.kill(signal);
			await ended;
		},
	};
}
