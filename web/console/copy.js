// @ts-check
/** The same call for a terminal, and for somebody's own page. */
import { useState } from "preact/hooks";
import { html } from "./html.js";
import { BASE, key } from "./server.js";

/** @param {{ run: any }} props */
export function Copy({ run }) {
  const [shown, setShown] = useState("");
  if (!run.agent && !run.workflow) return null;
  const copy = (text) => () => {
    setShown(text);
    navigator.clipboard?.writeText(text).catch(() => {}); // without it the text is there to be taken
  };
  return html`
    <button type="button" class="quiet" onClick=${copy(curlOf(run))}>Copy as curl</button>
    <button type="button" class="quiet" onClick=${copy(reactOf(run))}>Copy as React</button>
    ${shown && html`<pre class="snippet" tabindex="0">${shown}</pre>`}`;
}

function curlOf({ agent, workflow, leadId, input, options }) {
  const [path, body] = workflow
    ? [`api/workflows/start/${leadId}`, { workflow, ...options }]
    : [`api/agents/${agent}/stream`, { ...(leadId && { lead_id: leadId }), ...input, ...options }];
  const auth = key.get() ? ` -H "Authorization: Bearer $LEADSTREAM_KEY"` : "";
  const data = JSON.stringify(body).replaceAll("'", "'\\''");
  return `curl -N ${BASE}${path}${auth} -d '${data}'`;
}

function reactOf({ agent, workflow, leadId, input }) {
  const said = { ...(workflow ? { workflow } : { agent }), ...(leadId && { leadId }), ...(input && Object.keys(input).length && { input }) };
  return `import { useAgentStream } from "${BASE}web/use-agent-stream.js";

export function Answer() {
  const { status, text, start, stop } = useAgentStream(${JSON.stringify(said)});
  return (
    <section aria-busy={status === "streaming"}>
      <button onClick={start}>Start</button> <button onClick={stop}>Stop</button>
      <pre>{text}</pre>
    </section>
  );
}`;
}
