// The page: an index, a query, and everything that is to be seen of the answer.
import { render } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Alignments } from "./align";
import type { Answer, Asked, Histogram, IndexFacts, Info, Query, Result } from "./api";
import { searchBody, service, ServiceError, token } from "./api";
import { DistanceHistogram, RecallCurve } from "./charts";
import { asJson, fastaOf, save, tsv } from "./download";
import { Hits, number } from "./hits";
import { type About, MapView, type Pin } from "./map";
import { mapOf, type MapData } from "./mapdata";
import { type Like, likeOf, QueryCard, windowOf } from "./query";
import { queriesOf, textOf } from "./reading";
import { ofFragment, toFragment, USUAL } from "./state";

const ALIGNED_AT_ONCE = 100; // hits whose alignments come with the answer
const PLACED = 200; // queries that are put on the map

const AT_ONCE = 250; // queries of one request

/** The answer to many queries, which a service takes in parts. */
async function inParts(name: string, queries: Query[], body: (part: Query[]) => unknown, signal?: AbortSignal): Promise<Answer> {
  const whole: Answer = { results: [], message: "", warnings: [], took_ms: 0 };
  for (let at = 0; at < queries.length; at += AT_ONCE) {
    const part = await service.search(name, body(queries.slice(at, at + AT_ONCE)), signal);
    whole.results.push(...part.results);
    whole.warnings = [...new Set([...whole.warnings, ...(part.warnings ?? [])])];
    whole.message = whole.message || part.message;
    whole.took_ms += part.took_ms;
  }
  return whole;
}

interface Found { answer: Answer; queries: Query[]; asked: Asked }

