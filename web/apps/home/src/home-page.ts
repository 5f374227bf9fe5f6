import type { ApiClient } from '@souk/core';
import type { Room } from '@souk/protocol';

const en = {
  title: 'Live shopping, in step with the picture',
  lead: 'Prices, stock and orders travel with the stream on one clock. Open a room and watch.',
  room: 'Room',
  open: 'Open',
  rooms: 'Rooms',
  none: 'No room to show yet. Start the server with its demo room, or type the name of a room above.',
  live: 'LIVE',
  lost: 'reconnecting',
  idle: 'not started',
  ended: 'ended',
  watching: '{n} watching',
  studio: 'Are you the host? Open the studio with the link that your server printed.',
};
const zh: typeof en = {
  title: '与画面同步的直播购物',
  lead: '价格、库存与订单和直播画面走同一时钟。打开直播间即可观看。',
  room: '直播间',
  open: '进入',
  rooms: '直播间列表',
  none: '暂无直播间。请启动带演示间的服务，或在上方输入直播间名称。',
  live: '直播中',
  lost: '重连中',
  idle: '未开始',
  ended: '已结束',
  watching: '{n} 人观看',
  studio: '您是主播？请用服务器打印的链接打开直播工作台。',
};
const ORDER = { live: 0, lost: 1, idle: 2, ended: 3 };

/** The door: rooms that this browser knows, all of them for an administrator's token. */
export class HomePage {
  readonly element = document.createElement('main');
  private readonly text: typeof en;
  private readonly list = document.createElement('ul');
  private readonly none = document.createElement('p');

  constructor(
    private readonly api: ApiClient,
    language: string,
    private readonly isAdmin: boolean,
  ) {
    this.text = language.toLowerCase().startsWith('zh') ? zh : en;
    this.element.className = 'home';
    this.list.className = 'rooms';
    this.none.className = 'none';
    this.none.hidden = true;
    this.none.textContent = this.text.none;
    this.element.append(
      node('h1', this.text.title),
      node('p', this.text.lead, 'lead'),
      this.form(),
      node('h2', this.text.rooms),
      this.list,
      this.none,
      node('p', this.text.studio, 'foot'),
    );
  }

  async load(known: string[]): Promise<void> {
    const rooms = this.isAdmin ? (await this.api.rooms()).items : await this.ask([...new Set(known)]);
    rooms.sort((a, b) => ORDER[a.state] - ORDER[b.state] || b.viewers - a.viewers);
    this.list.replaceChildren(...rooms.map((room) => this.card(room)));
    this.none.hidden = rooms.length > 0;
  }

  private async ask(ids: string[]): Promise<Room[]> {
    const answers = await Promise.all(ids.map((id) => this.api.room(id).catch(() => null)));
    return answers.filter((room): room is Room => room !== null);
  }

  private card(room: Room): HTMLLIElement {
    const link = document.createElement('a');
    link.href = `/r/${room.id}`;
    // One that cannot be had leaves the card as it is.
    if (room.state === 'live' && room.access === 'public') {
      link.style.backgroundImage = `linear-gradient(160deg, rgb(20 22 31 / 0.55), rgb(20 22 31 / 0.85)), url("/live/${room.id}/poster.jpg")`;
    }
    const badge = node('span', this.text[room.state], 'badge');
    badge.dataset['state'] = room.state;
    const watching = node('span', room.state === 'live' ? this.text.watching.replace('{n}', String(room.viewers)) : room.id);
    const line = document.createElement('p');
    line.append(badge, watching);
    link.append(node('strong', room.title), line);
    const item = document.createElement('li');
    item.append(link);
    return item;
  }

  private form(): HTMLFormElement {
    const form = document.createElement('form');
    form.className = 'enter';
    const label = node('label', this.text.room, 'field');
    const input = document.createElement('input');
    Object.assign(input, { name: 'room', required: true, pattern: '[A-Za-z0-9_\\-]{1,64}', placeholder: 'demo', autocomplete: 'off' });
    label.append(input);
    const button = node('button', this.text.open, 'button main');
    form.append(label, button);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      location.assign(`/r/${encodeURIComponent(input.value.trim())}`);
    });
    return form;
  }
}

function node<K extends keyof HTMLElementTagNameMap>(tag: K, text: string, className = ''): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}
