// The interface, drawn from openapi.json as DOM nodes: nothing in it ever becomes markup.

const page = document.getElementById("page");

function element(name, children = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[children].flat().filter((child) => child !== null));
  return made;
}

const code = (text) => element("code", text);
const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);
const linkTo = (name) => element("a", name, { href: `#${name}` });

function parts(list, between) {
  return list.flatMap((part, index) => (index ? [between, part] : [part]).flat());
}

// A schema in one line: references are links, the rest is named by its type.
function short(schema) {
  if (schema.$ref) return [linkTo(nameOf(schema.$ref))];
  if (schema.const !== undefined) return [code(JSON.stringify(schema.const))];
  if (schema.enum) return parts(schema.enum.map((value) => [code(JSON.stringify(value))]), " ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return parts(choices.map(short), " or ");
  if (schema.type === "array") return ["list of ", ...short(schema.items ?? {})];
  if (schema.properties?.items) return ["a page: ", ...short(schema.properties.items)];
  return [[schema.type ?? "anything"].flat().join(" or ")];
}

function rows(pairs) {
  return element("table", pairs.map(([name, ...cells]) =>
    element("tr", [element("td", code(name)), ...cells.map((cell) => element("td", cell))])));
}

function properties(schema) {
  const required = new Set(schema.required ?? []);
  return rows(Object.entries(schema.properties ?? {}).map(([name, property]) => [
    name, short(property), [required.has(name) ? "required. " : "", property.description ?? ""],
  ]));
}

function content(said) {
  return parts(Object.entries(said).map(([kind, { schema, itemSchema }]) => {
    const what = schema ? short(schema) : ["each ", ...short(itemSchema.properties.data.contentSchema)];
    return [code(kind), ": ", ...what];
  }), ", ");
}

function call(method, path, said) {
  const answers = Object.entries(said.responses);
  const problems = answers.filter(([, { content: c }]) => c?.["application/problem+json"]);
  const good = answers.filter((answer) => !problems.includes(answer));
  return element("details", [
    element("summary", [code(`${method.toUpperCase()} ${path}`), ` ${said.summary}`]),
    said.parameters.length ? element("h3", "Parameters") : null,
    rows(said.parameters.map((p) => [p.name, p.in, short(p.schema)])),
    ...(said.requestBody ? [element("h3", "Body"), element("p", content(said.requestBody.content))] : []),
    element("h3", "Answers"),
    rows(good.map(([status, answer]) => [status, answer.content ? content(answer.content) : "nothing"])),
    element("p", ["Problems: ", problems.map(([s, p]) => `${s} ${p.description}`).join(", ")]),
  ]);
}

function draw({ info, paths, components }) {
  const calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, said]) => ({ tag: said.tags[0], node: call(method, path, said) })));
  const tags = [...new Set(calls.map(({ tag }) => tag))];
  page.replaceChildren(
    element("h1", info.title),
    element("p", info.description),
    element("p", element("a", "openapi.json", { href: "openapi.json" })),
    ...tags.flatMap((tag) => [
      element("h2", tag.replaceAll("_", " ")),
      ...calls.filter((found) => found.tag === tag).map(({ node }) => node),
    ]),
    element("h2", "Shapes"),
    ...Object.entries(components.schemas).sort().map(([name, schema]) => element("details", [
      element("summary", code(name)),
      schema.description ? element("p", schema.description) : null,
      schema.properties ? properties(schema) : element("p", short(schema)),
    ], { id: name })),
  );
}

// A link to a shape opens it.
addEventListener("hashchange", () => {
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.setAttribute("open", "");
});

const answer = await fetch("openapi.json");
if (answer.ok) draw(await answer.json());
else page.replaceChildren(`openapi.json could not be read: ${answer.status}.`);
