import type { Price, Product, RoomState, Sale, State, TimelineEvent } from '@souk/protocol';
import { Emitter } from './events.js';

/** What a product costs just now and how many there are, sale or not. */
export interface Offer {
  product: Product;
  price: Price;
  left: number;
  sale: Sale | null;
}

export interface RoomView {
  state: RoomState;
  epoch: number;
  viewers: number;
  pinned: string | null;
  products: ReadonlyMap<string, Product>;
  sales: ReadonlyMap<string, Sale>;
}

/** The room as its viewer sees it: a state, and the events applied since. */
export class RoomStore extends Emitter<{ change: RoomView }> {
  private room: RoomView = {
    state: 'idle',
    epoch: 0,
    viewers: 0,
    pinned: null,
    products: new Map(),
    sales: new Map(),
  };

  get view(): RoomView {
    return this.room;
  }

  load(state: State): void {
    this.set({
      state: state.state,
      viewers: state.viewers,
      pinned: state.pinned,
      products: new Map(state.products.map((product) => [product.sku, product])),
      sales: new Map(state.sales.map((sale) => [sale.id, sale])),
    });
  }

  setViewers(viewers: number): void {
    this.set({ viewers });
  }

  offer(sku: string | null): Offer | null {
    const product = sku === null ? undefined : this.room.products.get(sku);
    if (!product) return null;
    for (const sale of this.room.sales.values()) {
      if (sale.sku === sku && sale.state === 'open') return { product, price: sale.price, left: sale.left, sale };
    }
    return { product, price: product.price, left: product.left, sale: null };
  }

  apply(event: TimelineEvent): void {
    switch (event.type) {
      case 'product.pin':
        this.change(event.data.sku, (old) => withCard(old, event.data));
        return this.set({ pinned: event.data.sku });
      case 'product.unpin':
        return this.room.pinned === event.data.sku ? this.set({ pinned: null }) : undefined;
      case 'product.add':
      case 'product.update':
        return this.change(event.data.sku, () => event.data);
      case 'product.remove':
        this.change(event.data.sku, () => null);
        return this.room.pinned === event.data.sku ? this.set({ pinned: null }) : undefined;
      case 'price':
        return this.change(event.data.sku, (old) => old && { ...old, price: event.data.price });
      case 'stock':
        return this.change(event.data.sku, (old) => old && { ...old, left: event.data.left });
      case 'sale.open':
        return this.set({ sales: new Map(this.room.sales).set(event.data.id, { ...event.data, state: 'open' }) });
      case 'sale.close': {
        const sales = new Map(this.room.sales);
        sales.delete(event.data.id);
        this.set({ sales });
        return this.change(event.data.sku, (old) => old && { ...old, left: event.data.left });
      }
      case 'room.live':
      case 'room.lost':
      case 'room.ended':
        return this.set({ state: event.data.state, epoch: event.epoch });
      case 'skipped':
        return;
    }
  }

  private change(sku: string, edit: (old: Product | null) => Product | null): void {
    const products = new Map(this.room.products);
    const next = edit(products.get(sku) ?? null);
    if (next) products.set(sku, next);
    else products.delete(sku);
    this.set({ products });
  }

  private set(part: Partial<RoomView>): void {
    this.room = { ...this.room, ...part };
    this.emit('change', this.room);
  }
}

/** A pin tells enough to show its card even when the product itself has not been heard of. */
function withCard(old: Product | null, card: Extract<TimelineEvent, { type: 'product.pin' }>['data']): Product {
  const rest = old ?? { stock: card.left, limit: null, allotted: 0, held: 0, sold: 0 };
  return { ...rest, sku: card.sku, title: card.title, image: card.image ?? old?.image ?? null, price: card.price, left: card.left };
}
