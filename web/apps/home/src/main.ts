import { ApiClient, chooseLanguage } from '@souk/core';
import './home.css';
import { HomePage } from './home-page.js';
import { recent } from '../../shared/src/recent.js';

const query = new URLSearchParams(location.search);
const token = query.get('token');
const language = chooseLanguage(query.get('lang'), navigator.language);

document.documentElement.lang = language;
const page = new HomePage(new ApiClient(location.origin, () => token), language, token !== null);
document.body.append(page.element);
void page.load(['demo', ...recent()]);
