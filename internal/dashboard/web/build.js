// Bundles the page into ../built. The output depends on the sources and the pinned versions alone: a second run changes
// nothing. What is built is committed, so that building the node needs no Node.js.
import { build } from "esbuild";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: { app: here("src/main.js"), style: here("src/style.css") },
  outdir: here("../built"),
  absWorkingDir: here("."),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome111", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "none", // they stand in LICENSES.txt
  define: { "process.env.NODE_ENV": '"production"' },
});
for (const file of ["index.html", "icon.svg"]) {
  await copyFile(here(`src/${file}`), here(`../built/${file}`));
}

const notices = ["echarts/LICENSE", "echarts/NOTICE", "zrender/LICENSE", "tslib/LICENSE.txt"];
const texts = await Promise.all(notices.map((file) => readFile(here(`node_modules/${file}`), "utf8")));
const trimmed = texts.map((text, i) => `==== ${notices[i]}\n\n${text.replaceAll("\r\n", "\n").replace(/[ \t]+$/gm, "").trim()}\n`);
await writeFile(here("../built/LICENSES.txt"), `What app.js contains of others.\n\n${trimmed.join("\n")}`);
