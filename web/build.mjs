// Builds the page into seqsearch/service/page: what is committed there needs neither npm nor a network.
import { build, context } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const out = "../seqsearch/service/page";
const options = {
  entryPoints: { page: "src/main.tsx", standalone: "src/standalone.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "info",
};
mkdirSync(out, { recursive: true });
// of which sources the page was built: a test holds them against it
const hash = createHash("sha256");
for (const name of readdirSync("src").sort()) hash.update(`${name}\n`).update(readFileSync(`src/${name}`));
writeFileSync(`${out}/sources.sha256`, `${hash.update(readFileSync("package-lock.json")).digest("hex")}\n`);
for (const name of ["index.html", "style.css", "icon.svg", "preact-licence.txt"]) copyFileSync(`src/${name}`, `${out}/${name}`);
if (process.argv.includes("--watch")) await (await context(options)).watch();
else await build(options);
