import type { Engine } from '../../player/src/engine.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeSocket, event, installFetch, installSocket, order, problem, product, settle, state } from '../../core/src/testing/fake-server.js';

const engines: Engine[] = [];
vi.mock('../../player/src/whep-player.js', async () => {
  const { Engine: Base } = await import('../../player/src/engine.js');
  return {
    WhepPlayer: class extends Base {
      static isSupported = () => true;
      start(): void {
        engines.push(this);
        this.emit('attached', null);
      }
      setClock(): void {}
    },
  };
});
await import('./souk-room.js');

const room = { id: 'demo', title: 'Spring tea', access: 'public', state: 'live', epoch: 1, viewers: 0, pinned: null };
const play = { live: true, items: [{ kind: 'whep', url: '/whep/demo' }] };
const pin = (sku: string, at: number, seq: number) =>
  event('product.pin', seq, at, { sku, title: `Product ${sku}`, image: null, price: { minor: 19900, cur: 'CNY', rev: 7 }, left: 9 });

describe('<souk-room>', () => {
  let element: HTMLElement;
  let orders: { status: number; body: unknown };
  const $ = (selector: string) => element.shadowRoot!.querySelector<HTMLElement>(selector)!;
  const shown = (captureUs: number) => engines.at(-1)!.emit('frame', { captureUs, errUs: 0, width: 1280, height: 720 });

  const open = async (attributes: Record<string, string> = {}) => {
    element = document.createElement('souk-room');
    for (const [name, value] of Object.entries({ room: 'demo', base: 'http://souk.test', lang: 'en', token: 'tok', ...attributes })) element.setAttribute(name, value);
    document.body.append(element);
    FakeSocket.last.open(5, 'viewer').say('state', state(5, { pinned: 'A1', products: [product('A1'), product('B1', { left: 0 })] }));
    await vi.advanceTimersByTimeAsync(0);
    engines.at(-1)?.emit('playing', null);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    engines.length = 0;
    installSocket();
    orders = { status: 201, body: order() };
    installFetch(({ path, method }) => {
      if (path.includes('/play')) return { status: 200, body: play };
      if (path.startsWith('/api/orders')) return { status: 200, body: { items: [order()], next: null } };
      if (path.endsWith('/orders') && method === 'POST') return orders;
      return { status: 200, body: room };
    });
    vi.spyOn(HTMLMediaElement.prototype, 'play').mockResolvedValue(undefined);
  });

  afterEach(() => {
    element.remove();
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  test('shows title, state, viewers and the pinned product', async () => {
    await open();
    expect($('.room-title').textContent).toBe('Spring tea');
    expect($('.badge').textContent).toBe('LIVE');
    expect($('.viewers').textContent).toBe('3 watching');
    expect($('.pin .title').textContent).toBe('Product A1');
    expect($('.pin .price').textContent).toBe('¥199.00');
    expect($('.pin .left').textContent).toBe('90 left');
    expect($('.veil').hidden).toBe(true);
  });

  test('speaks Chinese', async () => {
    await open({ lang: 'zh-CN' });
    expect($('.pin .buy').textContent).toBe('立即购买');
  });

  test('changes the card with the picture that it belongs to', async () => {
    const pins: unknown[] = [];
    await open();
    element.addEventListener('souk-pin', (pinned) => pins.push((pinned as CustomEvent).detail));
    const now = Date.now() * 1000;
    shown(now - 500_000);
    FakeSocket.last.raw(pin('B1', now - 400_000, 6));
    expect($('.pin .title').textContent).toBe('Product A1');
    shown(now - 400_001);
    expect($('.pin .title').textContent).toBe('Product A1');
    shown(now - 400_000);
    expect($('.pin .title').textContent).toBe('Product B1');
    expect(pins).toEqual([{ sku: 'B1', capture_us: now - 400_000 }]);
  });

  test('shows stock at once', async () => {
    await open();
    shown(Date.now() * 1000 - 500_000);
    FakeSocket.last.raw(event('stock', 6, Date.now() * 1000, { sku: 'A1', left: 3 }));
    expect($('.pin .left').textContent).toBe('Only 3 left');
  });

  test('buys what is on screen and says so', async () => {
    await open();
    shown(1_700_000_000_000_000);
    $('.pin .buy').click();
    await settle();
    expect($('.pin .buy').textContent).toBe('Ordering');
    const [sent] = FakeSocket.last.of('order.place');
    expect(sent).toMatchObject({ sku: 'A1', qty: 1, price_rev: 7, shown_us: 1_700_000_000_000_000 });
    FakeSocket.last.say('order.result', { key: sent?.['key'], status: 201, body: order() });
    await settle();
    expect($('.toast').textContent).toContain('Reserved for you: ¥199.00');
    expect($('.pin .buy').textContent).toBe('Reserved');
    await vi.advanceTimersByTimeAsync(3_000);
    expect($('.pin .buy').textContent).toBe('Buy now');
  });

  test('says why an order was refused', async () => {
    await open();
    $('.pin .buy').click();
    await settle();
    const key = FakeSocket.last.of('order.place')[0]?.['key'];
    FakeSocket.last.say('order.result', { key, status: 409, body: { ...problem(409, 'price_changed'), sku: 'A1', price: { minor: 100, cur: 'CNY', rev: 9 } } });
    await settle();
    expect($('.toast').textContent).toBe('The price is now ¥1.00.');
  });

  test('sells nothing that is sold out', async () => {
    await open();
    const button = $('.shelf [data-sku="B1"] .buy') as HTMLButtonElement;
    expect(button.disabled).toBe(true);
    expect(button.textContent).toBe('Sold out');
  });

  test('lists own orders', async () => {
    await open();
    expect($('.order').textContent).toContain('Product A1 × 1');
  });

  test('names what was ordered once the products are known', async () => {
    element = document.createElement('souk-room');
    for (const [name, value] of Object.entries({ room: 'demo', base: 'http://souk.test', lang: 'en', token: 'tok' })) element.setAttribute(name, value);
    document.body.append(element);
    await vi.advanceTimersByTimeAsync(0);
    expect($('.order').textContent).toContain('A1 × 1');
    FakeSocket.last.open(5, 'viewer').say('state', state(5, { products: [product('A1')] }));
    await vi.advanceTimersByTimeAsync(0);
    expect($('.order').textContent).toContain('Product A1 × 1');
  });

  test('an upright picture fills the stage', async () => {
    await open();
    const video = $('video');
    Object.defineProperties(video, { videoWidth: { value: 720 }, videoHeight: { value: 1280 } });
    video.dispatchEvent(new Event('resize'));
    expect($('.room').hasAttribute('data-upright')).toBe(true);
  });

  test('keeps the last picture while the host reconnects and says so', async () => {
    await open();
    FakeSocket.last.raw(event('room.lost', 6, 1, { state: 'lost' }));
    expect($('.veil').textContent).toContain('Host reconnecting');
    FakeSocket.last.raw(event('room.ended', 7, 1, { state: 'ended' }));
    expect($('.veil').textContent).toContain('The show has ended');
  });

  test('offers sound when the browser muted it', async () => {
    vi.mocked(HTMLMediaElement.prototype.play).mockRejectedValueOnce(new DOMException('', 'NotAllowedError'));
    await open();
    await settle();
    expect($('.sound').hidden).toBe(false);
    $('.sound').click();
    await settle();
    expect($('.sound').hidden).toBe(true);
  });

  test('text of the server never becomes markup', async () => {
    await open();
    FakeSocket.last.raw(event('product.update', 6, 1, product('A1', { title: '<img src=x onerror=alert(1)>' })));
    expect($('.pin .title').innerHTML).not.toContain('<img');
  });

  test('leaves nothing behind when it is removed', async () => {
    await open();
    const socket = FakeSocket.last;
    element.remove();
    expect(socket.readyState).toBe(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
