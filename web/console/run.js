// @ts-check
/** One stream as it is written, or as it was: who answers, what is said, what it came to. */
import { useEffect } from "preact/hooks";
import { useAgentStream } from "../use-agent-stream.js";
import { Copy } from "./copy.js";
import { useFollow } from "./follow.js";
import { html } from "./html.js";
import { KeyForm } from "./key.js";
import { Record, quotesIn } from "./lead.js";
import { Meters, Receipt } from "./meters.js";
import { Result } from "./result.js";
import { Route } from "./route.js";
import { BASE, headers } from "./server.js";
import { Announcer, Status, isBusy } from "./status.js";
import { Steps } from "./steps.js";
import { Warnings } from "./warnings.js";

/** @param {{ run: any, onNamed: Function, onEnd: () => void, onBusy: (busy: boolean) => void }} props */
export function Run({ run, onNamed, onEnd, onBusy }) {
  const { agent, workflow, leadId, input, options, streamId } = run;
  const stream = useAgentStream({
    agent, workflow, leadId, input, options, streamId, headers, base: BASE, autoStart: true, onFinish: onEnd,
  });
  const busy = isBusy(stream);
  useEffect(() => {
    if (stream.streamId) onNamed(run.key, stream);
  }, [stream.streamId, stream.leadId]);
  useEffect(() => onBusy(busy), [busy]);
  const section = useFollow(stream, !streamId);
  useEffect(() => {
    const escape = (event) => event.key === "Escape" && stream.stop();
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);
  if (stream.error?.status === 401) return html`<${KeyForm} onKey=${stream.retry} />`;
  const flow = workflow ?? stream.workflow;
  const doer = agent ?? stream.agent;
  return html`<section class="run" ref=${section} aria-label="Answer" aria-busy=${busy}>
    <${Announcer} stream=${stream} doer=${doer ?? flow} />
    <header>
      <${Status} stream=${stream} />
      ${busy && html`<button type="button" class="stop" aria-disabled=${stream.stopping} onClick=${stream.stop}>
        Stop <kbd>Esc</kbd></button>`}
    </header>
    <${Route} route=${stream.route} />
    <${Meters} stream=${stream} />
    ${input?.message && html`<blockquote class="asked" dir="auto">${input.message}</blockquote>`}
    ${flow || Object.keys(stream.steps).length ? html`<${Steps} flow=${flow} steps=${stream.steps} busy=${busy} />`
      : html`<${Result} agent=${doer} shown=${stream} busy=${busy} />`}
    <${Record} leadId=${leadId ?? stream.leadId} quotes=${quotesIn([stream.fields, stream.steps])} />
    <${Warnings} warnings=${stream.warnings} />
    <${Receipt} stream=${stream} />
    <footer>
      <${Copy} run=${{ agent: doer, workflow: flow, leadId: leadId ?? stream.leadId, input, options }} />
      ${busy && html`<button type="button" class="quiet" onClick=${stream.drop}
        title="Cuts this page off, as a dead network would">Drop my connection</button>`}
    </footer>
  </section>`;
}
