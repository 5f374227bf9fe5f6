import {
  type Check,
  type Guest,
  type Order,
  type OrderRequest,
  type Play,
  type Product,
  type ProductPatch,
  type ProductRequest,
  ProtocolError,
  type Room,
  type State,
  model,
  parseJson,
} from '@souk/protocol';
import { config } from './config.js';
import { NetworkError } from './errors.js';
import { type HttpRequest, request } from './http.js';

export type TokenSource = () => string | null;

/** The routes of docs/api.md that the web clients use. Rejects with ApiError or NetworkError. */
export class ApiClient {
  constructor(
    /** Origin of the server, without a slash at its end. */
    readonly base: string,
    private readonly token: TokenSource = () => null,
  ) {}

  url(path: string): string {
    return new URL(path, `${this.base}/`).toString();
  }

  rooms(): Promise<{ items: Room[] }> {
    return this.call('GET', '/api/rooms?limit=200', model.list(model.room));
  }

  room(room: string): Promise<Room> {
    return this.call('GET', roomPath(room), model.room);
  }

  end(room: string): Promise<Room> {
    return this.call('POST', roomPath(room, 'end'), model.room, {});
  }

  state(room: string): Promise<State> {
    return this.call('GET', roomPath(room, 'state'), model.state);
  }

  play(room: string, platform = 'h5'): Promise<Play> {
    return this.call('GET', `${roomPath(room, 'play')}?platform=${platform}`, model.play);
  }

  guest(room: string): Promise<Guest> {
    return this.call('POST', '/api/guest', model.guest, { room });
  }

  products(room: string): Promise<{ items: Product[] }> {
    return this.call('GET', `${roomPath(room, 'products')}?limit=200`, model.list(model.product));
  }

  addProduct(room: string, product: ProductRequest): Promise<Product> {
    return this.call('POST', roomPath(room, 'products'), model.product, product);
  }

  changeProduct(room: string, sku: string, patch: ProductPatch): Promise<Product> {
    return this.call('PATCH', `${roomPath(room, 'products')}/${sku}`, model.product, patch);
  }

  async removeProduct(room: string, sku: string): Promise<void> {
    await this.send({ method: 'DELETE', url: `${roomPath(room, 'products')}/${sku}` });
  }

  async pin(room: string, sku: string): Promise<void> {
    await this.send({ method: 'POST', url: roomPath(room, 'pin'), ...jsonBody({ sku }) });
  }

  async unpin(room: string): Promise<void> {
    await this.send({ method: 'DELETE', url: roomPath(room, 'pin') });
  }

  placeOrder(room: string, key: string, order: OrderRequest): Promise<Order> {
    return this.call('POST', roomPath(room, 'orders'), model.order, order, { 'Idempotency-Key': key });
  }

  orders(room: string): Promise<{ items: Order[] }> {
    return this.call('GET', `/api/orders?room=${room}&limit=200`, model.list(model.order));
  }

  private async call<T>(
    method: string,
    url: string,
    check: Check<T>,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const options: HttpRequest = { method, url, headers };
    if (body) Object.assign(options, jsonBody(body, headers));
    const { text } = await this.send(options);
    try {
      return check(parseJson(text, config.bodyCharsMax), '');
    } catch (error) {
      if (error instanceof ProtocolError) throw new NetworkError(`${method} ${url}: answer: ${error.message}`);
      throw error;
    }
  }

  private send(options: HttpRequest) {
    return request({ ...options, url: this.url(options.url), token: this.token() });
  }
}

function roomPath(room: string, part?: string): string {
  const path = `/api/rooms/${encodeURIComponent(room)}`;
  return part ? `${path}/${part}` : path;
}

function jsonBody(body: object, headers: Record<string, string> = {}) {
  return { body: JSON.stringify(body), headers: { ...headers, 'Content-Type': 'application/json' } };
}
