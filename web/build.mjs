// Builds the page into seqsearch/service/page: what is committed there needs neither npm nor a network.
import { build, context } from "esbuild";
import { copyFileSync, mkdirSync } from "node:fs";

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
for (const name of ["index.html", "style.css", "icon.svg", "preact-licence.txt"]) copyFileSync(`src/${name}`, `${out}/${name}`);
if (process.argv.includes("--watch")) await (await context(options)).watch();
else await build(options);
