import { describe, expect, test } from 'vitest';
import { iceServers } from './ice-servers.js';

describe('iceServers', () => {
  test('takes the servers out of all links of an answer', () => {
    const links = [
      '<stun:stun.example:3478>; rel="ice-server"',
      '<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="1795226335:bob"; credential="q+/w="; credential-type="password"',
      '<turns:[2001:db8::1]:443?transport=tcp>; rel=ice-server; username=1:a; credential=b',
      '</whep/demo/1-a/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive"',
    ].join(', ');
    expect(iceServers(links)).toEqual([
      { urls: 'stun:stun.example:3478' },
      { urls: 'turn:turn.example:3478?transport=udp', username: '1795226335:bob', credential: 'q+/w=' },
      { urls: 'turns:[2001:db8::1]:443?transport=tcp', username: '1:a', credential: 'b' },
    ]);
  });

  test('knows quotes with commas and quotes in them', () => {
    expect(iceServers('<turn:a>; username="x,y;\\"z"; credential="1"; rel="next ice-server"')).toEqual([{ urls: 'turn:a', username: 'x,y;"z', credential: '1' }]);
  });

  test.each([null, '', '<turn:a>; rel="ice-server"', '<http://a>; rel="ice-server"', '<stun:a>; rel="not-ice-server"', '<stun:a', 'stun:a; rel=ice-server'])('%j names none', (links) => {
    expect(iceServers(links)).toEqual([]);
  });
});
