export { formatCount, formatMoney } from './money.js';
export { SoukRoom } from './souk-room.js';
export { translator } from './strings.js';
