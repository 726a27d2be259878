// @ts-check
/** The page: who may be worked on at the left, what is being done in the middle. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Composer } from "./composer.js";
import { History } from "./history.js";
import { html } from "./html.js";
import { KeyForm } from "./key.js";
import { LeadHead } from "./lead.js";
import { Leads, Welcome } from "./leads.js";
import { go, leadPath, streamPath, usePlace } from "./place.js";
import { Providers } from "./providers.js";
import { useResource } from "./resource.js";
import { Run } from "./run.js";

const NARROW = 760;

export function App() {
  const place = usePlace();
  const [fresh, setFresh] = useState(0);
  const [run, setRun] = useState(/** @type {any} */ (null));
  const [side, setSide] = useState("leads");
  const count = useRef(0);
  const renew = useCallback(() => setFresh((n) => n + 1), []);
  const leads = useResource("api/leads?limit=200", [fresh]);
  const items = leads.data?.items;

  const begin = (what) => {
    setRun({ ...what, key: `new-${(count.current += 1)}`, at: null });
    go(what.leadId ? leadPath(what.leadId) : "#/");
  };
  const named = useCallback((key, { streamId, leadId }) => {
    setRun((now) => (now?.key === key ? { ...now, at: streamId, leadId: leadId ?? now.leadId } : now));
    go(streamPath(streamId), "replaceState");
  }, []);
  useEffect(() => {
    if (place.kind === "streams" && run?.at !== place.id) {
      setRun({ key: place.id, streamId: place.id, at: place.id, leadId: null });
    } else if (place.kind !== "streams" && run?.at) setRun(null);
  }, [place.kind, place.id]);
  useEffect(() => {
    if (!place.kind && items?.length && innerWidth > NARROW) go(leadPath(items.at(-1).lead_id), "replaceState");
  }, [place.kind, items]);

  const leadId = place.kind === "leads" ? place.id : run?.leadId;
  const refused = leads.problem?.status === 401;
  if (refused) return html`<${KeyForm} onKey=${renew} />`;
  return html`
    <div class=${`app ${place.kind ? "is-inside" : ""}`}>
      <header class="top">
        <a class="brand" href="#/"><${Mark} /> Leadstream</a>
        <${Providers} fresh=${fresh} />
        <a class="quiet" href="docs">API</a>
      </header>
      <nav class="side" aria-label="Leads and history">
        <div class="tabs" role="group" aria-label="Show">
          ${["leads", "history"].map((name) => html`<button key=${name} type="button"
            aria-pressed=${side === name} onClick=${() => setSide(name)}>${name}</button>`)}
        </div>
        ${side === "leads" ? html`<${Leads} found=${leads} now=${leadId} />`
          : html`<${History} fresh=${fresh} leads=${items ?? []} now=${run?.at} />`}
      </nav>
      <main>
        ${items?.length === 0 && !place.kind ? html`<${Welcome} onLoaded=${renew} />` : html`
          <a class="back quiet" href="#/">All leads</a>
          <${LeadHead} leadId=${leadId} fresh=${fresh} />
          <${Composer} key=${leadId} leadId=${leadId} busy=${run?.busy} onStart=${begin} />
          ${run && html`<${Run} key=${run.key} run=${run} onNamed=${named} onEnd=${renew}
            onBusy=${(busy) => setRun((now) => now && { ...now, busy })} />`}`}
      </main>
    </div>`;
}

function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <rect width="32" height="32" rx="8" /><path d="M7 11h12M7 16h18M7 21h8" /></svg>`;
}
