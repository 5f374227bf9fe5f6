// Debian's coturn on loopback, with a secret that it shares with soukd.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TURNSERVER = '/usr/bin/turnserver';
const READY_MS = 10_000;

export const hasRelay = () => existsSync(TURNSERVER);

/** coturn takes no port 0; it wants the same number by UDP, where conflicts are as rare. */
function freePort() {
	return new Promise((done, fail) => {
		const probe = createServer().once('error', fail);
		probe.listen(0, '127.0.0.1', () => {
			const { port } = probe.address();
			probe.close(() => done(port));
		});
	});
}

function answers(port) {
	return new Promise((done) => {
		const probe = connect(port, '127.0.0.1', () => done(true)).once('error', () => done(false));
		probe.once('close', () => undefined).once('connect', () => probe.destroy());
	});
}

/** A certificate that nobody knows: the browser is told to take any. */
function selfSigned(folder) {
	const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name));
	const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=souk.test'];
	execFileSync('openssl', ['req', '-x509', ...how, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
	return ['--cert', certificate, '--pkey', key];
}

export class Relay {
	static async start() {
		const relay = new Relay();
		relay.secret = 'between-coturn-and-soukd';
		relay.port = await freePort();
		relay.tlsPort = await freePort();
		relay.data = mkdtempSync(join(tmpdir(), 'souk-relay-'));
		const files = ['--pidfile', join(relay.data, 'pid'), '--userdb', join(relay.data, 'db'), '--log-file', 'stdout'];
		const shown = ['--use-auth-secret', '--static-auth-secret', relay.secret, '--realm', 'souk.test'];
		const where = ['--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--listening-port', String(relay.port), '--tls-listening-port', String(relay.tlsPort)];
		const peers = ['--denied-peer-ip', '0.0.0.0-255.255.255.255', '--allowed-peer-ip', '127.0.0.1', '--allow-loopback-peers'];
		relay.process = spawn(TURNSERVER, ['-n', '--no-cli', '--no-dtls', ...selfSigned(relay.data), ...files, ...shown, ...where, ...peers], { stdio: ['ignore', 'pipe', 'pipe'] });
		relay.said = '';
		for (const output of [relay.process.stdout, relay.process.stderr]) output.on('data', (text) => (relay.said = (relay.said + text).slice(-100_000)));
		relay.ended = new Promise((resolve) => relay.process.once('exit', resolve));
		const end = Date.now() + READY_MS;
		while (!(await answers(relay.port))) {
			if (Date.now() > end || relay.process.exitCode !== null) throw new Error(`coturn is not ready: ${relay.said.slice(-2000)}`);
			await new Promise((done) => setTimeout(done, 20));
		}
		return relay;
	}

	get uris() {
		const plain = ['udp', 'tcp'].map((transport) => `turn:127.0.0.1:${this.port}?transport=${transport}`);
		return [...plain, this.tlsUri];
	}

	get tlsUri() {
		return `turns:127.0.0.1:${this.tlsPort}?transport=tcp`;
	}

	/** What soukd would make: good until then (seconds since 1970). */
	credentials(expiry) {
		const username = `${expiry}:anna`;
		return { username, credential: createHmac('sha1', this.secret).update(username).digest('base64') };
	}

	async stop() {
		this.process.kill();
		const timer = setTimeout(() => this.process.kill('SIGKILL'), 5_000);
		await this.ended;
		clearTimeout(timer);
		rmSync(this.data, { recursive: true, force: true });
	}
}