function App() {
  const [indexes, setIndexes] = useState<IndexFacts[] | null>(null);
  const [name, setName] = useState("");
  const [info, setInfo] = useState<Info | null>(null);
  const [text, setText] = useState("");
  const [asked, setAsked] = useState<Asked>(USUAL);
  const [found, setFound] = useState<Found | null>(null);
  const [which, setWhich] = useState(0);
  const [chosen, setChosen] = useState<string[]>([]);
  const [hover, setHover] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<{ text: string; remedy: string } | null>(null);
  const [locked, setLocked] = useState(0); // how often a token was asked for since one fitted
  const [said, setSaid] = useState("");
  const [seed, setSeed] = useState(0);
  const [like, setLike] = useState<Like>({ length: 100, low: -2, high: 2 });
  const running = useRef<AbortController | null>(null);
  const results = useRef<HTMLElement>(null);
  const facts = indexes?.find((each) => each.name === name) ?? null;

  const fail = useCallback((error: unknown): void => {
    if ((error as Error).name === "AbortError") return;
    if (error instanceof ServiceError && error.status === 401) { setLocked((often) => often + 1); return; }
    setWrong({ text: (error as Error).message, remedy: error instanceof ServiceError ? error.remedy : "" });
  }, []);

  const search = useCallback(async (given: { name: string; kind: string; text: string; asked: Asked }): Promise<void> => {
    let queries: Query[];
    try { queries = queriesOf(given.text, given.kind); } catch (error) { fail(error); return; }
    if (!queries.length) return;
    running.current?.abort();
    const mine = (running.current = new AbortController());
    setBusy(true); setWrong(null);
    try {
      const few = queries.length * given.asked.k <= ALIGNED_AT_ONCE * (TEXTS.has(given.kind) ? 20 : 1) && given.asked.budget !== "within";
      const answer = await inParts(given.name, queries, (part) => searchBody(part, given.asked, few ? { alignment: true } : {}), mine.signal);
      if (mine.signal.aborted) return;
      setFound({ answer, queries, asked: given.asked });
      setWhich(0);
      setChosen(answer.results[0]?.hits.slice(0, given.kind === "series" ? 1 : 5).map((hit) => hit.target) ?? []);
      const hits = answer.results.reduce((sum, result) => sum + result.hits.length, 0);
      setSaid(`${hits} hits for ${queries.length} ${queries.length === 1 ? "query" : "queries"}`);
      history.replaceState(null, "", await toFragment({ index: given.name, text: given.text, asked: given.asked }));
      if (matchMedia("(max-width: 900px)").matches) results.current?.scrollIntoView({ behavior: "smooth", block: "start" });
      if (few || given.kind !== "series") complete(given.name, queries, given.asked, answer, few, mine.signal);
    } catch (error) { fail(error); } finally { if (running.current === mine) setBusy(false); }
  }, [fail]);

  /** What the first answer left out: alignments, where there were many, and p-values, whose first needs a measurement. */
  const complete = async (index: string, queries: Query[], how: Asked, answer: Answer, aligned: boolean, signal: AbortSignal): Promise<void> => {
    const merge = (change: (result: Result, at: number) => Result): void =>
      setFound((now) => (now && now.answer.took_ms === answer.took_ms ? { ...now, answer: { ...now.answer, results: now.answer.results.map(change) } } : now));
    if (!aligned && answer.results.length === 1)
      await service.search(index, searchBody(queries, how, { alignment: true }), signal)
        .then((more) => merge((result, at) => ({ ...result, hits: more.results[at].hits }))).catch(() => {});
    if (how.budget === "within") return;
    await inParts(index, queries, (part) => searchBody(part, { ...how, k: 1 }, { novelty: true }), signal)
      .then((more) => merge((result, at) => ({ ...result, p_value: more.results[at].p_value ?? null }))).catch(() => {});
  };

  const start = useCallback(async (): Promise<void> => {
    try {
      const [known, shared] = await Promise.all([service.indexes(), ofFragment(location.hash)]);
      setLocked(0);
      setIndexes(known);
      const first = known.find((each) => each.name === shared.index) ?? known[0];
      if (!first) return;
      setName(first.name); setText(shared.text); setAsked(shared.asked);
      if (shared.text && first.name === shared.index) search({ name: first.name, kind: first.kind, text: shared.text, asked: shared.asked });
    } catch (error) { setIndexes((before) => before ?? []); fail(error); }
  }, [fail, search]);
  useEffect(() => { start(); }, [start]);
  useEffect(() => {
    const again = (): void => { start(); };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, [start]);
  useEffect(() => {
    if (!name) return;
    setInfo(null);
    let here = true;
    service.info(name).then((told) => here && setInfo(told)).catch(fail);
    return () => { here = false; };
  }, [name, fail]);
  useEffect(() => {
    if (facts?.kind === "series" && !facts.matcher) service.examples(name, 0).then((some) => some.length && setLike(likeOf(some))).catch(() => {});
  }, [name, facts?.kind, facts?.matcher]);

  const change = (other: string): void => {
    running.current?.abort();
    setName(other); setText(""); setFound(null); setChosen([]); setWrong(null); setBusy(false);
    setAsked({ ...asked, where: "", strand: "plus", budget: "default" });
    history.replaceState(null, "", `#${new URLSearchParams({ index: other })}`);
  };
  const example = async (): Promise<void> => {
    try {
      const [one] = await service.examples(name, seed);
      setSeed(seed + 1);
      if (one) take(one);
    } catch (error) { fail(error); }
  };
  const take = (one: Query): void => {
    const shown = textOf([facts?.distance === "infix" || facts?.distance === "overlap" ? windowOf(one, 150) : one]);
    const plain = facts?.kind === "text" ? one.sequence ?? "" : shown;
    setText(plain);
    search({ name, kind: facts!.kind, text: plain, asked });
  };

  const result = found?.answer.results[which] ?? null;
  const query = found?.queries[which] ?? null;
  const selected = useMemo(() => (result ? result.hits.filter((hit) => chosen.includes(hit.target)) : []), [result, chosen]);

  if (locked) return <Login refused={locked > 1 || Boolean(token.get())} onEnter={(value) => { token.set(value); start(); }} />;
  if (!indexes) return <main class="loading"><p role="status">…</p></main>;
  if (!facts) return <main class="loading"><h1>seqsearch</h1>{wrong ? <Problem {...wrong} onClose={() => start()} close="Try again" /> : <p>No index is served.</p>}</main>;
  return (
    <>
      <a class="skip" href="#results" onClick={(event) => { event.preventDefault(); results.current?.focus(); }}>To the results</a>
      <header>
        <h1><img src="icon.svg" alt="" width={26} height={26} /> seqsearch</h1>
        <label class="index"><span class="hidden">Index</span>
          <select value={name} onChange={(event) => change(event.currentTarget.value)}>{indexes.map((each) => <option value={each.name}>{each.name}</option>)}</select>
        </label>
        <p class="facts">{number(facts.sequences)} {NOUNS[facts.kind] ?? "sequences"} · {facts.distance ?? "two kinds of series"}{info && <> · {info.encoder} in {info.index}{info.calibration.points.length > 0 && ` · recall ${info.calibration.target}`}{info.calibration.stale && " (stale: calibrate anew)"}</>}</p>
        <Theme />
      </header>
      <main class={found ? "found" : "open"}>
        <div class="side">
          <QueryCard facts={facts} text={text} asked={asked} target={info?.calibration.target ?? 0.99} busy={busy} hasColumns={Boolean(info?.columns)} like={like}
            onText={setText} onAsked={setAsked} onSearch={() => search({ name, kind: facts.kind, text, asked })} onExample={example} onError={(told) => setWrong({ text: told, remedy: "" })} />
        </div>
        <section class="middle" id="results" ref={results} tabIndex={-1} aria-label="Results">
          <p class="hidden" role="status" aria-live="polite">{said}</p>
          {wrong && <Problem {...wrong} onClose={() => setWrong(null)} close="Close" />}
          {found && result && query ? (
            <>
              <div class="card">
                <Summary found={found} result={result} which={which} onWhich={(at) => { setWhich(at); setChosen(found.answer.results[at].hits.slice(0, facts.kind === "series" ? 1 : 5).map((hit) => hit.target)); }} name={name} />
                <Hits key={`${which}`} result={result} chosen={chosen} parts={PARTS.test(facts.distance ?? "")} texts={TEXTS.has(facts.kind)} onChoose={setChosen} onHover={setHover} />
              </div>
              {!facts.matcher && <div class="card"><h2>{facts.kind === "series" ? "Warping" : "Alignment"}</h2><Alignments index={name} kind={facts.kind} query={query} hits={selected} /></div>}
            </>
          ) : !wrong && <Welcome facts={facts} onExample={example} />}
        </section>
        <div class="mapside">
          <MapCard key={name} name={name} facts={facts} found={found} result={result} hover={hover} onTake={take} />
        </div>
        <div class="aside">
          {info && <div class="card"><h2>Recall against speed</h2><RecallCurve info={info} k={found?.asked.k ?? asked.k} how={result && result.guarantee !== "proved" ? found!.answer.message : ""} exact={result?.guarantee === "proved"} onPick={(point) => setAsked({ ...asked, budget: "candidates", candidates: point.candidates })} /></div>}
          {!facts.matcher && <HistogramCard key={`h ${name}`} name={name} found={found} />}
        </div>
      </main>
      <footer>Every hit has its exact distance. <a href="openapi.json">The HTTP interface</a></footer>
    </>
  );
}

const TEXTS = new Set(["text", "integers"]); // that are read where DNA is not
const PARTS = /infix|overlap|alignment/; // distances to a part of what is stored
const NOUNS: Record<string, string> = { dna: "DNA sequences", rna: "RNA sequences", protein: "proteins", text: "texts", integers: "sequences of numbers", series: "series" };

function Welcome({ facts, onExample }: { facts: IndexFacts; onExample: () => void }) {
  return (
    <div class="card welcome">
      <h2>What is nearest to …?</h2>
      <p>{facts.kind === "series" ? "Draw a curve, or paste numbers," : "Paste a sequence, or drop a file,"} and the nearest of {number(facts.sequences)} {NOUNS[facts.kind] ?? "sequences"} are found{facts.matcher ? "." : ", each with its exact distance, its alignment, and how unusual such a distance is."}</p>
      {!facts.matcher && <p><button type="button" class="primary" onClick={onExample}>Try a stored one</button></p>}
    </div>
  );
}

function Problem({ text, remedy, onClose, close }: { text: string; remedy: string; onClose: () => void; close: string }) {
  return <div class="card problem" role="alert"><p><b>{text}</b>{remedy && <><br />{remedy}</>}</p><button type="button" class="plain" onClick={onClose}>{close}</button></div>;
}

function Summary({ found, result, which, onWhich, name }: { found: Found; result: Result; which: number; onWhich: (at: number) => void; name: string }) {
  const { answer, queries, asked } = found;
  const [copied, setCopied] = useState(false);
  const exact = result.guarantee === "proved";
  const measured = /measured recall ([\d.]+)/.exec(answer.message)?.[1];
  const target = /asked ([\d.]+)/.exec(answer.message)?.[1];
  const sure = exact ? "exact, by proof" : result.guarantee === "none" ? "recall not measured" : measured ? `measured recall ${measured}` : `recall ${target ?? "as asked"}, by group`;
  const p = result.p_value;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(location.href).catch(() => {});
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const whole = async (): Promise<void> => {
    const more = await inParts(name, queries, (part) => searchBody(part, asked, { alignment: true }));
    save("hits.fasta", fastaOf(more.results), "text/x-fasta");
  };
  return (
    <div class="summary">
      <div class="row between">
        <h2>{queries.length === 1 ? "Nearest" : <label>Nearest to <select value={which} onChange={(event) => onWhich(Number(event.currentTarget.value))}>{queries.map((query, at) => <option value={at}>{`${query.id} (${answer.results[at].hits[0] ? number(answer.results[at].hits[0].distance) : "none"})`}</option>)}</select></label>}</h2>
        <div class="row">
          <button type="button" class="plain" onClick={copy}>{copied ? "Copied" : "Copy link"}</button>
          <details class="menu"><summary class="plain">Download</summary>
            <div>
              <button type="button" onClick={() => save("hits.tsv", tsv(answer.results), "text/tab-separated-values")}>TSV</button>
              <button type="button" onClick={() => save("hits.json", asJson(answer.results, queries), "application/json")}>JSON</button>
              {queries[0].sequence !== undefined && <button type="button" onClick={whole}>FASTA</button>}
            </div>
          </details>
        </div>
      </div>
      <p class="badges">
        <span class={exact ? "badge good" : "badge"} title={answer.message}>{sure}</span>
        {typeof p === "number" && <span class={p <= 0.01 ? "badge warn" : "badge"} title="The share of stored sequences whose nearest neighbour is as far">{p <= 0.01 ? "novel" : "not novel"}, p = {number(Number(p.toPrecision(3)))}</span>}
        <span class="badge">{number(Number(answer.took_ms.toPrecision(3)))} ms</span>
      </p>
      {!exact && <p class="quiet how">{answer.message}</p>}
      {answer.warnings.map((warning) => <p class="warning">{warning}</p>)}
    </div>
  );
}

function MapCard({ name, facts, found, result, hover, onTake }: { name: string; facts: IndexFacts; found: Found | null; result: Result | null; hover: string; onTake: (one: Query) => void }) {
  const [data, setData] = useState<MapData | null>(null);
  const [method, setMethod] = useState("");
  const [wrong, setWrong] = useState("");
  const [waiting, setWaiting] = useState(false);
  const [pins, setPins] = useState<{ queries: Pin[]; hits: Pin[] }>({ queries: [], hits: [] });
  const asking = useRef(0);

  const load = async (how: string, by: string, rank: number, colours = false): Promise<void> => {
    const mine = ++asking.current;
    setWaiting(true); setWrong("");
    try {
      for (let turn = 0; ; turn++) {
        const { status, buffer } = await service.map(name, how, by, rank, colours ? "colours" : "all");
        if (mine !== asking.current) return;
        if (status === 200) {
          const made = mapOf(buffer, colours && data ? data : undefined);
          setData(made); setMethod(made.head.method); setWaiting(false);
          return;
        }
        await new Promise((done) => setTimeout(done, Math.min(3000, 250 * (turn + 1))));
      }
    } catch (error) { if (mine === asking.current) { setWrong((error as Error).message); setWaiting(false); } }
  };
  useEffect(() => { load("auto", "", 0); return () => { asking.current++; }; }, [name]);
  useEffect(() => {
    if (!found || !data || !data.count || !result) { setPins({ queries: [], hits: [] }); return; }
    let here = true;
    const ids = [...new Set(result.hits.slice(0, 200).map((hit) => hit.target))];
    service.place(name, data.head.method, found.queries.slice(0, PLACED), ids).then((placed) => {
      if (!here) return;
      const nearest = PARTS.test(facts.distance ?? "") && placed.targets[0];  // a part has no point of its own
      const queries = nearest ? [{ place: nearest, name: result.query }] : placed.queries.map((place, at) => ({ place, name: found.queries[at].id }));
      setPins({ queries, hits: ids.map((id, at) => ({ name: id, place: placed.targets[at]! })).filter((pin) => pin.place) });
    }).catch(() => here && setPins({ queries: [], hits: [] }));
    return () => { here = false; };
  }, [name, data?.places, found?.queries, result?.query, found?.answer.took_ms]);

  const row = (point: number): number => (data?.rows ? data.rows[point] : point);
  const about = useCallback((point: number): Promise<About> => service.point(name, row(point)), [name, data]);
  const pick = (point: number): void => { if (!facts.matcher) service.record(name, row(point)).then(onTake).catch(() => {}); };
  const head = data?.head;
  return (
    <div class="card mapcard">
      <div class="row between">
        <h2>Map</h2>
        {head && (
          <div class="row small">
            {head.choices.length > 1 && <label><span class="hidden">Colours by</span><select value={head.by} onChange={(event) => load(method, event.currentTarget.value, 0, true)}>{head.choices.map((each) => <option value={each}>{each === "nothing" ? "one colour" : each}</option>)}</select></label>}
            {head.ranks > 1 && <label><span class="hidden">Rank of the lineage</span><select value={head.rank} onChange={(event) => load(method, head.by, Number(event.currentTarget.value), true)}>{Array.from({ length: head.ranks }, (_, at) => <option value={at + 1}>rank {at + 1}</option>)}</select></label>}
            {head.methods.length > 1 && <label><span class="hidden">Method</span><select value={method} onChange={(event) => { setMethod(event.currentTarget.value); load(event.currentTarget.value, head.by, head.rank); }}>{head.methods.map((each) => <option value={each}>{each === "tsne" ? "t-SNE" : "PCA"}</option>)}</select></label>}
          </div>
        )}
      </div>
      {wrong || head?.why ? <p class="quiet">{wrong || head?.why}</p> : data ? <MapView data={data} queries={pins.queries} hits={pins.hits} hover={hover} about={about} onPick={facts.matcher ? undefined : pick} /> : <div class="field empty-field" />}
      {waiting && <p class="quiet" role="status">{data ? "Drawing another map: t-SNE takes a minute …" : "Drawing the map …"}</p>}
      {head && !head.why && !waiting && <p class="quiet">{head.method === "pca" ? `Principal components of the embeddings, ${(100 * (head.shares[0] + head.shares[1])).toFixed(0)}% of the variance.` : "t-SNE of the embeddings: near points are alike, far ones say little."}{data.count < facts.sequences - 1000 && ` ${number(data.count)} of ${number(facts.sequences)} are shown.`}{pins.queries.length > 0 && " ★ the query, ○ its hits."}</p>}
    </div>
  );
}

function HistogramCard({ name, found }: { name: string; found: Found | null }) {
  const [histogram, setHistogram] = useState<Histogram | null>(null);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    let here = true;
    const look = async (turn: number): Promise<void> => {
      const told = await service.histogram(name);
      if (told && here) setHistogram(told);
      else if (here) setTimeout(() => look(turn + 1).catch(() => {}), Math.min(3000, 300 * (turn + 1)));
    };
    look(0).catch((error) => here && setWrong((error as Error).message));
    return () => { here = false; };
  }, [name]);
  const marks = useMemo(() => (found ? found.answer.results.filter((result) => result.hits.length).map((result) => ({ query: result.query, distance: Math.min(...result.hits.map((hit) => hit.distance)) })) : []), [found?.answer.results]);
  return (
    <div class="card"><h2>How far is usual?</h2>
      {wrong ? <p class="quiet">{wrong}</p> : histogram ? <DistanceHistogram histogram={histogram} marks={marks} /> : <p class="quiet" role="status">Measuring how far neighbours are …</p>}
    </div>
  );
}

function Login({ refused, onEnter }: { refused: boolean; onEnter: (value: string) => void }) {
  const [value, setValue] = useState("");
  return (
    <main class="loading">
      <form class="card" onSubmit={(event) => { event.preventDefault(); onEnter(value.trim()); }}>
        <h1>seqsearch</h1>
        <label>This service asks for a token.<input type="password" autocomplete="current-password" value={value} onInput={(event) => setValue(event.currentTarget.value)} /></label>
        <button class="primary" type="submit" disabled={!value.trim()}>Enter</button>
        {refused && <p class="quiet wrong" role="alert">That token is not known here.</p>}
      </form>
    </main>
  );
}

/** Light or dark: as the system says, until somebody chooses. */
function Theme() {
  const [theme, setTheme] = useState(localStorage.getItem("seqsearch-theme") ?? "");
  useEffect(() => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("seqsearch-theme", theme);
    dispatchEvent(new Event("resize"));
  }, [theme]);
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return <button type="button" class="plain theme" aria-label={dark ? "Light colours" : "Dark colours"} onClick={() => setTheme(dark ? "light" : "dark")}>{dark ? "☀" : "☾"}</button>;
}

render(<App />, document.getElementById("page")!);
