import { chooseLanguage } from '@souk/core';
import './studio.css';
import { el, field } from './dom.js';
import { StudioPage } from './studio-page.js';
import { textFor } from './text.js';

// /studio?room=…&token=…
const query = new URLSearchParams(location.search);
const language = chooseLanguage(query.get('lang'), navigator.language);
const t = textFor(language);
const room = query.get('room') ?? '';
const token = query.get('token') ?? '';

document.documentElement.lang = language;
if (/^[A-Za-z0-9_-]{1,64}$/.test(room) && token) {
  document.title = `${room} · Souk Studio`;
  document.body.append(new StudioPage(location.origin, room, token, t, language).element);
} else {
  const roomField = field(t('room'), { name: 'room', required: true, pattern: '[A-Za-z0-9_\\-]{1,64}', value: room });
  const tokenField = field(t('token'), { name: 'token', required: true, type: 'password', autocomplete: 'off' });
  const button = el('button', { class: 'button main' }, t('enter'));
  document.body.append(el('form', { class: 'enter', action: '/studio' }, el('h1', {}, t('studio')), roomField.label, tokenField.label, button));
}
