import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const leadstream = process.env.LEADSTREAM ?? "http://127.0.0.1:8001";

export default defineConfig({
  // The page and Leadstream are one origin, as behind a proxy in production: no CORS to set up.
  server: {
    // Host stays the page's: a request whose Origin is another one is refused.
    proxy: { "/api": { target: leadstream, changeOrigin: false } },
    fs: { allow: ["../.."] },
  },
  resolve: {
    alias: { leadstream: fileURLToPath(new URL("../../web", import.meta.url)) },
    // The hook lies outside this folder; its "react" is the one that is installed here.
    dedupe: ["react"],
  },
  oxc: { jsx: { runtime: "automatic" } },
});
