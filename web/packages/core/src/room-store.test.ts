import { beforeEach, describe, expect, test } from 'vitest';
import { RoomStore } from './room-store.js';
import { UUID, event, product, state } from './testing/fake-server.js';

const sale = { id: UUID, sku: 'A1', price: { minor: 9900, cur: 'CNY', rev: 8 }, quantity: 10, limit: 1, opens_at_us: 1, closes_at_us: 2, left: 10, sold: 0, state: 'open' };

describe('RoomStore', () => {
  let store: RoomStore;
  beforeEach(() => {
    store = new RoomStore();
    store.load(state(5));
  });

  test('shows the pinned product until it is unpinned', () => {
    store.apply(event('product.pin', 6, 1, { sku: 'A1', title: 'Tea', image: null, price: { minor: 1, cur: 'CNY', rev: 9 }, left: 3 }));
    expect(store.view.pinned).toBe('A1');
    expect(store.offer('A1')).toMatchObject({ price: { minor: 1, rev: 9 }, left: 3, product: { title: 'Tea' } });
    store.apply(event('product.unpin', 7, 1, { sku: 'A1' }));
    expect(store.view.pinned).toBeNull();
  });

  test('shows the card of a product it has not heard of', () => {
    store.apply(event('product.pin', 6, 1, { sku: 'Z9', title: 'New', image: null, price: { minor: 1, cur: 'CNY', rev: 9 }, left: 3 }));
    expect(store.offer('Z9')?.left).toBe(3);
  });

  test('follows price, stock, update and removal', () => {
    store.apply(event('price', 6, 1, { sku: 'A1', price: { minor: 100, cur: 'CNY', rev: 9 } }));
    store.apply(event('stock', 7, 1, { sku: 'A1', left: 2 }));
    expect(store.offer('A1')).toMatchObject({ price: { rev: 9 }, left: 2 });
    store.apply(event('product.update', 8, 1, product('A1', { title: 'Other' })));
    expect(store.offer('A1')?.product.title).toBe('Other');
    store.apply(event('product.remove', 9, 1, { sku: 'A1' }));
    expect(store.offer('A1')).toBeNull();
  });

  test('a removed product is no longer pinned', () => {
    store.load(state(5, { pinned: 'A1' }));
    store.apply(event('product.remove', 6, 1, { sku: 'A1' }));
    expect(store.view.pinned).toBeNull();
  });

  test('sells at the price of an open sale', () => {
    store.apply(event('sale.open', 6, 1, sale));
    expect(store.offer('A1')).toMatchObject({ price: { minor: 9900, rev: 8 }, left: 10 });
    store.apply(event('sale.close', 7, 1, { id: UUID, sku: 'A1', left: 95 }));
    expect(store.offer('A1')).toMatchObject({ price: { minor: 19900, rev: 7 }, left: 95, sale: null });
  });

  test('does not invent products from stock and price', () => {
    store.apply(event('stock', 6, 1, { sku: 'Q', left: 2 }));
    expect(store.view.products.has('Q')).toBe(false);
  });

  test('tells each change', () => {
    let changes = 0;
    store.on('change', () => changes++);
    store.apply(event('room.lost', 6, 1, { state: 'lost' }));
    store.setViewers(9);
    expect(changes).toBe(2);
    expect(store.view).toMatchObject({ state: 'lost', epoch: 1, viewers: 9 });
  });
});
