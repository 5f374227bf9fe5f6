const LINK = /<([^>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",;]*))*)/g;
const PARAMETER = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))/g;

/** The STUN and TURN servers of a WHIP or WHEP answer's Link fields (RFC 9725 section 4.6), joined as fetch() joins them. */
export function iceServers(links: string | null): RTCIceServer[] {
  return [...(links ?? '').matchAll(LINK)].flatMap(([, urls = '', list = '']) => {
    const parameters = new Map([...list.matchAll(PARAMETER)].map(([, name = '', quoted, plain]) => [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']));
    const { rel, username, credential } = Object.fromEntries(parameters);
    if (!rel?.split(' ').includes('ice-server')) return [];
    if (/^stuns?:/i.test(urls)) return [{ urls }];
    return /^turns?:/i.test(urls) && username !== undefined && credential !== undefined ? [{ urls, username, credential }] : [];
  });
}
