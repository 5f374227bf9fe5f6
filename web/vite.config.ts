import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const apps = fileURLToPath(new URL('./apps/', import.meta.url));

export default defineConfig({
  root: apps,
  base: '/',
  publicDir: false,
  build: {
    outDir: fileURLToPath(new URL('./dist/', import.meta.url)),
    emptyOutDir: true,
    target: ['es2021', 'chrome94', 'safari16', 'firefox103'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 400,
    rollupOptions: {
      input: ['index', 'room', 'studio'].map((name) => `${apps}${name}.html`),
    },
  },
});
