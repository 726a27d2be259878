"""React as a browser can import it: its development build, the only one that mounts twice.

React comes as CommonJS. Each file becomes a function in one ES module; nothing is translated.
"""

import json
import re
import subprocess

from tests.needs import needs

REQUIRED = re.compile(r"""(?<![.\w])require\(["']([^"']+)["']\)""")


def install(folder, version):
    """Put this version of React into `folder`, unless it is there."""
    folder = folder / version
    if not (folder / "node_modules/react-dom/client.js").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        packages = [f"react@{version}", f"react-dom@{version}"]
        command = [needs("npm"), "install", "--no-audit", "--no-fund", "--silent", *packages]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "node_modules"


def bundle(modules):
    """One ES module with everything that React and its DOM client export."""
    files = {}
    for entry in ("react", "react-dom/client"):
        _collect(modules, _resolve(modules, modules, entry), files)
    react = modules / "react/cjs/react.development.js"
    names = sorted(set(re.findall(r"(?m)^\s*exports\.([A-Za-z]\w*) =", react.read_text())))
    return f"""
const process = {{ env: {{ NODE_ENV: "development" }} }};
const files = {{ {",".join(files.values())} }}, loaded = {{}};
function load(name) {{
  if (!loaded[name]) files[name]((loaded[name] = {{ exports: {{}} }}), loaded[name].exports);
  return loaded[name].exports;
}}
const react = load("react/index.js");
export default react;
export const {{ {", ".join(names)} }} = react;
export const {{ createRoot }} = load("react-dom/client.js");
"""


def _collect(modules, path, files):
    """The functions that `path` and whatever it requires become, by their names."""
    name = path.relative_to(modules).as_posix()
    if name in files or "production" in name:
        return
    files[name] = ""
    found = {
        spec: _resolve(modules, path.parent, spec) for spec in REQUIRED.findall(path.read_text())
    }
    names = {spec: there.relative_to(modules).as_posix() for spec, there in found.items()}
    files[name] = (
        f"{json.dumps(name)}(module, exports) {{"
        f"const require = (spec) => load({json.dumps(names)}[spec]);\n{path.read_text()}\n}}"
    )
    for there in found.values():
        _collect(modules, there, files)


def _resolve(modules, folder, spec):
    if spec.startswith("."):
        return (folder / spec).resolve().with_suffix(".js")
    package, _, part = spec.partition("/")
    return modules / package / (f"{part}.js" if part else "index.js")
