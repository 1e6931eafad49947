import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

// Files that are compressed at build time, so that queryd does not have to compress them.
const compressible = /\.(html|js|css|svg)$/;

function compressOnce() {
  return {
    name: 'compress-once',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync('dist')) {
        if (!compressible.test(name)) continue;
        writeFileSync(`dist/${name}.gz`, gzipSync(readFileSync(`dist/${name}`), { level: 9 }));
      }
    },
  };
}

// `npm run dev` shows the sources, and sends what they ask for to this queryd.
const queryd = process.env.TARN_URL ?? 'http://127.0.0.1:3214';
const routes = ['/sql', '/queries', '/catalog', '/healthz', '/readyz', '/openapi.json'];

export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/console/' : '/',
  build: {
    // All in one folder: queryd's route takes one segment behind /console/.
    assetsDir: '',
    // The page's policy allows no data: addresses.
    assetsInlineLimit: 0,
    target: 'es2022',
    // light-dark() stays as it is: browsers have had it since 2024.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  plugins: [compressOnce()],
  server: {
    proxy: Object.fromEntries(
      // queryd takes requests of its own origin alone, and the page's is that of this server.
      routes.map((path) => [
        path,
        { target: queryd, changeOrigin: true, headers: { origin: queryd, host: new URL(queryd).host } },
      ]),
    ),
  },
}));
