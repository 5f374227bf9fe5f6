import { expect, test } from 'vitest';
import { chooseLanguage } from './language.js';

test.each([
  [['fr', 'en'], 'fr'],
  [['zh_CN'], 'zh-CN'],
  [['zh-hans-cn'], 'zh-Hans-CN'],
  [[null, undefined, '', 'de'], 'de'],
  [['C', 'zh'], 'zh'],
  [['<b>', 'en_US.UTF-8'], 'en'],
  [[], 'en'],
])('of %j it is %s', (wanted, tag) => {
  expect(chooseLanguage(...wanted)).toBe(tag);
});
