import { chooseLanguage } from '@souk/core';
import '@souk/room';
import './room-page.css';
import { remember } from '../../shared/src/recent.js';

// /r/{room}[?token=…][&play=flv][&lang=zh]
const room = decodeURIComponent(location.pathname.split('/')[2] ?? '');
const query = new URLSearchParams(location.search);

document.documentElement.lang = chooseLanguage(query.get('lang'), navigator.language);
if (/^[A-Za-z0-9_-]{1,64}$/.test(room)) {
  document.title = `${room} · Souk`;
  const element = document.createElement('souk-room');
  element.setAttribute('room', room);
  for (const name of ['token', 'play', 'lang']) {
    const value = query.get(name);
    if (value) element.setAttribute(name, value);
  }
  document.body.append(element);
  remember(room);
} else {
  location.replace('/');
}
