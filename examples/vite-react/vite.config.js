import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const leadstream = process.env.LEADSTREAM ?? "http://127.0.0.1:8001";

export default defineConfig({
  // The page and Leadstream are one origin, as behind a proxy in production: no CORS to set up.
  server: { proxy: { "/api": leadstream }, fs: { allow: ["../.."] } },
  resolve: {
    alias: { leadstream: fileURLToPath(new URL("../../web", import.meta.url)) },
    // The hook lies outside this folder; its "react" is the one that is installed here.
    dedupe: ["react"],
  },
  oxc: { jsx: { runtime: "automatic" } },
});
