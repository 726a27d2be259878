"""nginx and Caddy in front of a server, each with its defaults or with what deploy/ ships."""

import contextlib
import os
import socket
import subprocess
import time

from tests.needs import needs
from tests.reading import PATIENCE_S
from tests.serving import ROOT

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
{inside}
"""


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@contextlib.contextmanager
def nginx(folder, inside):
    """`inside(port)` is what stands in nginx's `http {}`; gives the port."""
    program, port = needs("nginx"), free_port()
    conf = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(NGINX.format(folder=folder, user=user, inside=inside(port)))
    with running([program, "-p", folder, "-c", conf], port, folder):
        yield port


@contextlib.contextmanager
def caddy(folder, inside):
    """`inside(port)` is what stands in a Caddyfile after the global options; gives the port."""
    program, port = needs("caddy"), free_port()
    conf = folder / "Caddyfile"
    conf.write_text(CADDY.format(inside=inside(port)))
    command = [program, "run", "--adapter", "caddyfile", "--config", conf]
    with running(command, port, folder, XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder):
        yield port


@contextlib.contextmanager
def running(command, port, folder, **variables):
    log = folder / "proxy.log"
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    with log.open("ab") as written:
        proxy = subprocess.Popen(command, stdout=written, stderr=written, env=environment)
    try:
        listening(proxy, port, log)
        yield
    finally:
        proxy.terminate()
        proxy.wait(PATIENCE_S)


def listening(proxy, port, log):
    """Return when it accepts connections; fail when it has ended, or takes too long."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and proxy.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise AssertionError(f"the proxy does not listen:\n{log.read_text()}")


# What they are told.


def nginx_default(upstream, more=""):
    return lambda port: (
        f"server {{ listen 127.0.0.1:{port}; location / {{ {more}"
        f" proxy_pass http://127.0.0.1:{upstream}; }} }}"
    )


def nginx_prefixed(upstream):
    return lambda port: (
        f"server {{ listen 127.0.0.1:{port}; location /sales/ {{"
        f" proxy_set_header X-Forwarded-Prefix /sales;"
        f" proxy_pass http://127.0.0.1:{upstream}/; }} }}"
    )


def nginx_shipped(upstream):
    shipped = (ROOT / "deploy" / "nginx.conf").read_text()
    shipped = shipped.replace("/var/log/nginx/leadstream.log", "access.log")
    moved = shipped.replace("127.0.0.1:8001", f"127.0.0.1:{upstream}")
    return lambda port: moved.replace("listen 80;", f"listen 127.0.0.1:{port};").replace(
        "server_name leads.example.com;", "server_name 127.0.0.1;"
    )


def caddy_default(upstream, more=""):
    return lambda port: (
        f"http://127.0.0.1:{port} {{\n encode zstd gzip\n"
        f" reverse_proxy 127.0.0.1:{upstream} {{\n{more}\n}}\n}}"
    )


def caddy_prefixed(upstream):
    return lambda port: (
        f"http://127.0.0.1:{port} {{\n handle_path /sales/* {{\n"
        f" reverse_proxy 127.0.0.1:{upstream} {{\n header_up X-Forwarded-Prefix /sales\n}}\n}}\n}}"
    )


def caddy_shipped(upstream):
    shipped = (ROOT / "deploy" / "Caddyfile").read_text()
    return lambda port: shipped.replace(
        "{$LEADSTREAM_DOMAIN:localhost}", f"http://127.0.0.1:{port}"
    ).replace("{$LEADSTREAM_UPSTREAM:127.0.0.1:8001}", f"127.0.0.1:{upstream}")
