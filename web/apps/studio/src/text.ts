const en = {
  studio: 'Studio',
  camera: 'Camera',
  screen: 'Screen',
  source: 'Picture from',
  goLive: 'Go live',
  stop: 'Stop',
  connecting: 'Connecting',
  reconnecting: 'Reconnecting',
  onAir: 'On air',
  offAir: 'Off air',
  preview: 'Your picture appears here. Viewers see it only when you go live.',
  bitrate: 'Bitrate',
  fps: 'Frames',
  size: 'Size',
  limit: 'Limited by',
  rtt: 'Round trip',
  none: 'nothing',
  cpu: 'this computer',
  bandwidth: 'the network',
  other: 'something else',
  viewers: 'watching',
  orders: 'orders',
  takings: 'ordered',
  openRoom: 'Open the room',
  products: 'Products',
  noProducts: 'Add the first product. Then pin it while you show it.',
  add: 'Add product',
  sku: 'SKU',
  title: 'Title',
  price: 'Price',
  currency: 'Currency',
  stock: 'Stock',
  image: 'Image address (optional)',
  pin: 'Pin',
  unpin: 'Unpin',
  left: 'left',
  sold: 'sold',
  held: 'held',
  room: 'Room',
  token: 'Host token',
  enter: 'Open studio',
  unsupported_source:
    'Browsers cannot show this picture by WebRTC; viewers get it later, by FLV or HLS. Send H.264 in 4:2:0 with 8 bits and without B-frames.',
  publishing: 'Somebody else is live in this room.',
  bad_token: 'The token is not valid or has expired.',
  forbidden: 'The token is not one of a host of this room.',
  not_found: 'There is no such room.',
  exists: 'This SKU is on the shelf already.',
  bad_request: 'The server did not take this: {detail}',
  NotAllowedError: 'The browser was not allowed to use the picture or sound.',
  NotFoundError: 'No camera or microphone was found.',
  NotSupportedError: 'The browser gives camera and screen only to https pages and localhost.',
  failed: 'That did not work: {detail}',
};

export type TextKey = keyof typeof en;

const zh: Record<TextKey, string> = {
  studio: '直播工作台',
  camera: '摄像头',
  screen: '屏幕',
  source: '画面来源',
  goLive: '开始直播',
  stop: '结束直播',
  connecting: '连接中',
  reconnecting: '重连中',
  onAir: '直播中',
  offAir: '未开播',
  preview: '画面会显示在这里，开播后观众才能看到。',
  bitrate: '码率',
  fps: '帧率',
  size: '分辨率',
  limit: '受限于',
  rtt: '往返时延',
  none: '无',
  cpu: '本机性能',
  bandwidth: '网络',
  other: '其他',
  viewers: '观看',
  orders: '订单',
  takings: '下单金额',
  openRoom: '打开直播间',
  products: '商品',
  noProducts: '先添加一件商品，讲解时将其置顶。',
  add: '添加商品',
  sku: '货号',
  title: '名称',
  price: '价格',
  currency: '币种',
  stock: '库存',
  image: '图片地址（可选）',
  pin: '讲解',
  unpin: '取消讲解',
  left: '剩余',
  sold: '已售',
  held: '待付',
  room: '直播间',
  token: '主播令牌',
  enter: '进入工作台',
  unsupported_source: '浏览器无法通过 WebRTC 播放此画面，观众只能以 FLV 或 HLS 观看，延迟更高。请使用 4:2:0、8 位、无 B 帧的 H.264 编码。',
  publishing: '该直播间已有人在直播。',
  bad_token: '令牌无效或已过期。',
  forbidden: '该令牌不是此直播间的主播令牌。',
  not_found: '直播间不存在。',
  exists: '该货号已在货架上。',
  bad_request: '服务器未接受：{detail}',
  NotAllowedError: '浏览器未被允许使用摄像头或麦克风。',
  NotFoundError: '未找到摄像头或麦克风。',
  NotSupportedError: '浏览器仅向 https 页面和 localhost 提供摄像头与屏幕。',
  failed: '操作失败：{detail}',
};

export interface Text {
  (key: TextKey): string;
  /** A line for people about what went wrong. */
  error(error: unknown): string;
}

export function textFor(language: string): Text {
  const table = language.toLowerCase().startsWith('zh') ? zh : en;
  const text = (key: TextKey) => table[key];
  const error = (cause: unknown) => {
    const { code, name, message } = cause as { code?: unknown; name?: string; message?: string };
    const key = [code, name].find((found) => typeof found === 'string' && Object.hasOwn(en, found));
    return table[(key ?? 'failed') as TextKey].replace('{detail}', message ?? String(cause));
  };
  return Object.assign(text, { error });
}
