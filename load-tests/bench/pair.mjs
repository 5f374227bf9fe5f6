// A host and a viewer in one page of Chromium, directly or with Souk between them.

/** Gives the page `connectPair(how, stream, {room, token})`: `direct` or `souk`; the viewer, its <video>, and how to end both. */
export function pair({ kbps, sound }) {
	const post = async (path, pc, token) => {
		const headers = { 'Content-Type': 'application/sdp', ...(token ? { Authorization: `Bearer ${token}` } : {}) };
		await pc.setLocalDescription();
		const reply = await fetch(path, { method: 'POST', headers, body: pc.localDescription.sdp });
		if (reply.status !== 201) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
		await pc.setRemoteDescription({ type: 'answer', sdp: await reply.text() });
		return reply.headers.get('Location');
	};
	const send = (pc, stream) => {
		for (const track of stream.getTracks()) {
			const video = track.kind === 'video';
			const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], ...(video ? { sendEncodings: [{ maxBitrate: kbps * 1000 }] } : {}) });
			if (!video) continue;
			const { codecs } = RTCRtpSender.getCapabilities('video');
			transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /h264|rtx/i.test(mimeType)));
		}
	};
	const connected = (pc) => new Promise((done, fail) => {
		pc.onconnectionstatechange = () => {
			if (pc.connectionState === 'connected') done();
			else if (pc.connectionState === 'failed') fail(new Error('connection failed'));
		};
	});
	const direct = async (host, viewer) => {
		host.onicecandidate = ({ candidate }) => candidate && viewer.addIceCandidate(candidate);
		viewer.onicecandidate = ({ candidate }) => candidate && host.addIceCandidate(candidate);
		await host.setLocalDescription();
		await viewer.setRemoteDescription(host.localDescription);
		await viewer.setLocalDescription();
		await host.setRemoteDescription(viewer.localDescription);
	};
	const throughSouk = async (host, viewer, room, token) => {
		const up = connected(host);
		const sessions = [[await post(`/whip/${room}`, host, token), token]];
		await up;
		for (const kind of sound ? ['audio', 'video'] : ['video']) viewer.addTransceiver(kind, { direction: 'recvonly' });
		for (let tries = 40; ; tries--) {
			try {
				sessions.push([await post(`/whep/${room}`, viewer)]);
				return sessions;
			} catch (error) {
				if (!tries) throw error;
				await new Promise((done) => setTimeout(done, 100));
			}
		}
	};
	window.connectPair = async (how, stream, { room, token }) => {
		const [host, viewer] = [new RTCPeerConnection(), new RTCPeerConnection()];
		const video = Object.assign(document.createElement('video'), { muted: true });
		const shown = new MediaStream();
		document.body.append(video);
		viewer.ontrack = ({ track }) => {
			shown.addTrack(track);
			video.srcObject = shown;
			void video.play();
		};
		send(host, stream);
		const sessions = how === 'direct' ? await direct(host, viewer) : await throughSouk(host, viewer, room, token);
		const end = async () => {
			for (const [location, bearer] of sessions ?? []) await fetch(location, { method: 'DELETE', headers: bearer ? { Authorization: `Bearer ${bearer}` } : {} });
			host.close();
			viewer.close();
			video.remove();
		};
		return { viewer, video, end };
	};
}
