// libdatachannel as a client: node libdatachannel.mjs view|host URL TOKEN
// view: prints what has come so far, each second, as JSON. host: sends RTP that comes to the ports that it prints.
import { createSocket } from "node:dgram";
import { createRequire } from "node:module";

const ndc = createRequire(new URL("../../web/package.json", import.meta.url))("node-datachannel");
const [role, url, token] = process.argv.slice(2);
const hosts = role === "host";
const direction = hosts ? "SendOnly" : "RecvOnly";
const connection = new ndc.PeerConnection(role, { iceServers: [] });

const video = new ndc.Video("video", direction);
video.addH264Codec(102, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
const audio = new ndc.Audio("audio", direction);
audio.addOpusCodec(111);
if (hosts) {
  video.addSSRC(1111, "host", "show", "video");
  audio.addSSRC(2222, "host", "show", "audio");
}
const tracks = { video: connection.addTrack(video), audio: connection.addTrack(audio) };
const count = { video: 0, audio: 0, messages: 0 };

async function feed(kind) {
  const socket = createSocket("udp4");
  socket.on("message", (packet) => {
    if (tracks[kind].isOpen()) tracks[kind].sendMessageBinary(packet);
  });
  await new Promise((bound) => socket.bind(0, "127.0.0.1", bound));
  return socket.address().port;
}

async function negotiate() {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
    body: connection.localDescription().sdp,
  });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`${answer.status} ${text}`);
  connection.setRemoteDescription(text, "answer");
}

connection.onGatheringStateChange((state) => {
  if (state === "complete") void negotiate();
});
if (hosts) {
  console.log(JSON.stringify({ video: await feed("video"), audio: await feed("audio") }));
  connection.setLocalDescription();
} else {
  for (const kind of ["video", "audio"]) tracks[kind].onMessage(() => count[kind]++);
  const channel = connection.createDataChannel("souk"); // makes the offer
  channel.onMessage(() => count.messages++);
  setInterval(() => console.log(JSON.stringify({ ...count, open: channel.isOpen() })), 1000);
}
