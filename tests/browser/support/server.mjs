// A real soukd on free ports with an empty data directory.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SOUKD = process.env.SOUKD ?? 'build/release/bin/soukd';
const WEB = process.env.SOUK_WEB ?? 'web/dist';
const READY_MS = 15_000;
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** Environment of a server whose wall clock is ahead of everybody's by so many seconds; null without libfaketime. */
export function wrongClock(seconds) {
	if (!existsSync(FAKETIME)) return null;
	return { LD_PRELOAD: FAKETIME, FAKETIME: `+${seconds}s`, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

export class Server {
	/** `env` is added to the server's own environment, `options` to what it is started with. */
	static async start(env = {}, options = []) {
		const server = new Server();
		server.data = mkdtempSync(join(tmpdir(), 'souk-browser-'));
		await server.run({ ...process.env, ...env }, options);
		return server;
	}

	async run(env, options) {
		const any = ['--http', '127.0.0.1:0', '--rtmp', '127.0.0.1:0', '--udp', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--admit-load', '100'];
		this.errors = '';
		this.process = spawn(SOUKD, ['--data', this.data, '--web', WEB, ...any, ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
		this.process.stderr.on('data', (text) => (this.errors = (this.errors + text).slice(-200_000)));
		this.ended = new Promise((resolve) => this.process.once('exit', resolve));
		const timer = setTimeout(() => this.process.kill('SIGKILL'), READY_MS);
		for await (const line of createInterface({ input: this.process.stdout })) {
			if (!line.startsWith('ready ')) continue;
			clearTimeout(timer);
			this.ready = JSON.parse(line.slice(6));
			this.base = `http://${this.ready.http}`;
			this.process.stdout.resume();
			return;
		}
		clearTimeout(timer);
		throw new Error(`soukd did not become ready: ${this.errors}`);
	}

	async stop() {
		this.process.kill('SIGTERM');
		const timer = setTimeout(() => this.process.kill('SIGKILL'), 20_000);
		const status = await this.ended;
		clearTimeout(timer);
		rmSync(this.data, { recursive: true, force: true });
		if (status !== 0) throw new Error(`soukd ended with ${status}: ${this.errors.slice(-4000)}`);
	}

	token(room, role, sub) {
		const options = ['token', '--data', this.data, '--room', room, '--role', role, '--sub', sub, '--ttl', '1h'];
		return execFileSync(SOUKD, options, { encoding: 'utf8' }).trim();
	}

	async api(method, path, token, body, headers = {}) {
		const init = { method, headers: { ...headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) } };
		if (body !== undefined) {
			init.body = JSON.stringify(body);
			init.headers['Content-Type'] = 'application/json';
		}
		const answer = await fetch(this.base + path, init);
		const text = await answer.text();
		if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
		return text ? JSON.parse(text) : null;
	}

	/** A room with two products; answers with tokens for its people. */
	async room(id, settings = {}) {
		const admin = this.token('*', 'admin', 'root');
		await this.api('POST', '/api/rooms', admin, { id, title: `Room ${id}`, guest_orders: true, ...settings });
		for (const [sku, title, minor] of [['A1', 'Longjing', 19900], ['B1', 'Gaiwan', 45900]]) {
			await this.api('POST', `/api/rooms/${id}/products`, admin, { sku, title, price: { minor, cur: 'CNY' }, stock: 100 });
		}
		return { admin, host: this.token(id, 'host', 'host-1'), viewer: this.token(id, 'viewer', 'viewer-1') };
	}
}
