import { type Infer, array, bool, int, isRecord, nullable, object, oneOf, optional, real, text } from './check.js';
import type { Check } from './check.js';
import { ITEMS_MAX, MINOR_MAX, ORDER_ITEMS_MAX, QTY_MAX, STOCK_MAX } from './config.js';
import { ProtocolError } from './errors.js';

// docs/api.md section 2; the same shapes as docs/schema/*.schema.json.
const big = Number.MAX_SAFE_INTEGER;
export const id64 = text(1, 64, /^[A-Za-z0-9_-]+$/);
export const uuid = text(36, 36, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
export const sub = text(1, 64, /^[A-Za-z0-9_.:-]+$/);
export const sid = text(8, 32, /^[A-Za-z0-9_-]+$/);
export const key = text(1, 64, /^[!-~]+$/);
export const time = int(0, big);
export const count = int(0, big);
export const stock = int(0, STOCK_MAX);
const rev = int(1, big);
const qty = int(1, QTY_MAX);
const limit = nullable(stock);
const title = text(1, 200);
const image = nullable(text(1, 512, /^(https:\/\/|\/files\/)/));
const minor = int(0, MINOR_MAX);
const cur = text(3, 3, /^[A-Z]{3}$/);

export const money = object({ minor, cur });
export type Money = Infer<typeof money>;
export const price = object({ minor, cur, rev });
export type Price = Infer<typeof price>;

export const roomState = oneOf('idle', 'live', 'lost', 'ended');
export type RoomState = Infer<typeof roomState>;

const settings = {
  price_grace_ms: optional(int(0, 600_000)),
  hold_s: optional(int(1, 86_400)),
  host_grace_s: optional(int(0, 3600)),
  guest_orders: optional(bool),
  high_profile: optional(bool),
  record: optional(bool),
};
export const roomRequest = object({
  id: id64,
  title: optional(title),
  access: optional(oneOf('public', 'token')),
  ...settings,
});
export type RoomRequest = Infer<typeof roomRequest>;
/** What the host should know of its show. */
const warnings = array(text(1, 64), 0, 64);
export const room = object({
  id: id64,
  title,
  access: oneOf('public', 'token'),
  ...settings,
  state: roomState,
  epoch: count,
  viewers: count,
  pinned: nullable(id64),
  warnings: optional(warnings),
});
export type Room = Infer<typeof room>;

export const productRequest = object({ sku: id64, title, image, price: money, stock, limit });
export type ProductRequest = Infer<typeof productRequest>;
export const productPatch = object({
  title: optional(title),
  image: optional(image),
  price: optional(money),
  limit: optional(stock),
  restock: optional(int(-STOCK_MAX, STOCK_MAX)),
});
export type ProductPatch = Infer<typeof productPatch>;
export const product = object({
  sku: id64,
  title,
  image,
  price,
  stock,
  limit,
  left: stock,
  allotted: stock,
  held: stock,
  sold: stock,
});
export type Product = Infer<typeof product>;

export const pinRequest = object({ sku: id64, at_us: optional(time) });
export type PinRequest = Infer<typeof pinRequest>;

const saleSpan = { sku: id64, quantity: int(1, STOCK_MAX), limit, closes_at_us: time };
export const saleRequest = object({ ...saleSpan, price: money, opens_at_us: optional(time) });
export type SaleRequest = Infer<typeof saleRequest>;
export const sale = object({
  ...saleSpan,
  opens_at_us: time,
  price,
  id: uuid,
  left: stock,
  sold: stock,
  state: oneOf('planned', 'open', 'closed'),
});
export type Sale = Infer<typeof sale>;

const orderItem = object({ sku: id64, qty, price_rev: optional(rev) });
const orderItems = object({ items: array(orderItem, 1, ORDER_ITEMS_MAX), shown_us: optional(time) });
const orderShort = object({ sku: id64, qty, price_rev: optional(rev), shown_us: optional(time) });
export type OrderRequest = Infer<typeof orderItems> | Infer<typeof orderShort>;
export const orderRequest: Check<OrderRequest> = (value, member) => {
  if (!isRecord(value) || value['items'] === undefined) return orderShort(value, member);
  if (['sku', 'qty', 'price_rev'].some((name) => value[name] !== undefined)) {
    throw new ProtocolError(member ? `${member}.items` : 'items', 'beside the short form');
  }
  return orderItems(value, member);
};

export const orderState = oneOf('reserved', 'paid', 'fulfilled', 'cancelled', 'expired', 'refunding', 'refunded');
export const order = object({
  id: uuid,
  room: id64,
  sub: optional(sub),
  state: orderState,
  items: array(object({ sku: id64, qty, price }), 1, ORDER_ITEMS_MAX),
  total: money,
  shown_us: nullable(time),
  shown_clamped: optional(bool),
  at_us: time,
  expires_us: time,
});
export type Order = Infer<typeof order>;

export const problem = object({
  type: text(0, 200),
  title: text(0, 200),
  status: int(400, 599),
  code: text(1, 64, /^[a-z][a-z0-9_]*$/),
  detail: optional(text(0, 2000)),
  member: optional(text(0, 200)),
  sku: optional(id64),
  price: optional(price),
  left: optional(stock),
  limit: optional(stock),
});
export type Problem = Infer<typeof problem>;

export const guestRequest = object({ room: id64 });
export const guest = object({ token: text(1, 4096), sub, exp: count });
export type Guest = Infer<typeof guest>;

const playItem = object({ kind: text(1, 32), url: text(1, 2048), rendition: optional(text(1, 32)) });
export const play = object({ live: bool, items: array(playItem, 0, 64) });
export type Play = Infer<typeof play>;
export type PlayItem = Infer<typeof playItem>;

export const state = object({
  seq: count,
  state: roomState,
  pinned: nullable(id64),
  pinned_at_us: nullable(time),
  products: array(product, 0, ITEMS_MAX),
  sales: array(sale, 0, ITEMS_MAX),
  viewers: count,
  warnings: optional(warnings),
});
export type State = Infer<typeof state>;

export const clock = object({
  sid: optional(sid),
  epoch: count,
  media_us: count,
  capture_us: time,
  rate_ppm: real(-5000, 5000),
  err_us: count,
  rtp: optional(int(0, 0xffff_ffff)),
  first_sent_capture_us: optional(time),
  egress_delay_us: optional(count),
});
export type Clock = Infer<typeof clock>;

/** A page of a list. */
export function list<T>(item: Check<T>): Check<{ items: T[]; next: string | number | null }> {
  const next: Check<string | number> = (value, member) =>
    typeof value === 'number' ? count(value, member) : text(1, 512)(value, member);
  return object({ items: array(item, 0, ITEMS_MAX), next: nullable(next) });
}
