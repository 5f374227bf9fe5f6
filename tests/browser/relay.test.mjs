// Host and viewer reach soukd through coturn alone, with the credentials that came in its Links.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { goLive, launch, open, until, watch } from './support/browser.mjs';
import { Relay, hasRelay } from './support/relay.mjs';
import { Server } from './support/server.mjs';
import { keepPeers, script } from './support/strip.mjs';

const skip = hasRelay() ? false : 'skipped: coturn is not installed (deploy/deps --tests)';
let relay, server, browser, people;

before(async () => {
	if (skip) return;
	relay = await Relay.start();
	server = await Server.start({}, ['--turn-secret', relay.secret, ...relay.uris.flatMap((uri) => ['--turn', uri])]);
	people = await server.room('relay');
	browser = await launch('--ignore-certificate-errors');
});
after(async () => {
	await browser?.close();
	await server?.stop();
	await relay?.stop();
});

/** In the page: its connections have no way but relays. */
function relayOnly() {
	const Real = window.RTCPeerConnection;
	window.RTCPeerConnection = class extends Real {
		constructor(configuration) {
			super({ ...configuration, iceTransportPolicy: 'relay' });
		}
		setConfiguration(configuration) {
			super.setConfiguration({ ...configuration, iceTransportPolicy: 'relay' });
		}
	};
}

/** And of those the ones by TLS alone, as where everything else is blocked. */
function tlsOnly() {
	const Real = window.RTCPeerConnection;
	const kept = ({ iceServers = [], ...rest }) => {
		const inTls = (server) => ({ ...server, urls: [server.urls].flat().filter((url) => url.startsWith('turns:')) });
		return { ...rest, iceServers: iceServers.map(inTls).filter(({ urls }) => urls.length > 0) };
	};
	window.RTCPeerConnection = class extends Real {
		constructor(configuration = {}) {
			super(kept(configuration));
		}
		setConfiguration(configuration) {
			super.setConfiguration(kept(configuration));
		}
	};
}

/** The pair that the page's connection uses, and what goes over it. */
const path = (page) => page.evaluate(async () => {
	const stats = await window.peers.at(-1).getStats();
	const all = [...stats.values()];
	const pair = stats.get(all.find(({ type }) => type === 'transport')?.selectedCandidatePairId);
	const { framesDecoded } = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video') ?? {};
	return { framesDecoded, local: stats.get(pair?.localCandidateId), remote: stats.get(pair?.remoteCandidateId) };
});

const behindRelay = { script: script(keepPeers, relayOnly) };

test('a host goes live through the relay', { skip }, async () => {
	const studio = await goLive(browser, server, 'relay', people.host, behindRelay);
	const { local } = await path(studio);
	assert.equal(local.candidateType, 'relay');
	assert.ok(relay.uris.includes(local.url));
});

test('a viewer watches through the relay', { skip }, async () => {
	const page = await watch(browser, server, 'relay', '', behindRelay);
	const { framesDecoded } = await until(page, 'pictures', async () => {
		const seen = await path(page);
		return seen.framesDecoded >= 30 && seen;
	});
	const { local, remote } = await path(page);
	console.log(`# ${framesDecoded} pictures by ${local.candidateType} ${local.address}:${local.port} from ${remote.address}:${remote.port}`);
	assert.equal(local.candidateType, 'relay');
	assert.ok(relay.uris.includes(local.url));
	assert.ok(server.ready.udp.includes(`${remote.address}:${remote.port}`), 'what the relay speaks to is soukd');
});

test('a viewer watches through the relay by TLS', { skip }, async () => {
	const page = await watch(browser, server, 'relay', '', { script: script(keepPeers, tlsOnly, relayOnly) });
	await until(page, 'pictures', async () => (await path(page)).framesDecoded >= 30);
	const { local } = await path(page);
	assert.equal(local.candidateType, 'relay');
	assert.equal(local.relayProtocol, 'tls');
	assert.equal(local.url, relay.tlsUri);
});

test('coturn refuses who knows no secret, and credentials whose time is over', { skip }, async () => {
	const page = await open(browser, `${server.base}/api/rooms/relay`);
	const inAnHour = Math.floor(Date.now() / 1000) + 3600;
	/** Its relayed candidates and the codes of its errors, once all is gathered. */
	const gather = (credentials) => page.evaluate(async (iceServer) => {
		const peer = new RTCPeerConnection({ iceServers: [iceServer], iceTransportPolicy: 'relay' });
		const found = { relays: 0, errors: [] };
		peer.onicecandidateerror = ({ errorCode }) => found.errors.push(errorCode);
		peer.addTransceiver('video', { direction: 'recvonly' });
		const gathered = new Promise((done) => (peer.onicecandidate = ({ candidate }) => (candidate?.candidate ? found.relays++ : done())));
		await peer.setLocalDescription();
		await gathered;
		peer.close();
		return found;
	}, { urls: relay.uris[0], ...credentials });
	const good = relay.credentials(inAnHour);
	assert.ok((await gather(good)).relays > 0);
	for (const bad of [{ ...good, credential: 'made-up' }, relay.credentials(inAnHour - 7200)]) {
		const { relays, errors } = await gather(bad);
		assert.equal(relays, 0);
		assert.deepEqual([...new Set(errors)], [401]);
	}
});
