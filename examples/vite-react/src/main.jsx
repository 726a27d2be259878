import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useAgentStream } from "leadstream/use-agent-stream.js";

// The page and Leadstream are one origin: see vite.config.js.
const base = new URL("/", location.href);
const lead = { first_name: "Ada", company_name: "Analytical Engines", employee_count: 120 };

function Qualification() {
  const [leadId] = useState("ada-lovelace");
  const agent = useAgentStream({ agent: "qualification", leadId, options: { lead }, base });
  return (
    <>
      <button onClick={agent.start}>Qualify {lead.first_name}</button>
      <button onClick={agent.stop} disabled={!agent.streamId}>Stop</button>
      <p role="status">{agent.error?.message ?? agent.status}</p>
      <pre>{agent.text}</pre>
      <dl>
        {Object.entries(agent.fields).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

createRoot(document.querySelector("main")).render(<StrictMode><Qualification /></StrictMode>);
