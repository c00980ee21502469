// Scripts, styles, icons and fonts → src/coursewright_web/dist/static/, with hashes in their names, and manifest.json.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const sources = join(root, "src/coursewright_web/frontend");
const target = join(root, "src/coursewright_web/dist");
const shared = { bundle: true, minify: true, outdir: join(target, "static"), metafile: true, target: "es2022" };
const names = { entryNames: "[name]-[hash]", chunkNames: "shared-[hash]", assetNames: "[name]-[hash]" };
const modules = createRequire(import.meta.url);

const pages = readdirSync(join(sources, "pages")).filter((name) => name.endsWith(".js"));

async function scripts() {
  const entryPoints = [join(sources, "main.js"), ...pages.map((name) => join(sources, "pages", name))];
  return build({ ...shared, ...names, entryPoints, format: "esm", splitting: true });
}

async function styles() {
  const tailwind = join(dirname(modules.resolve("@tailwindcss/cli/package.json")), "dist/index.mjs");
  const plain = join(sources, ".styles.css");
  try {
    execFileSync(process.execPath, [tailwind, "--input", join(sources, "styles.css"), "--output", plain], {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const entryPoints = [{ in: plain, out: "styles" }];
    return await build({ ...shared, ...names, entryPoints, loader: { ".woff2": "file" }, target: "chrome123" });
  } finally {
    rmSync(plain, { force: true });
  }
}

// One file with all icons: a page names one of them, and the browser keeps the file.
function icons() {
  const folder = join(dirname(modules.resolve("heroicons/package.json")), "24/outline");
  const wanted = readFileSync(join(sources, "icons.txt"), "utf8").split(/\s+/).filter(Boolean);
  const symbols = wanted.map((name) => {
    const inside = readFileSync(join(folder, `${name}.svg`), "utf8").replace(/^[^>]*>|<\/svg>\s*$/g, "");
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke-width="1.6">${inside.trim()}</symbol>`;
  });
  const text = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  writeFileSync(join(target, "static", `icons-${hash}.svg`), text);
  return { file: `icons-${hash}.svg`, names: wanted };
}

function outputs(...results) {
  return results.flatMap(({ metafile }) => Object.entries(metafile.outputs).map(([path, about]) => ({ path, about })));
}

function compress(folder, files) {
  for (const name of files.filter((each) => /\.(js|css|svg)$/.test(each))) {
    const bytes = readFileSync(join(folder, name));
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  }
}

mkdirSync(join(target, "static"), { recursive: true });
const [made, dressed] = [await scripts(), await styles()];
const sprite = icons();
const found = outputs(made, dressed);
const manifest = { icons: sprite.file, icon_names: sprite.names, styles: "", fonts: [], scripts: {} };
for (const { path, about } of found) {
  const name = basename(path);
  if (about.entryPoint?.endsWith(".css")) manifest.styles = name;
  else if (about.entryPoint?.endsWith(".js")) {
    const needs = about.imports.filter((each) => each.kind === "import-statement").map((each) => basename(each.path));
    manifest.scripts[basename(about.entryPoint, ".js")] = { file: name, needs };
  } else if (/inter-latin-wght/.test(name)) manifest.fonts.push(name);
}
const files = [...found.map(({ path }) => basename(path)), sprite.file];
compress(join(target, "static"), files);
// What was built before stays for the sake of pages that are open, and goes when it has been replaced twice.
const before = (() => {
  try {
    return JSON.parse(readFileSync(join(target, "manifest.json"), "utf8")).files;
  } catch {
    return [];
  }
})();
const kept = new Set([...files, ...before].flatMap((name) => [name, `${name}.br`, `${name}.gz`]));
for (const name of readdirSync(join(target, "static")))
  if (!kept.has(name) && !name.startsWith("messages-")) rmSync(join(target, "static", name));
writeFileSync(join(target, "manifest.new"), JSON.stringify({ ...manifest, files }, null, 1));
renameSync(join(target, "manifest.new"), join(target, "manifest.json"));
