// Our descriptions against Chromium's own: sdp_chromium.mjs SDP_TOOL. Nothing connects; what counts is that
// setRemoteDescription takes each text and what Chromium concludes from it. Exit 77 where Chromium or
// playwright-core is missing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const CHROMIUM = '/usr/bin/chromium';

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}

function loadPlaywright() {
  try {
    return createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core');
  } catch {
    return skip('no playwright-core in web/node_modules');
  }
}

if (!existsSync(CHROMIUM)) skip(`no ${CHROMIUM}`);
const { chromium } = loadPlaywright();
const tool = (verb, text = '') => execFileSync(process.argv[2], [verb], { input: text }).toString();

async function inPage() {
  const { tool } = window;

  async function answerBy(verb, pc) {
    await pc.setLocalDescription();
    const sdp = await tool(verb, pc.localDescription.sdp);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return pc.getTransceivers().map((t) => t.currentDirection);
  }

  async function viewer(data) {
    const pc = new RTCPeerConnection();
    const streams = [];
    pc.ontrack = (event) => streams.push(event.streams[0].id);
    pc.addTransceiver('audio', { direction: 'recvonly' });
    pc.addTransceiver('video', { direction: 'recvonly' });
    if (data) pc.createDataChannel('souk');
    const directions = await answerBy('whep', pc);
    const sctp = pc.sctp?.maxMessageSize ?? 0;
    pc.close();
    return { directions, streams, sctp };
  }

  async function publisher(sendEncodings) {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const pc = new RTCPeerConnection();
    pc.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly' });
    const video = pc.addTransceiver(media.getVideoTracks()[0], { direction: 'sendonly', sendEncodings });
    const directions = await answerBy('whip', pc);
    const { encodings, codecs, headerExtensions } = video.sender.getParameters();
    pc.close();
    for (const track of media.getTracks()) track.stop();
    return {
      directions,
      layers: encodings.filter((e) => e.active).map((e) => e.rid ?? ''),
      codecs: codecs.map((c) => c.mimeType),
      transportCc: headerExtensions.some((e) => e.uri.includes('transport-wide-cc')),
    };
  }

  async function counterOffer() {
    const pc = new RTCPeerConnection();
    await pc.setRemoteDescription({ type: 'offer', sdp: await tool('offer-server') });
    await pc.setLocalDescription();
    const accepted = await tool('accept-server', pc.localDescription.sdp);
    pc.close();
    return accepted;
  }

  const rids = [{ rid: 'l', scaleResolutionDownBy: 4 }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'h' }];
  return {
    viewer: await viewer(false),
    buyer: await viewer(true),
    publisher: await publisher(undefined),
    simulcast: await publisher(rids),
    counterOffer: await counterOffer(),
  };
}

const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.exposeFunction('tool', tool);
  const got = await page.evaluate(inPage);
  const sending = { directions: ['sendonly', 'sendonly'], codecs: ['video/H264', 'video/rtx'], transportCc: true };
  assert.deepEqual(got.viewer, { directions: ['recvonly', 'recvonly'], streams: ['souk', 'souk'], sctp: 0 });
  assert.deepEqual(got.buyer, { directions: ['recvonly', 'recvonly'], streams: ['souk', 'souk'], sctp: 65536 });
  assert.deepEqual(got.publisher, { ...sending, layers: [''] });
  assert.deepEqual(got.simulcast, { ...sending, layers: ['l', 'm', 'h'] });
  assert.match(got.counterOffer, /^ok audio=1 video=1 data=1/);
  console.log('ok');
} finally {
  await browser.close();
  server.close();
}
